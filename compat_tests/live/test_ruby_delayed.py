"""Delayed jobs between the two languages: the same keys, found and moved by either side, once."""

from __future__ import annotations

import threading

import pytest

from compat_tests.live.app import EchoJob
from compat_tests.live.shapes import ARGUMENTS

AT = 4_000_000_000
DUE = 1_000_000_000


@pytest.fixture(autouse=True)
def _ruby_has_a_scheduler(ruby):
    if "resque-scheduler" not in ruby.ask("versions"):
        pytest.skip('ruby cannot require "resque-scheduler"')


def everything(db):
    """All keys with their values."""
    found = {}
    for key in db.keys("*"):
        kind = db.type(key)
        if kind == b"list":
            found[key] = db.lrange(key, 0, -1)
        elif kind == b"set":
            found[key] = db.smembers(key)
        else:
            found[key] = db.zrange(key, 0, -1, withscores=True)
    return found


@pytest.mark.parametrize("shape", ARGUMENTS)
def test_either_side_leaves_the_same_keys(ruby, resque, db, shape):
    args = ARGUMENTS[shape]
    ruby.ask("enqueue_at", at=AT, class_="EchoJob", args=args)
    ruby.ask("enqueue_at", at=AT + 1, class_="EchoJob", args=args, queue="other")
    theirs = everything(db)
    db.flushall()
    resque.enqueue_at(AT, EchoJob, *args)
    resque.enqueue_at(AT + 1, EchoJob, *args, queue="other")
    assert everything(db) == theirs


@pytest.mark.parametrize("shape", ARGUMENTS)
def test_either_side_finds_moves_and_removes_what_the_other_delayed(ruby, resque, db, shape):
    args = ARGUMENTS[shape]
    resque.enqueue_many_at([(AT, EchoJob, *args), (AT + 1, EchoJob, *args)])
    assert sorted(ruby.ask("scheduled_at", class_="EchoJob", args=args)) == [AT, AT + 1]
    assert ruby.ask("delayed_timestamp_peek", at=AT) == [
        {"class": "EchoJob", "args": args, "queue": "echo"}
    ]
    assert ruby.ask("remove_delayed", class_="EchoJob", args=args) == 2
    assert resque.is_delayed(EchoJob, *args) is False

    ruby.ask("enqueue_at", at=AT, class_="EchoJob", args=args)
    assert resque.scheduled_at(EchoJob, *args) == [AT]
    assert resque.delay_or_enqueue_at(AT + 5, EchoJob, *args) == 1
    assert ruby.ask("delay_or_enqueue_at", at=AT + 7, class_="EchoJob", args=args) == 1
    assert resque.enqueue_delayed(EchoJob, *args) == 1
    assert ruby.ask("pop", queue="echo") == {"class": "EchoJob", "args": args}
    ruby.ask("reset_delayed")
    assert resque.count_all_scheduled_jobs() == 0


@pytest.mark.parametrize("shape", ARGUMENTS)
def test_either_side_moves_to_the_same_bytes(ruby, resque, db, shape):
    args = ARGUMENTS[shape]
    ruby.ask("enqueue_at", at=AT, class_="EchoJob", args=args)
    ruby.ask("hold_master")
    ruby.ask("move_due", at=AT)
    theirs = db.lrange("resque:queue:echo", 0, -1)
    ruby.ask("release_master")
    db.delete("resque:queue:echo")
    ruby.ask("enqueue_at", at=AT, class_="EchoJob", args=args)
    assert resque.move_due(AT) == 1
    assert db.lrange("resque:queue:echo", 0, -1) == theirs
    assert sorted(db.keys()) == [b"resque:queue:echo", b"resque:queues"]


@pytest.mark.parametrize("env", [{"RESQUE_JSON": "oj"}, {"RESQUE_ACTIVESUPPORT": "1"}], ids=str)
@pytest.mark.parametrize("shape", ARGUMENTS)
def test_what_another_encoder_of_ruby_delayed_is_removed(ruby_peer, resque, db, shape, env):
    args = ARGUMENTS[shape]
    peer = ruby_peer(**env)
    peer.ask("configure", json=env.get("RESQUE_JSON", "json_gem"))
    peer.ask("enqueue_at", at=AT, class_="EchoJob", args=args)
    assert resque.is_delayed(EchoJob, *args)
    assert resque.remove_delayed(EchoJob, *args) == 1


def test_jobs_that_ruby_delays_while_two_schedulers_move_are_moved_once(ruby, faces, db):
    over = threading.Event()
    moved = [0, 0]

    def keep_moving(which):
        with faces() as resque:
            while not over.is_set():
                moved[which] += resque.move_due()

    movers = [threading.Thread(target=keep_moving, args=(which,)) for which in (0, 1)]
    for mover in movers:
        mover.start()
    code = f"""1500.times {{ |n| Resque.delayed_push({DUE} + n % 40, class: "EchoJob", args: [n], queue: "echo") }}"""
    ruby.ask("ruby", code=code)
    over.set()
    for mover in movers:
        mover.join()
    with faces() as resque:
        resque.move_due()
        assert sorted(job.args[0] for job in resque.peek("echo", 0, 0)) == list(range(1500))
        assert resque.delayed_queue_schedule_size() == 0
    assert db.keys("resque:delayed*") == []


def test_a_ruby_scheduler_fires_what_python_delayed(ruby_scheduler, resque, db):
    ruby_scheduler()
    for number in range(20):
        resque.delayed_push(DUE + number, {"class": "EchoJob", "args": [number], "queue": "echo"})
    fired = sorted(
        int(db.blpop("resque:queue:echo", timeout=60)[1].split(b"[")[1].split(b"]")[0])
        for _ in range(20)
    )
    assert fired == list(range(20))
