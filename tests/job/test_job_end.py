"""What waits for the end of a job: which commands, and how they get from a child to its worker."""

from __future__ import annotations

from functools import partial

from pyresque.job.job_end import JobEnd
from pyresque.ops import Around, Batch, Command, MayWait
from pyresque.store.keys import Keys
from pyresque.store.marks import Mark, push_marked
from pyresque.store.queues import Pushed, QueueTable
from pyresque.store.replicas import Replicas
from pyresque.store.settle import UNLESS
from tests.support.scripted_driver import ScriptedDriver

MARK = Mark(b"mark", 60)


def test_what_decides_nothing_waits_and_all_else_is_sent():
    end, hand = JobEnd(), ScriptedDriver(7, [8, 9])

    async def work():
        waits = Batch((Command(("INCR", "a"), int), Command(("DEL", "b"))), at_end=True)
        return [
            await Command(("GET", "c")),
            await waits,
            await Batch((Command(("GET", "d")), Command(("GET", "e")))),
            await MayWait(),
        ]

    assert hand.run(end.collect(work())) == [7, [0, 0], [8, 9], True]
    assert hand.asked == [("GET", "c"), (("GET", "d"), ("GET", "e"))]
    assert end.commands == [("INCR", "a"), ("DEL", "b")]
    assert end


def test_where_no_job_is_performed_nothing_waits():
    hand = ScriptedDriver([1])

    async def work():
        return await MayWait(), await Batch((Command(("INCR", "a")),), at_end=True)

    assert hand.run(work()) == (False, [1])
    assert hand.asked == [(("INCR", "a"),)]


def test_what_user_code_is_around_waits_too():
    end, hand = JobEnd(), ScriptedDriver()

    async def inner(number):
        await Batch((Command(("INCRBY", "a", number)),), at_end=True)
        return number + 1

    async def work():
        return await Around(lambda go: go(4), inner)

    assert hand.run(end.collect(work())) == 5
    assert end.commands == [("INCRBY", "a", 4)]


def test_a_push_waits_and_asks_no_replica():
    end, hand = JobEnd(), ScriptedDriver()
    table = QueueTable(Keys("resque"), Replicas(2, 1.0))
    assert hand.run(end.collect(table.push("low", (b"job",)))) == Pushed(0, 0)
    assert end.commands == [
        ("SADD", "resque:queues", b"low"),
        ("RPUSH", b"resque:queue:low", b"job"),
    ]


def test_a_push_with_a_mark_looks_at_the_mark_now_and_again_at_the_end():
    table = QueueTable(Keys("resque"))
    push = partial(push_marked, table, "low", b"job", MARK)
    end, hand = JobEnd(), ScriptedDriver(b"1")
    assert hand.run(end.collect(push())) is None
    assert not end
    hand = ScriptedDriver(None)
    assert hand.run(end.collect(push())) == Pushed(0, 0)
    assert hand.asked == [("GET", b"mark")]
    assert [command[0] for command in end.commands] == [UNLESS, "SADD", "RPUSH", "SET", "EXPIRE"]
    assert end.commands[0] == (UNLESS, b"mark", 4)


def test_the_failed_record_is_written_where_it_is_kept():
    end = JobEnd()
    assert end.with_record(b"record") == []
    end.keep_failure(b"kept", 0)
    assert (end.keeps_failure, end.with_record(b"record")) == (True, [])
    end.keep_failure(b"kept", 60)
    assert end.with_record(b"record") == [("SET", b"kept", b"record", "EX", 60)]


def test_a_child_tells_all_of_it():
    end = JobEnd()
    end.commands, end.instead = [("SET", b"\xff", "text", 1)], [("DEL", b"key")]
    end.keep_failure(b"kept", 60)
    told = JobEnd.unpacked(end.packed())
    for name in JobEnd.__slots__:
        assert getattr(told, name) == getattr(end, name)
