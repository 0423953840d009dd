from __future__ import annotations

import pytest

from pyresque.errors import (
    DuplicateJobError,
    NoClassError,
    NoPerformError,
    NoQueueError,
    UnknownJobClass,
)
from pyresque.job.job_class import own_queue
from pyresque.job.registry import Registry, own_name, validate


class Archive:
    queue = "file_serve"

    @staticmethod
    def perform() -> str:
        return "archived"


def monthly_report() -> str:
    return "reported"


def test_a_class_bears_its_own_name_and_a_function_the_camel_case_of_its():
    registry = Registry()
    assert registry.add(Archive).name == "Archive"
    assert registry.add(monthly_report, queue="r").name == "MonthlyReport"
    assert registry.find("Archive").perform() == "archived"
    assert registry.find("MonthlyReport").perform() == "reported"
    assert [entry.name for entry in registry] == ["Archive", "MonthlyReport"]
    assert len(registry) == 2


@pytest.mark.parametrize(
    "written",
    [
        *("Reports::Monthly", "::Reports::Monthly"),
        *("Reports::Monthly::", "Reports::Monthly::::", "::Reports::Monthly::"),
    ],
)
def test_a_ruby_name_is_found_as_payloads_write_it(written):
    registry = Registry()
    entry = registry.add(monthly_report, name="Reports::Monthly")
    assert registry.find(written) is entry
    assert registry.knows(written)


def test_a_dashed_name_is_read_as_resque_reads_it():
    registry = Registry()
    assert registry.add(Archive, name="ArchiveJob") is registry.find("archive-job")


def test_an_alias_is_another_name_of_the_same_job():
    registry = Registry()
    entry = registry.add(Archive, aliases=["OldArchive"])
    assert registry.find("OldArchive") is entry
    assert list(registry) == [entry]


def test_one_name_for_two_jobs_is_refused_and_neither_alias_nor_name_is_entered():
    registry = Registry()
    first = registry.add(Archive)
    with pytest.raises(DuplicateJobError, match=r"test_registry.Archive.*monthly_report"):
        registry.add(monthly_report, name="Report", aliases=["Archive"])
    assert registry.find("Archive") is first
    assert not registry.knows("Report")


def test_the_same_job_may_be_registered_again():
    registry = Registry()
    registry.add(Archive)
    assert registry.add(Archive, queue="other").queue == "other"
    assert len(registry) == 1


def test_what_can_perform_nothing_is_refused():
    with pytest.raises(NoClassError, match="can perform nothing"):
        Registry().add(7)
    with pytest.raises(NoClassError, match=r"Empty can perform nothing: give it a static method"):
        Registry().add(type("Empty", (), {}))
    with pytest.raises(NoPerformError, match="undefined method `perform' for Empty:Class"):
        _ = Registry().describe(type("Empty", (), {})).perform


@pytest.mark.parametrize(
    "name", ["Nobody", "Archive::::Deep", "::", "os.system", "Nobody::At::Home", 7, ["X"]]
)
def test_a_name_that_nobody_registered_is_unknown_and_never_imported(name):
    registry = Registry()
    assert not registry.knows(name)
    with pytest.raises(UnknownJobClass):
        registry.find(name)


def test_what_is_not_registered_describes_itself():
    registry = Registry()
    entry = registry.describe(Archive)
    assert (entry.name, entry.queue) == ("Archive", "file_serve")
    assert registry.describe("WelcomeMailer").name == "WelcomeMailer"
    assert len(registry) == 0


def test_a_queue_is_text_or_a_method_and_only_a_method_is_inherited():
    class Child(Archive):
        """Has no queue of its own."""

    class Dynamic:
        @staticmethod
        def queue() -> str:
            return "dynamic"

    class DynamicChild(Dynamic):
        """Inherits the method."""

    assert own_queue(Archive) == "file_serve"
    assert own_queue(Child) is None
    assert own_queue(DynamicChild) == "dynamic"
    assert own_queue(type("Odd", (), {"queue": 7})) is None
    assert own_name(monthly_report) == "MonthlyReport"


def test_a_function_without_a_queue_is_refused_in_rubys_words():
    with pytest.raises(NoQueueError, match=r"No queue could be inferred for class MonthlyReport$"):
        validate(Registry().describe(monthly_report), None)


def test_a_job_needs_a_queue_and_a_name_in_rubys_words():
    registry = Registry()
    with pytest.raises(NoQueueError, match="No queue could be inferred for class X"):
        validate(registry.describe("X"), None)
    with pytest.raises(NoClassError, match="Jobs must be given a class"):
        validate(registry.describe(""), "low")
    assert validate(registry.describe(Archive), None) == "file_serve"
    assert validate(registry.describe(Archive), "other") == "other"


def test_a_queue_is_asked_for_each_time_as_in_ruby():
    class Moving:
        queue = "first"

        @staticmethod
        def perform() -> None: ...

    class Choosing(Moving):
        @staticmethod
        def queue() -> str:
            return choices[-1]

    choices = ["day"]
    registry = Registry()
    for target in (Moving, Choosing):
        registry.add(target)
    assert [registry.describe(each).queue for each in (Moving, Choosing)] == ["first", "day"]
    Moving.queue = "second"
    choices.append("night")
    assert [registry.describe(each).queue for each in (Moving, Choosing)] == ["second", "night"]
    assert registry.find("Choosing").queue == "night"
    assert registry.add(Moving, queue="given").queue == "given"
