"""What real workers of every kind send to a collector and to Sentry, and that no job waits long for either."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.live.forking_worker import FORKING, command
from tests.support.eventually import eventually
from tests.support.traced import Sink, sink

if TYPE_CHECKING:
    import redis

pytestmark = pytest.mark.process

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def sent():
    with sink() as found:
        yield found


def push(db: redis.Redis, name: str, *args: Any) -> None:
    db.sadd("resque:queues", "low")
    payload = {"class": name, "args": args, "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    db.rpush("resque:queue:low", json.dumps(payload))


def work(url: str, sent: Sink, executor: str) -> str:
    """Let a worker empty the queue; what it wrote."""
    line, env = command(url, executor, "--burst")
    line = [word.replace("live.forking_app", "contrib.traced_app") for word in line]
    told = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": sent.url,
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
        "SENTRY": sent.dsn,
    }
    done = subprocess.run(
        line, env={**env, **told}, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("executor", ["fork without a server", "fast path", "thread", "async"])
def test_workers_of_every_kind_tell_of_every_job(
    db: redis.Redis, redis_url: str, sent: Sink, executor: str
):
    for number in range(3):
        push(db, "Work", number)
    push(db, "Await", 3)
    push(db, "Again")
    deaths = int(executor in FORKING)
    if deaths:
        push(db, "Die")
    work(redis_url, sent, executor)
    jobs = 3 + 1 + 2 + deaths

    spans = [span for span in sent.spans if span.name == "process low"]
    assert len(spans) == jobs
    ids = {span.span_id for span in spans}
    inner = [span for span in sent.spans if span.name.startswith("inner")]
    assert sorted(span.name for span in inner) == [f"inner {number}" for number in range(4)]
    assert {span.parent_span_id for span in inner} <= ids
    assert {span.trace_id.hex() for span in sent.spans} == {TRACE}
    sends = {span.span_id.hex() for span in sent.spans if span.name == "send ruby"}
    written = [json.loads(raw)["traceparent"] for raw in db.lrange("resque:queue:ruby", 0, -1)]
    assert {one.split("-")[2] for one in written} == sends
    assert len(sends) == 3

    # What a worker counts that forks by itself, its next child would send, too.
    counted = deaths if executor == "fast path" else 0
    consumed = "messaging.client.consumed.messages"
    assert sent.sum_of(consumed) == jobs - deaths + counted
    assert sent.sum_of(consumed, error_type="ValueError") == 2
    assert sent.sum_of(consumed, error_type="Resque::DirtyExit") == counted
    assert sent.sum_of("messaging.process.duration") == jobs - deaths
    assert sent.sum_of("messaging.client.sent.messages", messaging_destination_name="ruby") == 3

    errors = [event["exception"]["values"][-1]["type"] for event in sent.events()]
    assert sorted(errors) == ["DirtyExit"] * deaths + ["ValueError"]
    transactions = [event["transaction"] for event in sent.events("transaction")]
    assert sorted(transactions) == ["Again", "Again", "Await", "Work", "Work", "Work"]


def test_a_collector_that_hangs_holds_a_few_jobs_for_two_seconds_and_loses_none(
    db: redis.Redis, redis_url: str, sent: Sink
):
    sent.hangs.set()
    for number in range(12):
        push(db, "Work", number)
    line, env = command(redis_url, "fast path", "--burst")
    line = [word.replace("live.forking_app", "contrib.traced_app") for word in line]
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": sent.url, "SENTRY": sent.dsn}
    process = subprocess.Popen(line, env={**env, **told}, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: db.get("resque:stat:processed") == b"12", within=60)
        assert db.llen("resque:queue:ruby") == 12
        assert db.llen("resque:failed") == 0
        assert 1 <= sent.requests.count("/v1/traces") <= 4  # the other children sent nothing
    finally:
        sent.released.set()
        process.kill()
        process.wait()
