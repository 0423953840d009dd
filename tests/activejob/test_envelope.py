"""The job hash: its fields by version, what is read leniently and what is not, and the hash of the next try."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from pyresque.activejob import LATEST, Envelope, Rails
from pyresque.activejob.envelope import unwrap
from pyresque.activejob.registry import WRAPPER, is_wrapper
from pyresque.errors import EnvelopeError, EnvelopeMethodError, EnvelopeTypeError

NOW = datetime(2024, 3, 5, 6, 7, 8, 500000, timezone.utc)
FIRST_FIELDS = [
    *(
        "job_class",
        "job_id",
        "provider_job_id",
        "queue_name",
        "priority",
        "arguments",
        "executions",
    ),
    *("exception_executions", "locale", "timezone", "enqueued_at"),
]


def envelope(version: Rails = LATEST, **fields: object) -> Envelope:
    found = {
        "job_class": "EchoJob",
        "job_id": "1",
        "queue_name": "default",
        "arguments": [1],
        "exception_executions": {},
    }
    return Envelope.from_payload(found | fields, version=version)


@pytest.mark.parametrize(
    ("version", "more", "enqueued_at"),
    [
        (Rails.V6_0, [], "2024-03-05T06:07:08Z"),
        (Rails.V7_0, [], "2024-03-05T06:07:08Z"),
        (Rails.V7_1, ["scheduled_at"], "2024-03-05T06:07:08.500000000Z"),
        (Rails.V8_1, ["scheduled_at"], "2024-03-05T06:07:08.500000000Z"),
    ],
)
def test_a_new_job_has_the_fields_of_its_rails_version(
    version: Rails, more: list[str], enqueued_at: str
) -> None:
    job = Envelope.create("EchoJob", [1], job_id="1", queue_name="low", now=NOW, version=version)

    assert list(job.to_json()) == FIRST_FIELDS + more
    assert job.to_json()["enqueued_at"] == enqueued_at


def test_a_continuable_job_has_its_two_fields_and_own_fields_come_last() -> None:
    job = Envelope.create(
        "A", [], job_id="1", queue_name="q", now=NOW, continuable=True, extra={"tenant": "acme"}
    )

    assert list(job.to_json())[-4:] == ["scheduled_at", "continuation", "resumptions", "tenant"]
    assert job.continuation == {"completed": []}


def test_only_the_class_must_be_there() -> None:
    job = Envelope.from_payload({"job_class": "EchoJob"}, locale="de", timezone="Berlin")

    assert (job.locale, job.timezone, job.executions, job.exception_executions) == (
        "de",
        "Berlin",
        0,
        None,
    )
    assert job.to_json()["arguments"] == []
    assert job.counted("[ArgumentError]") == (job, 0)


@pytest.mark.parametrize(
    ("found", "kind", "message"),
    [
        ({}, EnvelopeMethodError, "undefined method `safe_constantize' for nil:NilClass"),
        (
            {"job_class": 5},
            EnvelopeMethodError,
            "undefined method `safe_constantize' for 5:Integer",
        ),
        (None, EnvelopeMethodError, "undefined method `\\[\\]' for nil:NilClass"),
        ("text", EnvelopeTypeError, "a job hash is needed, found String"),
        (
            {"job_class": "A", "executions": "3"},
            EnvelopeTypeError,
            "no implicit conversion of Integer into String",
        ),
        (
            {"job_class": "A", "executions": 1.5},
            EnvelopeMethodError,
            "undefined method `\\+' for 1.5:Float",
        ),
        (
            {"job_class": "A", "enqueued_at": 1.5},
            EnvelopeTypeError,
            "no implicit conversion of Float into String",
        ),
        (
            {"job_class": "A", "scheduled_at": "soon"},
            EnvelopeError,
            'invalid xmlschema format: "soon"',
        ),
    ],
)
def test_fields_rails_stumbles_over_are_refused_in_rubys_words(
    found: object, kind: type[EnvelopeError], message: str
) -> None:
    with pytest.raises(kind, match=f"^{message}$"):
        Envelope.from_payload(found)


def test_rails_before_7_1_takes_any_enqueued_at() -> None:
    assert envelope(Rails.V7_0, enqueued_at=1.5, scheduled_at="soon").enqueued_at == 1.5


def test_a_retry_counts_up_and_keeps_identity_arguments_and_unknown_fields() -> None:
    job, count = (
        envelope(colour="red", executions=1, exception_executions={"[A]": 1, "[B]": 4})
        .started()
        .counted("[A]")
    )

    again = job.retried(now=NOW, wait=timedelta(seconds=90)).to_json()

    assert count == 2
    assert (again["job_id"], again["arguments"], again["executions"], again["colour"]) == (
        "1",
        [1],
        2,
        "red",
    )
    assert again["exception_executions"] == {"[A]": 2, "[B]": 4}
    assert again["scheduled_at"] == "2024-03-05T06:08:38.500000000Z"


def test_a_retry_may_go_elsewhere_with_other_arguments_and_without_unknown_fields() -> None:
    again = envelope(colour="red").retried(
        now=NOW, queue="slow", priority=9, arguments=[2], keep_unknown=False
    )

    assert (again.queue_name, again.priority, again.arguments, dict(again.extra)) == (
        "slow",
        9,
        [2],
        {},
    )


@pytest.mark.parametrize(("version", "locale"), [(Rails.V7_1, "en"), (Rails.V7_2, "de")])
def test_up_to_rails_7_1_a_retry_has_the_workers_locale(version: Rails, locale: str) -> None:
    job = envelope(version, locale="de")

    assert job.retried(now=NOW, worker_locale="en").locale == locale
    assert job.retried(now=NOW).locale == "de"


def test_a_retry_without_a_wait_keeps_the_time_it_was_scheduled_for() -> None:
    job = envelope(scheduled_at="2024-03-05T06:00:00+09:00")

    assert job.retried(now=NOW).scheduled_at == "2024-03-04T21:00:00.000000000Z"
    assert envelope().retried(now=NOW).run_at is None


@pytest.mark.parametrize(
    ("steps", "resumptions"),
    [
        ({"completed": []}, 2),
        ({"completed": ["one"]}, 3),
        ({"completed": [], "current": ["a", 1]}, 3),
    ],
)
def test_a_started_job_is_resumed_once_more_if_steps_were_done(
    steps: dict[str, object], resumptions: int
) -> None:
    job = envelope(continuation=steps, resumptions=2).started()

    assert (job.executions, job.resumptions) == (1, resumptions)
    assert job.retried(now=NOW).to_json()["continuation"] == steps


def test_the_wrapper_is_known_with_leading_colons_too() -> None:
    assert is_wrapper(WRAPPER)
    assert is_wrapper(f"::{WRAPPER}")
    assert not is_wrapper("EchoJob")
    assert not is_wrapper(None)


@pytest.mark.parametrize(
    ("args", "given"),
    [([], 0), (None, 0), (False, 0), ({}, 0), ([{}, 2], 2), ({"a": 1, "b": 2}, 2)],
)
def test_a_wrapper_takes_one_argument(args: object, given: int) -> None:
    with pytest.raises(
        EnvelopeError, match=f"wrong number of arguments \\(given {given}, expected 1\\)"
    ):
        unwrap(args)

    assert unwrap([{"job_class": "A"}]) == {"job_class": "A"}


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("6.0.6.1", Rails.V6_0),
        ("7.1", Rails.V7_1),
        ("8", Rails.V8_0),
        ("7.9", Rails.V7_2),
        ("9.3", Rails.V8_1),
    ],
)
def test_a_version_is_known_by_its_text(text: str, version: Rails) -> None:
    assert Rails.named(text) is version


@pytest.mark.parametrize("text", ["5.2", "", "new", "7.x", "-7.1"])
def test_what_is_no_known_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Rails"):
        Rails.named(text)
