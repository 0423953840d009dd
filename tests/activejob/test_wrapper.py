"""The job wrapper: whom it calls, what it puts back, and under which names it fails whatever cannot be performed."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from pyresque.activejob import Envelope, GlobalID, Rails, Resume, RetryOn, Symbol
from pyresque.activejob.calls import NewJob
from pyresque.activejob.registry import WRAPPER, ActiveJobs
from pyresque.activejob.versions import RailsApp
from pyresque.activejob.wrapper import JobWrapper
from pyresque.errors import (
    DeserializationError,
    NoClassError,
    PyresqueError,
    ResumeLimitError,
    SerializationError,
)
from pyresque.job.job import JsonCodec, read_job
from pyresque.job.registry import Registry
from tests.support.scripted_driver import result_of

if TYPE_CHECKING:
    from pyresque.activejob import Continuable

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
ALL = list(Rails)


class Stage:
    """A wrapper whose jobs note what they were called with, and what it put back."""

    def __init__(self, version: Rails = Rails.V8_1, *, stopping: bool = False) -> None:
        self.put: list[Envelope] = []
        self.calls: list[Any] = []
        self.jobs = ActiveJobs()
        self.registry = Registry()
        self.jobs.add("EchoJob", lambda *args, **kwargs: self.calls.append((args, kwargs)))

        async def put(envelope: Envelope) -> None:
            self.put.append(envelope)

        self.wrapper = JobWrapper(
            self.jobs,
            self.registry,
            RailsApp(version),
            put,
            lambda: NOW,
            stopping=lambda: stopping,
        )

    def perform(self, *args: object, queue: str = "found") -> bool:
        raw = json.dumps({"class": WRAPPER, "args": args}).encode()
        return result_of(self.wrapper.perform(read_job(JsonCodec(), queue, raw)))

    def fails(self, *args: object) -> tuple[str, str]:
        """The name and the words under which a job's failure is recorded."""
        with pytest.raises(PyresqueError) as caught:
            self.perform(*args)
        assert self.calls == []
        assert self.put == []
        return caught.value.ruby_name or caught.typename, str(caught.value)


def job(*arguments: object, **fields: object) -> dict[str, object]:
    return {"job_class": "EchoJob", "arguments": list(arguments), **fields}


def test_a_job_is_called_with_its_arguments_and_keywords() -> None:
    stage = Stage()
    gid = "gid://shop/Account/7"
    keywords = {"force": True, "_aj_ruby2_keywords": ["force"]}
    assert stage.perform(job({"_aj_globalid": gid}, keywords))
    assert stage.calls == [((GlobalID("shop", "Account", 7),), {"force": True})]


def test_only_the_class_of_a_job_must_be_there() -> None:
    stage = Stage()
    assert stage.perform({"job_class": "EchoJob"})
    assert stage.calls == [((), {})]


def serialized(kind: str, **fields: object) -> dict[str, object]:
    return {"_aj_serialized": f"ActiveJob::Serializers::{kind}Serializer", **fields}


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(
    "argument",
    [
        {"_aj_serialized": "NoSuchSerializer", "value": 1},
        {"_aj_serialized": None},
        {"_aj_serialized": 7},
        {"_aj_symbol_keys": 7, "a": 1},
        {"_aj_ruby2_keywords": True},
        serialized("Date", value="soon"),
        serialized("Time", value=None),
        serialized("Symbol", value=[]),
        serialized("Duration", value=1, parts="none"),
    ],
    ids=lambda argument: json.dumps(argument).replace("ActiveJob::Serializers::", "")[:60],
)
def test_arguments_that_cannot_be_read_fail_as_deserialization_errors(
    version: Rails, argument: object
) -> None:
    name, words = Stage(version).fails(job(argument))
    assert name == "ActiveJob::DeserializationError"
    assert words.startswith("Error while trying to deserialize arguments: ")


def test_a_marker_that_rails_does_not_know_is_a_key_like_any_other() -> None:
    stage = Stage()
    stage.perform(job({"_aj_other": 1, "_aj_symbol_keys": ["_aj_other"]}, {"_aj_globalid": "x"}))
    assert stage.calls == [(({Symbol("_aj_other"): 1}, None), {})]


@pytest.mark.parametrize("found", [None, LookupError("gone")], ids=["none found", "raised"])
def test_a_record_that_is_gone_fails_the_job_and_may_be_retried(
    found: LookupError | None,
) -> None:
    stage = Stage()

    def locate(_gid: GlobalID) -> object:
        if found is not None:
            raise found
        return None

    stage.jobs.locators["Account"] = locate
    gone = job({"_aj_globalid": "gid://shop/Account/7"}, exception_executions={})
    name, _ = stage.fails(gone)
    assert name == "ActiveJob::DeserializationError"
    rule = RetryOn((DeserializationError,), wait=0)
    stage.jobs.add("PatientJob", print, retry_on=[rule])
    assert not stage.perform({**gone, "job_class": "PatientJob"})
    (again,) = stage.put
    assert again.arguments == gone["arguments"]


@pytest.mark.parametrize(
    ("version", "name", "words"),
    [
        (
            Rails.V8_1,
            "ActiveJob::UnknownJobClassError",
            "Failed to instantiate job, class `GoneJob` doesn't exist",
        ),
        (Rails.V8_0, "NameError", "uninitialized constant GoneJob"),
    ],
)
def test_a_class_that_nobody_registered_fails_as_it_does_in_rails(
    version: Rails, name: str, words: str
) -> None:
    assert Stage(version).fails({"job_class": "GoneJob"}) == (name, words)


