"""One trace from a Rails enqueue over a Python job to a Ruby job, as Ruby's instrumentations have recorded their parts of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.transport import Transport

from compat_tests.golden import document
from pyresque import Resque
from pyresque.contrib.otel import Tracing
from pyresque.contrib.sentry import ResqueIntegration
from tests.support.traced import Memory, burst, passed_on

RECORDED: dict[str, Any] = document("traces")

#: The spans of Ruby's enqueues, by the payload.
RESQUE, OUTER, ACTIVE_JOB = RECORDED["enqueued"]["spans"]


def coverage() -> tuple[str, int, int]:
    """The file, how many of its parts are replayed, how many there are."""
    return "traces.json", 6, 6


@pytest.fixture
def memory() -> Memory:
    return Memory()


def performed_in_python(url: str, memory: Memory, queue: str, raw: str, propagation: str) -> Any:
    """The span of a job that a Python worker performs."""
    with Resque(url, executor="inline") as resque:
        Tracing(resque, propagation=propagation, **memory.providers)
        resque.job("Archive", queue=queue)(lambda *_: None)
        resque.active_job("MailJob")(lambda *_: None)
        resque.redis.sadd("queues", queue)
        resque.redis.rpush(f"queue:{queue}", raw)
        burst(resque, queue)
        assert resque.redis.llen("failed") == 0
    return memory.spans[f"process {queue}"]


def ids(context: Any) -> tuple[str, str]:
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


@pytest.mark.parametrize("propagation", ["link", "child", "none"])
@pytest.mark.parametrize(
    ("payload", "sender"), [("resque", RESQUE), ("active_job", ACTIVE_JOB)], ids=lambda one: one
)
def test_a_python_job_goes_on_with_the_span_of_rubys_enqueue(
    db, redis_url, memory, payload, sender, propagation
):
    raw = RECORDED["enqueued"][payload]
    span = performed_in_python(redis_url, memory, "mailers", raw, propagation)
    of_ruby = (sender["trace"], sender["span"])
    assert ids(span.parent) == of_ruby if propagation == "child" else span.parent is None
    assert [ids(link.context) for link in span.links] == [of_ruby][: propagation == "link"]
    assert (ids(span.context)[0] == of_ruby[0]) == (propagation == "child")


def test_python_writes_what_ruby_performed_in_the_recording(db, redis_url):
    written = passed_on(redis_url, RECORDED["enqueued"]["active_job"])
    assert written[0] == RECORDED["python"][0]

    def lasting(raw: str) -> list[tuple[str, Any]]:
        payload = json.loads(raw)
        payload["args"][0].update(job_id="", enqueued_at="")
        return [*payload["args"][0].items(), *payload.items()]

    assert lasting(written[1]) == lasting(RECORDED["python"][1])


def test_one_trace_id_goes_from_rails_through_python_to_ruby():
    trace = ACTIVE_JOB["trace"]
    senders = [json.loads(raw)["traceparent"] for raw in RECORDED["python"]]
    assert {sender.split("-")[1] for sender in senders} == {trace}
    first, second = (sender.split("-")[2] for sender in senders)
    spans = RECORDED["performed"]["child"]
    assert [(span["trace"], span["parent"]) for span in spans] == [
        (trace, first),
        (trace, second),
        (trace, second),
    ]
    linked = [span["links"] for span in RECORDED["performed"]["link"]]
    assert linked == [[[trace, first]], [[trace, second]], [[trace, second]]]
    assert [span["links"] for span in RECORDED["performed"]["none"]] == [[], [], []]


def test_a_python_job_goes_on_with_the_trace_and_the_user_that_sentry_rails_wrote(db, redis_url):
    sent: list[Any] = []

    class Kept(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            sent.extend(item.payload.json for item in envelope.items)

    recorded = RECORDED["sentry"]
    with Resque(redis_url, executor="inline") as resque:
        sentry_sdk.init(
            "http://key@127.0.0.1:1/1",
            transport=Kept,
            traces_sample_rate=1.0,
            default_integrations=False,
            release="1",
            integrations=[ResqueIntegration(resque)],
        )

        @resque.active_job("MailJob")
        def mail(number: int) -> None:
            raise ValueError(number)

        resque.redis.sadd("queues", "mailers")
        resque.redis.rpush("queue:mailers", recorded["active_job"])
        try:
            burst(resque, "mailers")
        finally:
            sentry_sdk.get_global_scope().set_client(None)
    transaction, event = sorted(sent, key=lambda item: item.get("type") != "transaction")
    assert transaction["contexts"]["trace"]["trace_id"] == recorded["trace"]
    assert transaction["contexts"]["trace"]["parent_span_id"] == recorded["span"]
    assert transaction["transaction"] == "MailJob"
    assert event["contexts"]["trace"]["trace_id"] == recorded["trace"]
    assert event["user"] == {"id": 7, "email": "ada@example.com"}
    assert event["contexts"]["Active-Job"]["job_class"] == "MailJob"
    assert "arguments" not in event["contexts"]["Active-Job"]
