"""What Sentry is told of a job, through a transport that keeps it."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.transport import Transport

from pyresque import AsyncResque, Job, Payload, Resque, TimeLimit
from pyresque.activejob import DiscardOn, RetryOn
from pyresque.contrib.sentry import ResqueIntegration, _report_death
from pyresque.errors import DirtyExit
from pyresque.plugins import Retry
from pyresque.user_errors import note_retried
from tests.support.traced import burst

WRAPPER = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"


class Kept(Transport):
    """Keeps the items of envelopes."""

    sent: list[dict[str, Any]]

    def capture_envelope(self, envelope: Any) -> None:
        self.sent += [item.payload.json for item in envelope.items]


class Sentry:
    """Sentry in memory."""

    def __init__(self, resque: Resque) -> None:
        self.resque = resque
        self.sent: list[dict[str, Any]] = []

    def init(self, *, write: bool = False, **options: Any) -> None:
        sent = self.sent
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # newer versions have data_collection for send_default_pii
            self._init(sent, write=write, **options)

    def _init(self, sent: list[dict[str, Any]], *, write: bool, **options: Any) -> None:
        sentry_sdk.init(
            "http://key@127.0.0.1:1/1",
            transport=type("Here", (Kept,), {"sent": sent}),
            traces_sample_rate=1.0,
            release="1",
            default_integrations=False,
            integrations=[ResqueIntegration(self.resque, write=write)],
            **options,
        )

    @property
    def events(self) -> list[dict[str, Any]]:
        return [item for item in self.sent if item.get("type") != "transaction"]

    @property
    def transactions(self) -> list[dict[str, Any]]:
        return [item for item in self.sent if item.get("type") == "transaction"]


@pytest.fixture
def resque(db, redis_url):
    with Resque(redis_url, executor="inline") as made:
        yield made


@pytest.fixture
def sentry(resque):
    yield Sentry(resque)
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)


def push(db, name: str, *args: Any, **extra: Any) -> None:
    db.sadd("resque:queues", "low")
    db.rpush("resque:queue:low", json.dumps({"class": name, "args": args, **extra}))


def push_active(db, **fields: Any) -> None:
    push(db, WRAPPER, {"job_class": "MailJob", "job_id": "j1", "arguments": [1], **fields})


def test_a_job_is_a_transaction_with_a_span_of_the_queue(db, resque, sentry):
    sentry.init()
    resque.job("Count", queue="low")(lambda number: None)
    push(db, "Count", 1, enqueued_at="2020-01-01T00:00:00Z")
    burst(resque, "low")
    (transaction,) = sentry.transactions
    assert transaction["transaction"] == "Count"
    assert transaction["transaction_info"] == {"source": "task"}
    assert transaction["contexts"]["trace"]["op"] == "queue.task.resque"
    assert transaction["contexts"]["trace"]["origin"] == "auto.queue.resque"
    assert transaction["tags"]["resque.queue"] == "low"
    (span,) = (span for span in transaction["spans"] if span["op"] == "queue.process")
    assert span["data"]["messaging.destination.name"] == "low"
    assert span["data"]["messaging.message.receive.latency"] > 1e11
    assert sentry.events == []


@pytest.mark.parametrize(
    ("options", "allowed"),
    [
        ({}, False),
        ({"send_default_pii": True}, True),
        ({"data_collection": {"queues": True, "stack_frame_variables": False}}, True),
        ({"data_collection": {"queues": False}}, False),
    ],
)
def test_an_error_is_reported_once_with_arguments_where_personal_data_is_allowed(
    db, resque, sentry, options, allowed
):
    sentry.init(**options)

    @resque.job("Fail", queue="low")
    def fail(_: str) -> None:
        del _
        raise ValueError("of the job")

    push(db, "Fail", "hush" + "hush")
    burst(resque, "low")
    (event,) = sentry.events
    (value,) = event["exception"]["values"]
    assert (value["type"], value["value"]) == ("ValueError", "of the job")
    assert value["mechanism"] == {"type": "resque", "handled": False}
    assert event["contexts"]["Resque"]["job_class"] == "Fail"
    assert ("hushhush" in json.dumps(event)) is allowed
    assert sentry.transactions[0]["contexts"]["trace"]["status"] == "internal_error"


def test_a_second_init_makes_no_second_transaction(db, resque, redis_url, sentry):
    sentry.init()
    sentry.init()
    ResqueIntegration(AsyncResque(redis_url, jobs=resque))
    resque.job("Note", queue="low")(lambda: None)
    push(db, "Note")
    burst(resque, "low")
    assert [one["transaction"] for one in sentry.transactions] == ["Note"]


def test_a_retried_error_is_reported_when_no_attempt_is_left(db, resque, sentry):
    sentry.init()
    tries: list[str] = []

    def failing(name: str) -> Any:
        def work(*args: Any) -> None:
            tries.append(name)
            raise ValueError(f"{name} {tries.count(name)}")

        return work

    resque.job("Again", queue="low", plugins=[Retry(limit=2)])(failing("Again"))
    rules = [RetryOn((ValueError,), wait=0, attempts=2)]
    resque.active_job("MailJob", queue="low", retry_on=rules)(failing("MailJob"))
    resque.active_job("DropJob", queue="low", discard_on=[DiscardOn((ValueError,))])(failing("x"))
    for name in ("Again", "MailJob", "DropJob"):
        resque.enqueue(name)
    while db.llen("resque:queue:low"):
        burst(resque, "low")
        while (due := resque.next_delayed_timestamp()) is not None:
            resque.enqueue_next_item(due)
    reported = [event["exception"]["values"][-1]["value"] for event in sentry.events]
    assert sorted(reported) == ["Again 3", "MailJob 2"]
    assert len(sentry.transactions) == len(tries) == 6


def test_a_failure_hook_that_raises_hides_no_retry(db, resque, sentry):
    sentry.init()

    @resque.job("Again", queue="low", plugins=[Retry(limit=1, delay=1000)])
    class Again:
        @staticmethod
        def on_failure_z() -> None:
            """Takes no argument, and so raises."""

        @staticmethod
        def perform() -> None:
            raise ValueError("of the job")

    push(db, "Again")
    burst(resque, "low")
    assert sentry.events == []


def test_what_one_job_has_told_is_not_in_the_events_of_the_next(db, resque, sentry):
    sentry.init()
    sentry_sdk.add_breadcrumb(message="of the start")

    @resque.job("Fail", queue="low")
    def fail(number: int) -> None:
        sentry_sdk.set_tag(f"tag{number}", number)
        sentry_sdk.add_breadcrumb(message=f"crumb {number}")
        raise ValueError(number)

    push(db, "Fail", 1)
    push(db, "Fail", 2)
    burst(resque, "low")
    first, second = sentry.events
    crumbs = [crumb["message"] for crumb in second["breadcrumbs"]["values"]]
    assert "crumb 2" in crumbs
    assert not {"of the start", "crumb 1"} & set(crumbs)
    assert "tag1" in first["tags"]
    assert "tag1" not in second["tags"]


def test_events_of_time_outs_and_of_deaths_are_grouped_by_job_class(db, resque, sentry):
    sentry.init()

    @resque.job("Slow", queue="low", timeout=TimeLimit(soft=0.05))
    def slow() -> None:
        while True:
            sum(range(1000))

    push(db, "Slow")
    burst(resque, "low")
    _report_death(Job("low", Payload("Die", []), b"{}"), DirtyExit("Child process 77 was killed"))
    assert [event["fingerprint"] for event in sentry.events] == [
        ["resque", "JobTimeout", "Slow"],
        ["resque", "DirtyExit", "Die"],
    ]


def test_a_death_is_sent_before_another_child_is_forked(sentry, monkeypatch):
    sentry.init()
    told: list[int] = []
    monkeypatch.setattr(
        sentry_sdk.get_client().transport, "flush", lambda *_, **__: told.append(len(sentry.events))
    )
    _report_death(Job("low", Payload("Die", []), b"{}"), DirtyExit("Child process 77 was killed"))
    assert told == [1]


def test_a_death_that_is_retried_is_not_reported(resque, sentry):
    sentry.init()
    error = DirtyExit("Child process was killed")
    note_retried(error, retried=True)
    _report_death(Job("low", Payload("Die", []), b"{}"), error)
    assert sentry.events == []


@pytest.mark.parametrize(
    "carried", [None, 7, [], {"trace_propagation_headers": 7, "user": 8}, {"user": {"shoe": 39}}]
)
def test_no_member_of_a_payload_keeps_its_job_from_being_performed(db, resque, sentry, carried):
    sentry.init()
    done: list[int] = []
    resque.active_job("MailJob", queue="low")(done.append)
    push_active(db, _sentry=carried, enqueued_at=None, executions=None)
    burst(resque, "low")
    assert done == [1]


def test_an_enqueue_in_a_transaction_has_a_span_and_by_default_changes_no_byte(db, resque, sentry):
    sentry.init()
    with sentry_sdk.start_transaction(name="request"):
        resque.enqueue_to("low", "Archive", 1)
    assert db.lrange("resque:queue:low", 0, -1) == [b'{"class":"Archive","args":[1]}']
    (span,) = sentry.transactions[0]["spans"]
    assert (span["op"], span["description"]) == ("queue.publish", "Archive")


def test_write_lets_an_active_job_bear_what_sentry_rails_writes(db, resque, sentry):
    sentry.init(write=True, send_default_pii=True)
    with sentry_sdk.start_transaction(name="request") as transaction:
        sentry_sdk.set_user({"id": 7, "email": "ada@example.com", "shoe_size": 39})
        resque.active_job("MailJob", queue="low").enqueue(7)
        resque.enqueue_to("low", "Archive", 1)
    active, plain = (json.loads(raw) for raw in db.lrange("resque:queue:low", 0, -1))
    told = active["args"][0]["_sentry"]
    assert told["user"] == {"id": 7, "email": "ada@example.com"}
    assert set(told["trace_propagation_headers"]) == {"sentry-trace", "baggage"}
    assert transaction.trace_id in told["trace_propagation_headers"]["sentry-trace"]
    assert transaction.trace_id in plain["_sentry"]["trace_propagation_headers"]["sentry-trace"]


def test_without_the_integration_in_the_client_jobs_run_as_before(db, resque, sentry):
    ResqueIntegration(resque)
    done: list[int] = []
    resque.job("Count", queue="low")(done.append)
    resque.enqueue("Count", 1)
    burst(resque, "low")
    _report_death(Job("low", Payload("Die", []), b"{}"), DirtyExit("killed"))
    assert done == [1]
