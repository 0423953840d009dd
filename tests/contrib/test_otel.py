"""Spans and metrics of enqueues and jobs, in memory: what is in them, and what is written into payloads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.trace import SpanKind, StatusCode

from pyresque import AsyncResque, Job, Payload, Resque
from pyresque.activejob import RetryOn
from pyresque.contrib.otel import Tracing
from pyresque.contrib.otel.headers import read
from pyresque.errors import DirtyExit, JobOptionError
from pyresque.plugins import Retry
from tests.support.traced import Memory, burst

#: As another client writes it: flags say that it was sampled.
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE, SPAN = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
LATER = 4102444800
WRAPPER = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def resque(db, redis_url):
    with Resque(redis_url, executor="inline") as made:
        made.declare("Archive", queue="low")
        yield made


def raw_of(db, key: str = "resque:queue:low") -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in db.lrange(key, 0, -1)]


def push(db, **payload: Any) -> None:
    db.sadd("resque:queues", "low")
    db.rpush("resque:queue:low", json.dumps(payload))


# -- enqueue


def test_by_default_an_enqueue_has_a_span_and_its_payload_the_bytes_that_it_had(db, resque, memory):
    Tracing(resque, **memory.providers)
    resque.enqueue("Archive", 44)
    assert db.lrange("resque:queue:low", 0, -1) == [b'{"class":"Archive","args":[44]}']
    span = memory.spans["send low"]
    assert span.kind is SpanKind.CLIENT  # whose context nobody goes on with
    assert dict(span.attributes) == {
        "messaging.system": "resque",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "low",
        "messaging.resque.job_class": "Archive",
    }


def test_write_puts_the_context_beside_class_and_args_as_ruby_does(db, resque, memory):
    Tracing(resque, write=True, **memory.providers)
    token = context.attach(baggage.set_baggage("tenant", "7"))
    resque.enqueue("Archive", 44)
    context.detach(token)
    span = memory.spans["send low"]
    assert span.kind is SpanKind.PRODUCER
    (payload,) = raw_of(db)
    assert list(payload) == ["class", "args", "traceparent", "baggage"]
    assert (
        payload["traceparent"] == f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01"
    )
    assert payload["baggage"] == "tenant=7"


def test_an_active_job_bears_it_in_its_hash_too(db, resque, memory):
    Tracing(resque, write=True, **memory.providers)
    resque.active_job("MailJob", queue="low").enqueue(7)
    (payload,) = raw_of(db)
    assert payload["args"][0]["__otel_headers"] == [["traceparent", payload["traceparent"]]]
    assert list(payload["args"][0])[-1] == "__otel_headers"
    span = memory.spans["send low"]
    assert span.attributes["messaging.resque.job_class"] == "MailJob"
    assert span.attributes["messaging.message.id"] == payload["args"][0]["job_id"]


def test_each_job_of_many_has_a_span_and_a_context_of_its_own(db, resque, memory):
    Tracing(resque, write=True, **memory.providers)
    assert resque.enqueue_many([("Archive", 1), ("Archive", 2)]) == 2
    first, second = (payload["traceparent"] for payload in raw_of(db))
    assert first != second
    assert len(memory.exporter.get_finished_spans()) == 2


def test_a_resque_that_is_traced_twice_has_each_span_once_by_the_last_options(
    db, redis_url, resque, memory
):
    Tracing(resque, **Memory().providers)
    Tracing(AsyncResque(redis_url, jobs=resque), write=True, **memory.providers)
    resque.enqueue(resque.job("Note", queue="low")(lambda: None))
    (payload,) = raw_of(db)
    assert "traceparent" in payload
    burst(resque, "low")
    for function in resque.hooks.functions("job_lost"):
        function(Job("low", Payload("Archive", [1]), b"{}"), DirtyExit("gone"))
    assert [span.name for span in memory.exporter.get_finished_spans()] == [
        *("send low", "process low", "process low"),
    ]
    assert len(resque.hooks.functions("child_exit")) == 1


async def test_an_async_face_sends_below_the_span_that_is_current(db, redis_url, memory):
    async with AsyncResque(redis_url) as resque:
        Tracing(resque, write=True, **memory.providers)
        with memory.tracer_provider.get_tracer("test").start_as_current_span("request") as request:
            await resque.enqueue_to("low", "Archive", 1)
    assert memory.spans["send low"].parent.span_id == request.get_span_context().span_id


def test_a_job_that_is_refused_is_not_counted_and_an_error_of_the_push_is(db, resque, memory):
    Tracing(resque, **memory.providers)
    refuse = True

    @resque.enqueue_middleware
    def closed(call_next, job):
        if not refuse:
            raise OSError("closed")

    assert resque.enqueue("Archive") is None
    assert "messaging.client.sent.messages" not in memory.metrics()
    refuse = False
    with pytest.raises(OSError, match="closed"):
        resque.enqueue("Archive")
    assert memory.spans["send low"].attributes["error.type"] == "OSError"
    ((attributes, count),) = memory.metrics()["messaging.client.sent.messages"]
    assert (attributes["error.type"], count) == ("OSError", 1)


def test_a_delayed_job_keeps_its_context_when_it_is_moved(db, resque, memory):
    Tracing(resque, write=True, **memory.providers)
    resque.enqueue_at(1, "Archive", 9)
    sent = memory.spans["send low"].context
    resque.enqueue_next_item(1)
    (payload,) = raw_of(db)
    assert payload["traceparent"].split("-")[2] == f"{sent.span_id:016x}"


# -- perform


@pytest.mark.parametrize("propagation", ["link", "child", "none"])
def test_a_job_is_joined_to_its_enqueue_as_asked_and_sees_the_baggage(
    db, resque, memory, propagation
):
    Tracing(resque, propagation=propagation, **memory.providers)
    seen: list[object] = []

    @resque.job("Count", queue="low")
    def count(number: int) -> None:
        seen.append(baggage.get_baggage("tenant"))
        with memory.tracer_provider.get_tracer("test").start_as_current_span("inner"):
            pass

    push(db, **{"class": "Count", "args": [1], "traceparent": PARENT, "baggage": "tenant=7"})
    burst(resque, "low")
    span, inner = memory.spans["process low"], memory.spans["inner"]
    assert seen == ["7"]
    assert span.kind is SpanKind.CONSUMER
    assert inner.parent.span_id == span.context.span_id
    if propagation == "child":
        assert (span.context.trace_id, span.parent.span_id) == (TRACE, SPAN)
    else:
        assert span.context.trace_id != TRACE
        assert span.parent is None
    links = [(link.context.trace_id, link.context.span_id) for link in span.links]
    assert links == ([(TRACE, SPAN)] if propagation == "link" else [])
    assert span.attributes["messaging.message.body.size"] > 90
    assert not trace.get_current_span().get_span_context().is_valid


def test_a_job_that_fails_has_its_error_in_its_span_and_in_the_metrics(db, resque, memory):
    Tracing(resque, **memory.providers)

    @resque.job("Fail", queue="low")
    def fail(secret: str) -> None:
        raise KeyError("of the job")

    push(db, **{"class": "Fail", "args": ["hush"]})
    push(db, **{"class": "Unknown", "args": []})
    burst(resque, "low")
    failed, unknown = memory.exporter.get_finished_spans()
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes["error.type"] == "KeyError"
    assert [event.name for event in failed.events] == ["exception"]
    assert "hush" not in str(failed.attributes)
    assert unknown.attributes["error.type"] == "NameError"  # Ruby's name for it
    counts = {
        attributes.get("error.type"): count
        for attributes, count in memory.metrics()["messaging.client.consumed.messages"]
    }
    assert counts == {"KeyError": 1, "NameError": 1}
    names = {key for name in memory.metrics() for key in memory.metrics()[name][0][0]}
    assert "messaging.resque.job_class" not in names  # a payload could make any number of them


def test_no_error_and_no_name_in_a_payload_is_too_much_for_an_export(db, resque, memory):
    Tracing(resque, **memory.providers)

    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    @resque.job("Fail", queue="low")
    def fail(how: str) -> None:
        raise MuteError if how == "mute" else ValueError("\udcff" + how * 100_000)

    for name, how in (("Fail", "mute"), ("Fail", "x"), ("Long" * 10_000, "")):
        push(db, **{"class": name, "args": [how]})
    burst(resque, "low")
    kinds = ["MuteError", "ValueError", "NameError"]
    spans = memory.exporter.get_finished_spans()
    assert [span.attributes["error.type"].rpartition(".")[2] for span in spans] == kinds
    assert [type_of(raw) for raw in db.lrange("resque:failed", 0, -1)] == kinds
    for span in spans:
        (event,) = span.events
        texts = [str(value) for value in (*span.attributes.values(), *event.attributes.values())]
        assert sum(map(len, texts)) < 30_000
        "".join(texts).encode()  # what is no Unicode would not be exported


def type_of(raw: bytes) -> str:
    return json.loads(raw)["exception"].rpartition(".")[2]


def test_a_delayed_job_that_bears_a_context_is_moved_and_not_delayed_twice(db, resque, memory):
    Tracing(resque, write=True, **memory.providers)
    assert resque.enqueue_at(LATER, "Archive", 1)
    for moved in (LATER + 5, LATER + 9):
        assert resque.delay_or_enqueue_at(moved, "Archive", 1) == 1
        waiting = db.keys("resque:delayed:*")
        assert [db.llen(key) for key in waiting if db.llen(key)] == [1]
        assert db.llen(f"resque:delayed:{moved}") == 1
    assert resque.remove_delayed("Archive", 1) == 1


@pytest.mark.parametrize("active", [False, True])
def test_one_that_another_application_has_traced_is_found_where_every_search_is_by_meaning(
    db, redis_url, memory, active
):
    with Resque(redis_url) as other, Resque(redis_url, delayed_search="always") as mine:
        Tracing(other, write=True, **memory.providers)
        for resque in (other, mine):
            if active:
                resque.active_job("Archive", queue="low").declare(lambda _: None)
            else:
                resque.declare("Archive", queue="low")
        assert other.enqueue_at(LATER, "Archive", 1)
        assert mine.scheduled_at("Archive", 1) == [LATER]
        assert mine.delay_or_enqueue_at(LATER + 5, "Archive", 1) == 1
        assert mine.scheduled_at("Archive", 1) == [LATER + 5]
        assert mine.count_all_scheduled_jobs() == 1
        assert not mine.is_delayed("Archive", 2)


def test_a_provider_that_cannot_export_keeps_no_other_from_it(resque, memory, monkeypatch, caplog):
    tracing, flushed = Tracing(resque, **memory.providers), []
    monkeypatch.setattr(memory.tracer_provider, "force_flush", lambda: 1 / 0)
    monkeypatch.setattr(memory.meter_provider, "force_flush", lambda: flushed.append(1))
    tracing._flush()
    assert flushed == [1]
    assert "could not export" in caplog.text


def test_middleware_that_adds_nothing_costs_no_pass_over_delayed_jobs(db, resque, memory):
    Tracing(resque, **memory.providers)
    resque.enqueue_at(LATER, "Archive", 1)
    db.config_resetstat()
    assert resque.delay_or_enqueue_at(LATER, "Archive", 2) == 1
    assert "cmdstat_lrange" not in db.info("commandstats")


@pytest.mark.parametrize("active", [False, True])
def test_the_attempts_of_a_retried_job_are_a_trace_of_links(db, resque, memory, active):
    Tracing(resque, write=True, **memory.providers)
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("once")

    if active:
        rule = RetryOn((ValueError,), wait=0, attempts=2)
        resque.active_job("Again", queue="low", retry_on=[rule])(work)
    else:
        resque.job("Again", queue="low", plugins=[Retry(limit=1)])(work)
    resque.enqueue("Again")
    burst(resque, "low")
    move_due(resque)
    burst(resque, "low")
    spans = memory.exporter.get_finished_spans()
    sends = [span for span in spans if span.name == "send low"]
    first, second = (span for span in spans if span.name == "process low")
    assert len(tries) == 2
    assert sends[1].parent.span_id == first.context.span_id
    assert [link.context.span_id for link in second.links] == [sends[1].context.span_id]


def move_due(resque: Resque) -> None:
    while (timestamp := resque.next_delayed_timestamp()) is not None:
        resque.enqueue_next_item(timestamp)


def test_a_job_whose_process_died_has_a_span_in_the_process_that_found_that(resque, memory):
    tracing = Tracing(resque, **memory.providers)
    raw = json.dumps({"class": "Die", "args": [], "traceparent": PARENT}).encode()
    job = Job("low", Payload("Die", [], {"traceparent": PARENT}), raw)
    tracing._lost(job, DirtyExit("Child process was killed"))
    span = memory.spans["process low"]
    assert span.attributes["error.type"] == "Resque::DirtyExit"
    assert [link.context.span_id for link in span.links] == [SPAN]


@pytest.mark.parametrize(
    "found",
    [
        {"traceparent": 7},
        {"traceparent": "00-zz"},
        {"traceparent": PARENT.replace("b", "x"), "tracestate": "=" * 9000},
        {"baggage": ["a"]},
    ],
)
@pytest.mark.parametrize("headers", [None, 7, "x", [7], [["a"]], [[[], "a"]], [["traceparent", 7]]])
def test_no_context_in_a_payload_keeps_its_job_from_being_performed(
    db, resque, memory, found, headers
):
    Tracing(resque, **memory.providers)
    done: list[int] = []
    resque.active_job("MailJob", queue="low")(done.append)
    envelope = {"job_class": "MailJob", "job_id": 8, "arguments": [1], "__otel_headers": headers}
    push(db, **{"class": WRAPPER, "args": [envelope]}, **found)
    burst(resque, "low")
    assert done == [1]
    assert memory.spans["process low"].links == ()


def test_the_headers_of_an_active_job_come_before_those_of_its_payload():
    envelope = {"job_class": "MailJob", "__otel_headers": [["traceparent", PARENT]]}
    job = Job("low", Payload(WRAPPER, [envelope], {"traceparent": "other"}), b"")
    assert read(job) == {"traceparent": PARENT}
    envelope["__otel_headers"] = []
    assert read(job) == {"traceparent": "other"}


def test_an_unknown_kind_of_propagation_is_refused(resque):
    with pytest.raises(JobOptionError, match="propagation='parent' is unknown: give 'link'"):
        Tracing(resque, propagation="parent")  # type: ignore[arg-type]