def test_a_plain_resque_job_is_no_active_job() -> None:
    stage = Stage()
    stage.registry.add(print, name="Archive", queue="low")
    name, words = stage.fails({"job_class": "Archive"})
    assert (name, "deserialize" in words) == ("NoMethodError", True)


@pytest.mark.parametrize(
    ("args", "name"),
    [
        ((), "ArgumentError"),
        ((job(), job()), "ArgumentError"),
        ((None,), "NoMethodError"),
        ((7,), "TypeError"),
        (({},), "NoMethodError"),
        (({"job_class": None},), "NoMethodError"),
        (({"job_class": 7},), "NoMethodError"),
        ((job(timezone="Atlantis"),), "ArgumentError"),
        ((job(enqueued_at="soon"),), "ArgumentError"),
        ((job(enqueued_at=1_700_000_000),), "TypeError"),
        ((job(scheduled_at="2026-01-01"),), "ArgumentError"),
        ((job(executions="1"),), "TypeError"),
        ((job(executions={}),), "NoMethodError"),
        (({"job_class": "EchoJob", "arguments": 7},), "ActiveJob::DeserializationError"),
    ],
    ids=lambda given: str(given)[:50],
)
def test_envelopes_with_wrong_or_missing_fields_fail_under_rails_names(
    args: tuple[object, ...], name: str
) -> None:
    assert Stage().fails(*args)[0] == name


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((1, 2), "wrong number of arguments (given 2, expected 1)"),
        (
            (1, {"b": 2, "_aj_ruby2_keywords": ["b"]}),
            "unknown keyword: :b",
        ),
    ],
)
def test_a_call_that_does_not_fit_fails_as_rubys_argument_error(
    args: tuple[object, ...], words: str
) -> None:
    stage = Stage()

    def one(number: int, *, force: bool = False) -> None: ...

    stage.jobs.add("OneJob", one)
    assert stage.fails({**job(*args), "job_class": "OneJob"}) == ("ArgumentError", words)


def test_a_retry_of_a_job_without_a_queue_goes_to_the_one_it_was_found_in() -> None:
    stage = Stage()

    def fail() -> None:
        raise OSError("no")

    stage.jobs.add("FailJob", fail, retry_on=[RetryOn((OSError,), wait=0)])
    assert not stage.perform({"job_class": "FailJob"}, queue="low")
    assert [again.queue_name for again in stage.put] == ["low"]


def test_of_many_jobs_none_is_enqueued_if_one_cannot_be_written() -> None:
    stage = Stage()
    new = [NewJob("EchoJob", (1,)), NewJob("EchoJob", (object(),))]
    with pytest.raises(SerializationError):
        result_of(stage.wrapper.enqueue_all(new))
    assert stage.put == []
    result_of(stage.wrapper.enqueue_all(new[:1] * 2))
    assert [envelope.arguments for envelope in stage.put] == [[1], [1]]


# -- jobs in steps


def import_rows(job: Continuable) -> None:
    for name in ("one", "two"):
        for _step in job.step(name):
            pass


def test_a_new_job_in_steps_says_so_in_its_fields() -> None:
    stage = Stage()
    stage.jobs.add("ImportJob", import_rows, resume=Resume())
    result_of(stage.wrapper.enqueue(NewJob("ImportJob", ())))
    (written,) = [envelope.to_json() for envelope in stage.put]
    assert (written["continuation"], written["resumptions"]) == ({"completed": []}, 0)


def test_an_interrupted_job_is_put_back_where_its_options_say() -> None:
    stage = Stage(stopping=True)
    stage.jobs.add("ImportJob", import_rows, resume=Resume(wait=30, queue="slow", priority=3))
    assert not stage.perform({"job_class": "ImportJob", "exception_executions": {}})
    (again,) = stage.put
    assert (again.queue_name, again.priority, again.executions) == ("slow", 3, 1)
    assert again.run_at == datetime(2026, 3, 1, 12, 0, 30, tzinfo=timezone.utc)
    assert again.exception_executions == {"Interrupted after 'one' (stopping)": 1}


def test_a_retry_of_a_job_in_steps_keeps_what_was_done() -> None:
    stage = Stage()

    def fail(job: Continuable) -> None:
        import_rows(job)
        raise OSError("no")

    resume = Resume(errors_after_advancing=False)
    stage.jobs.add("ImportJob", fail, resume=resume, retry_on=[RetryOn((OSError,), wait=0)])
    assert not stage.perform({"job_class": "ImportJob"})
    assert [again.continuation for again in stage.put] == [{"completed": ["one", "two"]}]


def test_a_job_that_was_resumed_too_often_fails() -> None:
    stage = Stage(stopping=True)
    stage.jobs.add("ImportJob", import_rows, resume=Resume(most=0))
    with pytest.raises(ResumeLimitError):
        stage.perform({"job_class": "ImportJob"})
    assert stage.put == []


def test_a_job_in_steps_needs_an_argument_for_them() -> None:
    with pytest.raises(NoClassError):
        Stage().jobs.add("ImportJob", lambda: None, resume=Resume())
