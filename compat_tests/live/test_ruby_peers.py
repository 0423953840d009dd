"""The Ruby drivers at work by themselves: what the other live tests rely on, shown without pyresque."""

from __future__ import annotations

import json
import signal

import pytest

from compat_tests.live.peers import SCHEDULER_TABS, TABS, PeerError, echoed, failing, spelled
from compat_tests.live.shapes import ARGUMENTS
from tests.support.eventually import eventually


@pytest.mark.parametrize("fork", ["true", "false"])
def test_a_ruby_worker_performs_what_ruby_enqueued_in_order(ruby, ruby_worker, db, fork):
    for args in ARGUMENTS.values():
        ruby.ask("enqueue", class_="EchoJob", args=args)
    worker = ruby_worker("echo", FORK_PER_JOB=fork)
    assert spelled(echoed(db, len(ARGUMENTS))) == spelled(list(ARGUMENTS.values()))
    worker.stop(signal.SIGQUIT)
    assert db.smembers("resque:workers") == set()
    assert int(db.get("resque:stat:processed")) == len(ARGUMENTS)


def test_the_verbs_of_queues_answer(ruby, db):
    ruby.ask("enqueue", class_="EchoJob", args=[1])
    ruby.ask("enqueue", class_="Only::ElseWhere", args=[2], queue="far")
    assert ruby.ask("queues") == ["far", "echo"] or ruby.ask("queues") == ["echo", "far"]
    assert ruby.ask("peek", queue="far") == {"class": "Only::ElseWhere", "args": [2]}
    assert ruby.ask("size", queue="echo") == 1
    assert ruby.ask("dequeue", class_="EchoJob", args=[1]) == 1
    assert ruby.ask("destroy", queue="far", class_="Only::ElseWhere") == 1
    assert ruby.ask("pop", queue="far") is None
    assert ruby.ask("info")["pending"] == 0


def test_an_error_of_ruby_is_reported_by_its_name(ruby):
    with pytest.raises(PeerError, match="No queue could be inferred") as raised:
        ruby.ask("enqueue", class_="Nameless", args=[])
    assert raised.value.name == "Resque::NoQueueError"


def test_an_argument_that_only_ruby_can_say_is_given_as_ruby(ruby, db):
    ruby.ask("enqueue", class_="EchoJob", ruby_args="[:sym, 1..2, Time.at(0).utc]")
    assert (
        db.lindex("resque:queue:echo", 0)
        == b'{"class":"EchoJob","args":["sym","1..2","1970-01-01 00:00:00 UTC"]}'
    )


def test_hooks_run_and_are_written_down_in_order(ruby, db):
    ruby.ask("enqueue", class_="HookedJob", args=["x"])
    ruby.ask("perform_next", queue="hooked")
    ran = [json.loads(line)[0] for line in db.lrange("live:hooks", 0, -1)]
    assert ran == [
        "before_enqueue", "after_enqueue", "before_perform", "around_perform", "perform", "around_perform_end", "after_perform",
    ]  # fmt: skip


@pytest.mark.parametrize("backend", ["redis", "redis_multi_queue"])
def test_failures_are_read_requeued_and_removed(ruby, ruby_worker, db, backend):
    ruby.ask("configure", failure_backend=backend)
    queue = {} if backend == "redis" else {"queue": "boom_failed"}
    ruby.ask("enqueue", class_="BoomJob", args=["a", 1])
    worker = ruby_worker("boom", FAILURE_BACKEND=backend)
    eventually(lambda: ruby.ask("failures_count", **queue), lambda count: count == 1)
    worker.stop(signal.SIGQUIT)
    (failure,) = ruby.ask("failures", **queue)
    assert failure["error"] == 'boom ["a", 1]'
    assert failure["payload"] == {"class": "BoomJob", "args": ["a", 1]}
    ruby.ask("failures_requeue", index=0, **queue)
    assert ruby.ask("size", queue="boom") == 1
    ruby.ask("failures_remove", index=0, **queue)
    assert ruby.ask("failures_count", **queue) == 0


def test_a_worker_that_was_killed_is_cleared_by_the_next_with_its_job_among_the_failed(
    ruby, ruby_worker, db
):
    ruby.ask("enqueue", class_="HoldJob", args=[5])
    lost = ruby_worker("hold")
    db.blpop("live:started", timeout=60)
    lost.kill()
    assert [w["job"]["payload"]["args"] for w in ruby.ask("working")] == [[5]]
    db.delete(
        "resque:pruning_dead_workers_in_progress"
    )  # held for a minute by the start of the first
    ruby_worker("hold")
    assert str(lost.pid) not in {str(worker["pid"]) for worker in ruby.ask("workers")}
    assert [f["exception"] for f in ruby.ask("failures")] == ["Resque::DirtyExit"]


