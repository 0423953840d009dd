"""Which failed jobs ``pyresque migrate rescue`` takes: those that failed for want of their own class, and that Python performs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from pyresque.failure.record import FailedRecord
from pyresque.routing.rescue import Rescue, class_was_missing
from pyresque.routing.rules import Routes

if TYPE_CHECKING:
    from pyresque.job.job import Job

WRAPPER = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"
UNKNOWN_ACTIVE = "ActiveJob::UnknownJobClassError"


def record(class_name: object, exception: object, error: object, **more: object) -> FailedRecord:
    args: list[object] = [1]
    if more.pop("active", False):
        args, class_name = [{"job_class": class_name, "job_id": "x"}], WRAPPER
    payload = {"class": class_name, "args": args}
    fields = {"payload": payload, "exception": exception, "error": error, "queue": "low", **more}
    return FailedRecord(0, json.dumps(fields).encode(), fields)


@pytest.mark.parametrize(
    ("class_name", "exception", "error", "missing"),
    [
        ("Py", "NameError", "uninitialized constant Py", True),
        ("Deep::Py", "NameError", "uninitialized constant Deep", True),
        ("Deep::Py", "NameError", "uninitialized constant Deep::Py", True),
        ("::Deep::Py", "NameError", "uninitialized constant Deep::Py", True),
        ("Py", "NameError", "uninitialized constant Object::Py", True),
        ("Py", "NameError", "uninitialized constant Py\nDid you mean?  Pry", True),
        ("jobs.send_mail", "NameError", "wrong constant name jobs.send_mail", True),
        ("Deep::py", "NameError", "wrong constant name py", True),
        ("Py", "NameError", "uninitialized constant Py::Helper", False),
        ("Py", "NameError", "uninitialized constant Other", False),
        ("Deep::Py", "NameError", "uninitialized constant Py", False),
        ("Py", "NameError", "undefined local variable or method `Py'", False),
        ("Py", "NoMethodError", "uninitialized constant Py", False),
        ("Py", "NameError", None, False),
        ("Py", None, "uninitialized constant Py", False),
        (None, "NameError", "uninitialized constant ", False),
        ("", "NameError", "", False),
    ],
)
def test_the_error_names_the_jobs_own_class(
    class_name: object, exception: object, error: object, missing: bool
) -> None:
    assert class_was_missing(record(class_name, exception, error)) is missing


def test_an_active_jobs_own_class_counts() -> None:
    assert class_was_missing(record("Py", UNKNOWN_ACTIVE, "no class", active=True))
    assert class_was_missing(record("Py", "NameError", "uninitialized constant Py", active=True))
    wrong = record("Py", "NameError", f"uninitialized constant {WRAPPER}", active=True)
    assert not class_was_missing(wrong)


@pytest.mark.parametrize("fields", [{}, {"payload": 7}, {"payload": {}, "error": "x"}])
def test_records_of_any_shape_are_read(fields: dict[str, object]) -> None:
    assert not class_was_missing(FailedRecord(0, b"", fields))


def test_only_what_python_performs_is_taken_and_the_rest_is_counted() -> None:
    codec = Resque("redis://127.0.0.1:1").core.codec
    routes = Routes.from_settings({"Py": "python", "Part": "python=0.001%", "Rb": "ruby"})
    names = ["Py", "Part", "Rb", "Free", "Known"]
    records = [record(name, "NameError", f"uninitialized constant {name}") for name in names]
    alone = Rescue(routes, codec)
    assert [one.class_name for one in records if alone.takes(one)] == ["Py"]
    assert set(alone.left) == {"Part", "Rb", "Free", "Known"}

    def performs(job: Job) -> bool:
        return job.class_name in {"Py", "Known", "Rb"}

    with_app = Rescue(routes, codec, performs)
    assert [one.class_name for one in records if with_app.takes(one)] == ["Py", "Known"]
    again = record("Py", "NameError", "uninitialized constant Py", retried_at="2026/03/01")
    assert not with_app.takes(again)
