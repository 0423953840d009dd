from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, NewType, Optional, Protocol, TypedDict, Union

import pytest

from pyresque.migrate.coverage import HANDLED, MISFIT, MISSING, cover
from pyresque.migrate.fits import may_be
from pyresque.plugins import Retry, Status
from tests.support.inventories import payload, rails


class Options(TypedDict):
    a: int


class HasName(Protocol):
    name: str


UserId = NewType("UserId", int)


def registry_of(resque):
    return resque.core.registry, resque.core.active_job_classes


def covered(resque, found):
    return cover(found, *registry_of(resque))


def state(resque, found, name="A"):
    return next(each for each in covered(resque, found).classes if each.name == name)


def test_a_class_is_handled_or_missing(queue, take, resque):
    resque.job("A", queue="q")(lambda x: None)
    resque.job("Never", queue="q")(lambda: None)
    resque.declare("Declared", queue="q")
    queue("q", payload("A", 1), payload("B"), payload("Declared"), payload("::A", 2))
    made = covered(resque, take())
    assert {each.name: each.state for each in made.classes} == {
        "A": HANDLED,
        "B": MISSING,
        "Declared": MISSING,
    }
    assert made.never_seen == ["Never"]
    assert made.percent == 50
    assert sorted(each.name for each in made.lacking) == ["B", "Declared"]


def test_nothing_seen_is_covered_wholly(take, resque):
    assert covered(resque, take()).percent == 100


def test_an_alias_handles_a_name_of_pyres(queue, take, resque):
    resque.job("Parse", queue="q", aliases=["__main__.parse"])(lambda x: None)
    queue("q", payload("__main__.parse", 1), payload("jobs.Parse", 1))
    found = take()
    assert state(resque, found, "__main__.parse").state == HANDLED
    advice = state(resque, found, "jobs.Parse").advice
    assert advice == '@resque.job("Parse", ..., aliases=["jobs.Parse"])'
    assert covered(resque, found).never_seen == []


def test_a_form_that_the_signature_refuses_does_not_fit(queue, take, resque):
    resque.job("A", queue="q")(lambda x, y=1: None)
    queue("q", payload("A", 1), payload("A", 1, 2), payload("A"), payload("A", 1, 2, 3))
    found = state(resque, take())
    assert (found.state, found.share) == (MISFIT, 0.5)
    assert sorted(found.misfits) == [
        "0 arguments, seen in 1 of 4 jobs: wrong number of arguments (given 0, expected 1..2)",
        "3 arguments, seen in 1 of 4 jobs: wrong number of arguments (given 3, expected 1..2)",
    ]


def test_a_trailing_hash_is_keywords_for_a_job_with_kwargs(queue, take, resque):
    resque.job("A", queue="q", kwargs=True)(lambda x, *, a, b=1: None)
    queue("q", payload("A", 1, {"a": 1}), payload("A", 1, {"a": 1, "c": 2}), payload("A", 1))
    found = state(resque, take())
    assert sorted(found.misfits) == [
        "1 argument, seen in 1 of 3 jobs: missing keyword: :a",
        "2 arguments and a:, c:, seen in 1 of 3 jobs: unknown keyword: :c",
    ]


def test_options_of_a_status_are_keywords(queue, take, resque):
    resque.job("A", queue="q", plugins=[Status()])(lambda num: None)
    queue("q", payload("A", "0" * 32, {"num": 1}), payload("A", "0" * 32, {"other": 1}))
    found = state(resque, take())
    assert len(found.misfits) == 1
    assert "other" in found.misfits[0]


def test_an_active_job_is_compared_with_its_own_handler(queue, take, resque):
    resque.active_job("A")(lambda account, *, force=False: None)
    keywords = {"force": True, "_aj_ruby2_keywords": ["force"]}
    queue("q", rails("A", 1, keywords), rails("A", 1), rails("A"), rails("B"))
    found = take()
    assert state(resque, found).misfits == [
        "0 arguments, seen in 1 of 3 jobs: wrong number of arguments (given 0, expected 1)"
    ]
    assert state(resque, found, "B").advice == '@resque.active_job("B", ...)'


def test_plain_jobs_of_a_class_that_is_registered_as_an_active_job_have_no_handler(
    queue, take, resque
):
    resque.active_job("A")(lambda: None)
    queue("q", rails("A"), payload("A"), payload("A"))
    found = state(resque, take())
    assert (found.state, round(found.share, 2)) == (MISFIT, 0.33)
    resque.job("A", queue="q")(lambda: None)
    assert state(resque, take()).state == HANDLED


