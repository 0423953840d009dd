"""Payloads that bear more than Ruby writes, and pauses: what the real Ruby Resque makes of them."""

from __future__ import annotations

import json

import pytest

from compat_tests.live.peers import echoed
from pyresque import Resque


@pytest.fixture
def tracing(redis_server, db):
    """A Resque whose payloads bear a time and a trace."""
    with Resque(redis_server.url, enqueued_at=True) as made:

        @made.enqueue_middleware
        def trace(call_next, job):
            job.extra["trace"] = {"id": 7}
            call_next(job)

        yield made


def test_ruby_performs_and_shows_a_payload_that_bears_more(ruby, ruby_worker, tracing, db):
    tracing.enqueue_to("echo", "EchoJob", 1, "two")
    assert ruby.ask("peek", queue="echo")["args"] == [1, "two"]
    ruby_worker("echo")
    assert echoed(db) == [[1, "two"]]


def test_a_job_that_fails_in_ruby_keeps_what_it_bears(ruby_worker, tracing, db):
    tracing.enqueue_to("boom", "BoomJob", 1)
    worker = ruby_worker("boom")
    record = json.loads(db.blmove("resque:failed", "resque:failed", timeout=60))
    assert record["payload"].keys() == {"class", "args", "enqueued_at", "trace"}
    worker.kill()  # else it may take the job again before we look
    tracing.failures.requeue(0)
    assert tracing.peek("boom")[0].payload.extra["trace"] == {"id": 7}


def test_ruby_removes_it_by_its_class_and_not_by_its_arguments(ruby, tracing, db):
    """Ruby compares bytes: this is why the setting is off by default."""
    tracing.enqueue_to("echo", "EchoJob", 1)
    assert ruby.ask("destroy", queue="echo", class_="EchoJob", args=[1]) == 0
    assert ruby.ask("destroy", queue="echo", class_="EchoJob") == 1


def test_ruby_s_scheduler_moves_it_and_drops_what_it_does_not_know(ruby, tracing, db):
    tracing.enqueue_at_with_queue("echo", 1, "EchoJob", 0)
    tracing.enqueue_at_with_queue("echo", 4102444800, "EchoJob", 1)
    db.delete("resque:queue:echo")
    code = "Resque::Scheduler.enqueue_delayed_items_for_timestamp(4102444800)"
    ruby.ask("ruby", code=code)
    assert json.loads(db.lindex("resque:queue:echo", 0)) == {"class": "EchoJob", "args": [1]}


def test_ruby_sees_our_pauses_and_we_see_ruby_s(ruby, resque, db):
    """The two commands are those by which Mission Control and resque-pause look and pause."""
    looking = "Resque.redis.mget('pause:queue:echo', 'pause:all').compact.empty?"
    assert ruby.ask("ruby", code=looking) is True
    resque.pause_queue("echo")
    assert ruby.ask("ruby", code=looking) is False
    assert ruby.ask("ruby", code="Resque.redis.del('pause:queue:echo')") == 1
    assert not resque.queue_paused("echo")
    ruby.ask("ruby", code="Resque.redis.set('pause:queue:echo', true)")
    assert resque.queue_paused("echo")
    resque.resume_queue("echo")
    resque.pause_all_queues()
    assert ruby.ask("ruby", code=looking) is False
