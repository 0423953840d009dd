"""A worker's note in Redis, and the wish that it quits."""

from __future__ import annotations

import json

import pytest

from pyresque import Resque, __version__
from pyresque.errors import RedisUnavailable
from pyresque.process.worker.remote import SOON, RemoteControl
from pyresque.store.worker_notes import ASKED, KEPT, WorkerNotes
from tests.support.scripted_driver import ScriptedDriver
from tests.support.scripted_worker import ID, worker

STARTED = "2026-11-29 12:00:00 +0000"


@pytest.fixture
def quits() -> list[str]:
    return []


@pytest.fixture
def remote(quits):
    one = worker(heartbeat_interval=60.0)
    one.heartbeat.registered = True
    made = RemoteControl(one.core, [one.heartbeat], "3.12.1", lambda: quits.append("quit"))
    made.core.clock.passed += 60
    return made


def test_nothing_is_sent_before_the_first_heartbeat_is_due():
    one = worker(heartbeat_interval=60.0)
    one.heartbeat.registered = True
    made = RemoteControl(one.core, [one.heartbeat], "3.12.1", lambda: None)
    ScriptedDriver().run(made.look_if_due())
    assert 50 <= made.due_in() <= 60


def test_the_note_is_written_with_each_heartbeat_and_expires(remote, quits):
    hand = ScriptedDriver([[STARTED.encode()], [None]], ["OK"])
    hand.run(remote.look_if_due())
    _, (writing,) = hand.asked
    assert (writing[0], writing[1], *writing[3:]) == (
        "SET",
        f"resque:worker:{ID}:note".encode(),
        "EX",
        KEPT,
    )
    assert json.loads(writing[2]) == {
        "version": __version__,
        "python": "3.12.1",
        "executor": "fork",
        "together": 1,
        "started": STARTED,
    }
    ScriptedDriver().run(remote.look_if_due())
    assert 0 < remote.due_in() <= 60
    assert quits == []


def test_a_wish_of_this_life_ends_the_process_once(remote, quits):
    for _ in range(2):
        remote.core.clock.passed += 60
        ScriptedDriver([[STARTED.encode()], [STARTED.encode()]], ["OK"]).run(remote.look_if_due())
    assert quits == ["quit"]


def test_a_wish_for_an_earlier_worker_of_the_same_id_is_not_meant(remote, quits):
    ScriptedDriver([[STARTED.encode()], [b"2026-11-28 12:00:00 +0000"]], ["OK"]).run(
        remote.look_if_due()
    )
    ScriptedDriver().run(remote.look_if_due())
    assert quits == []


def test_before_the_worker_is_registered_nothing_is_written(remote):
    remote.heartbeats[0].registered = False
    ScriptedDriver().run(remote.look_if_due())
    assert remote.due_in() == SOON


def test_a_redis_that_is_away_is_asked_again_with_the_next_heartbeat(remote):
    ScriptedDriver(RedisUnavailable("away")).run(remote.look_if_due())
    assert remote.due_in() > 0


def test_who_ends_deletes_its_note_and_writes_none_afterwards(remote):
    hand = ScriptedDriver(2)
    hand.run(remote.end())
    assert hand.asked == [
        ("DEL", f"resque:worker:{ID}:note".encode(), f"resque:worker:{ID}:quit".encode())
    ]


@pytest.fixture
def resque(redis_url):
    with Resque(redis_url) as client:
        yield client


def test_a_worker_is_asked_to_quit_if_it_listens(resque, db):
    notes = WorkerNotes(resque.core.keys)
    db.sadd("resque:workers", ID)
    db.set(f"resque:worker:{ID}:started", STARTED)
    assert resque.run(notes.of([ID])) == {}
    assert not resque.run(notes.ask_to_quit(ID))
    assert not resque.run(notes.tell([ID], {"version": "1"}))
    assert resque.run(notes.of([ID])) == {ID: {"version": "1", "started": STARTED}}
    assert resque.run(notes.ask_to_quit(ID))
    assert resque.run(notes.tell([ID], {"version": "1"}))
    assert 0 < db.ttl(f"resque:worker:{ID}:quit") <= ASKED
    db.set(f"resque:worker:{ID}:started", "another")
    assert resque.run(notes.of([ID])) == {}
    assert not resque.run(notes.tell([ID], {"version": "1"}))


@pytest.mark.parametrize(
    "note",
    [b"\xff", b"[]", b"7", b'{"version":{}}', b"[" * 500, b'{"started":[]}', b'{"a":1}' * 500],
)
def test_a_note_of_any_shape_is_none(resque, db, note):
    db.set(f"resque:worker:{ID}:started", STARTED)
    db.set(f"resque:worker:{ID}:note", note)
    assert resque.run(WorkerNotes(resque.core.keys).of([ID])) == {}


def test_keys_of_a_wrong_type_stop_nothing(resque, db):
    db.set(f"resque:worker:{ID}:started", STARTED)
    db.lpush(f"resque:worker:{ID}:note", 1)
    db.lpush(f"resque:worker:{ID}:quit", 1)
    notes = WorkerNotes(resque.core.keys)
    assert resque.run(notes.of([ID])) == {}
    assert not resque.run(notes.tell([ID], {"version": "1"}))
    assert resque.run(notes.ask_to_quit(ID))