def test_types_that_the_annotations_do_not_allow_are_doubts(queue, take, resque):
    @resque.job("A", queue="q")
    def perform(number: int, at: datetime, *rest: str, more: Optional[int] = None) -> None:  # noqa: UP045
        pass

    queue("q", payload("A", 1, "2026-03-01", "x", None), payload("A", "1", "2026-03-01", 2))
    found = state(resque, take())
    assert found.state == HANDLED
    assert found.doubts == [
        "argument 1 is number: int, but was a string in 1 of 2 jobs",
        "argument 2 is at: datetime.datetime, but was a string in 2 of 2 jobs",
        "argument 3 is rest: str, but was a integer in 1 of 2 jobs",
        "argument 4 is rest: str, but was a null in 1 of 1 jobs",
    ]


@pytest.mark.parametrize(
    ("kind", "annotation", "answer"),
    [
        ("string", str, True),
        ("string", int, False),
        ("integer", float, True),
        ("integer", bool, True),
        ("float", int, False),
        ("boolean", int, True),
        ("null", None, True),
        ("null", int, False),
        ("null", Optional[int], True),  # noqa: UP045
        ("null", int | None, True),
        ("string", Union[int, list[str]], False),  # noqa: UP007
        ("list", list[int], True),
        ("list", Sequence[int], True),
        ("list", tuple[int, ...], False),
        ("hash", dict[str, int], True),
        ("hash", Mapping[str, int], True),
        ("hash", Options, True),
        ("hash", str, False),
        ("string", Literal["a", "b"], True),
        ("integer", Literal["a", "b"], False),
        ("integer", UserId, True),
        ("string", UserId, False),
        ("string", Annotated[str, 1], True),
        ("string", datetime, False),
        ("Time", datetime, True),
        ("Symbol", str, True),
        ("GlobalID shop/Account", str, True),
        ("string", HasName, True),
        ("string", Any, True),
        ("string", object, True),
        ("string", "Unknown", True),
    ],
)
def test_whether_a_kind_may_be_what_an_annotation_says(kind, annotation, answer):
    assert may_be(kind, annotation) is answer


def test_annotations_that_cannot_be_evaluated_say_nothing(queue, take, resque):
    def perform(x: NoSuchName):  # noqa: F821
        pass

    resque.job("A", queue="q")(perform)
    queue("q", payload("A", 1))
    assert state(resque, take()).doubts == []


def test_a_builtin_without_a_signature_takes_everything(queue, take, resque):
    resque.job("A", queue="q")(max)
    queue("q", payload("A"), payload("A", 1, 2))
    assert state(resque, take()).state == HANDLED


def test_a_plugin_that_is_not_declared_is_told_with_the_line_to_write(db, queue, take, resque):
    resque.job("A", queue="q")(lambda x: None)
    resque.job("B", queue="q", plugins=[Retry()])(lambda x: None)
    resque.active_job("C")(lambda: None)
    queue("q", payload("A", 1), payload("B", 1), rails("C"))
    for name in "AB":
        db.set(f"resque:resque-retry:{name}:0a", "1")
    db.set("activejob_uniqueness:c:0a", "1")
    found = take()
    assert state(resque, found).undeclared == ["resque-retry"]
    assert state(resque, found).advice == '@resque.job("A", ..., plugins=[Retry()])'
    assert state(resque, found, "B").undeclared == []
    assert state(resque, found, "C").undeclared == ["activejob-uniqueness"]


def test_a_class_that_is_known_by_its_keys_alone_lacks_nothing(db, take, resque):
    db.set("resque:resque-retry:Old:0a", "1")
    made = covered(resque, take())
    assert [each.state for each in made.classes] == [MISSING]
    assert made.lacking == []


def test_a_job_hash_that_cannot_be_read_is_no_class_to_register(queue, take, resque):
    wrapper = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"
    queue("q", payload(wrapper, "broken"), payload(None))
    assert covered(resque, take()).classes == []


def test_coverage_is_json(queue, take, resque):
    queue("q", payload("A\udcff\x1b", 1))
    assert json.loads(json.dumps(covered(resque, take()).to_dict()))["percent"] == 0