def test_a_job_killed_in_its_child_is_a_dirty_exit(ruby, ruby_worker, db):
    ruby.ask("enqueue", class_="KillJob", args=["KILL"])
    ruby_worker("kill")
    (failure,) = eventually(lambda: ruby.ask("failures"))
    assert failure["exception"] == "Resque::DirtyExit"
    assert "SIGKILL" in failure["error"]


def test_resque_web_answers_every_page_with_data_of_ruby(ruby, ruby_worker, ruby_web, db):
    for args in ARGUMENTS.values():
        ruby.ask("enqueue", class_="EchoJob", args=args)
    ruby.ask("enqueue", class_="BoomJob", args=["<i>"])
    ruby.ask("enqueue", class_="HoldJob", args=[{"a": [1]}])
    ruby_worker("boom,hold")
    assert db.blpop("live:started", timeout=60)
    starts = list(TABS)
    if "resque-scheduler" in ruby.ask("versions"):
        ruby.ask("enqueue_in", class_="EchoJob", args=[{"b": 2}], **{"in": 600})
        ruby.ask(
            "set_schedule",
            name="nightly",
            config={"cron": "0 3 * * *", "class": "EchoJob", "persist": True},
        )
        starts += SCHEDULER_TABS
    pages = ruby_web().crawl(*starts)
    assert failing(pages) == {}
    assert "boom" in pages["/failed"].body
    assert "HoldJob" in pages["/working"].body
    assert len(pages) > 3 * len(starts)


def test_the_buttons_of_resque_web_retry_and_clear(ruby, ruby_worker, ruby_web, db):
    ruby.ask("enqueue", class_="BoomJob", args=[1])
    worker = ruby_worker("boom")
    eventually(lambda: ruby.ask("failures_count"))
    worker.stop(signal.SIGQUIT)
    web = ruby_web()
    assert web.get("/failed/requeue/0").status == 302
    assert db.lrange("resque:queue:boom", 0, -1) == [b'{"class":"BoomJob","args":[1]}']
    assert web.post("/failed/clear").status == 303
    assert db.llen("resque:failed") == 0
    assert web.post("/queues/boom/remove").status == 303
    assert ruby.ask("queues") == []


def test_resque_web_says_which_error_broke_a_page(ruby_web, db):
    db.rpush("resque:failed", b"{bad")
    broken = failing({"/failed": ruby_web().get("/failed")})
    assert broken["/failed"].startswith("500 Resque::Helpers::DecodeException")


def test_a_ruby_scheduler_moves_what_is_due_and_fires_what_recurs(
    ruby, ruby_scheduler, db, tmp_path
):
    schedule = tmp_path / "schedule.yml"
    schedule.write_text(
        "tick:\n  every: ['1s', {first_in: '0s'}]\n  class: EchoJob\n  queue: ticks\n  args: [1]\n"
    )
    ruby.ask("enqueue_in", class_="EchoJob", args=["later"], **{"in": 1})
    scheduler = ruby_scheduler(SCHEDULE_FILE=str(schedule))
    assert json.loads(db.blpop("resque:queue:echo", timeout=60)[1]) == {
        "class": "EchoJob",
        "args": ["later"],
    }
    assert json.loads(db.blpop("resque:queue:ticks", timeout=60)[1]) == {
        "class": "EchoJob",
        "args": [1],
    }
    assert (
        db.exists(ruby.ask("master_lock")["key"], "resque:" + ruby.ask("master_lock")["key"]) == 1
    )
    assert scheduler.stop(signal.SIGTERM) == 0
    assert db.keys("*master_lock*") == []


def test_active_job_performs_every_kind_of_argument(rails, ruby_worker, db):
    cases = rails.ask("active_job_cases")
    if rails.ask("versions")["activejob"].startswith("6."):
        cases.remove("range")
        with pytest.raises(PeerError, match="ActiveJob::SerializationError"):
            rails.ask("active_job_enqueue", case="range")
    envelopes = {case: rails.ask("active_job_enqueue", case=case) for case in cases}
    ruby_worker("default", RESQUE_ACTIVEJOB="1")
    for case, envelope in envelopes.items():
        seen = json.loads(db.blpop("live:activejob", timeout=60)[1])
        assert (case, seen["job_id"]) == (case, envelope["job_id"])
        if (
            case == "time_with_zone"
        ):  # Rails 6.1 writes no zone and reads the instant back in its own
            assert seen["arguments"][0]["value"] == "2026-07-01T12:00:00.000000000Z"
        else:
            assert (case, seen["arguments"]) == (case, envelope["arguments"])


def test_active_job_counts_its_own_retries(rails, ruby_worker, db):
    rails.ask("active_job_enqueue", class_="AjRetryJob", args=[1])
    ruby_worker("default", RESQUE_ACTIVEJOB="1")
    runs = [json.loads(db.blpop("live:activejob", timeout=60)[1]) for _ in range(3)]
    assert [(run["executions"], run["exception_executions"]) for run in runs] == [
        (1, {}),
        (2, {"[ArgumentError]": 1}),
        (3, {"[ArgumentError]": 2}),
    ]
