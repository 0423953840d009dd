"""The two readers of ``turn.lua``'s replies: the worker's (``reserve.py``) and the fork server's (``reserve_raw.py``).

Each branch of the script is run on Redis. The raw reader must find the worker's job in the reply, or leave it unread.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import hiredis
import pytest

from pyresque.job.job import JsonCodec
from pyresque.job.worker_registry import WorkerRegistry
from pyresque.store.keys import Keys
from pyresque.store.reserve import NO_FAILURE, FailureEntry, Reserver
from pyresque.store.reserve_raw import RawReserver, encoded
from pyresque.store.scripts import script
from pyresque.store.workers import WorkerTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

ME = "host:1:low,high,last"
QUEUES = ("low", "high", "last")
RECORD = b"resque:worker:" + ME.encode()
PROCESSED = b"resque:stat:processed"
HELD = b'{"queue":"low","run_at":"2026-03-01T12:00:00Z","payload":{"class":"Held","args":[]}}'
JOB = b'{"class":"X","args":[1]}'
NOW = 1_772_366_400

Seed = "Callable[[redis.Redis], object]"


def held(db: redis.Redis) -> None:
    db.set(RECORD, HELD)


def jobs(queue: str, *payloads: bytes) -> Seed:
    return lambda db: db.rpush(f"resque:queue:{queue}", *payloads)


#: What stands in Redis, what is finished, and the job that the raw reader is to find: the index of its queue and its payload.
USUAL: dict[str, tuple[list[Seed], bytes, tuple[int, bytes] | None]] = {
    "the first queue's job": ([held, jobs("low", JOB)], HELD, (0, JOB)),
    "a job with line breaks": ([held, jobs("low", b'{"a":"\r\n$5\r\n"}')], HELD, (0, b'{"a":"\r\n$5\r\n"}')),
    "a great job": ([held, jobs("low", b'{"a":"%b"}' % (b"x" * 300_000))], HELD, (0, b'{"a":"%b"}' % (b"x" * 300_000))),
    "the second queue's job": ([held, jobs("high", JOB)], HELD, (1, JOB)),
    "the last queue's job": ([held, jobs("last", JOB)], HELD, (2, JOB)),
    "no job": ([held], HELD, None),
    "nothing is finished": ([jobs("low", JOB)], b"", None),
    "nothing is finished, and no job": ([], b"", None),
    "the record is another worker's": ([lambda db: db.set(RECORD, b"other"), jobs("low", JOB)], HELD, None),
    "the record is gone": ([jobs("high", JOB)], HELD, None),
    "all workers are paused": ([held, jobs("low", JOB), lambda db: db.set("resque:pause-all-workers", "true")], HELD, None),
    "a payload that is no hash": ([held, jobs("low", b"[1]")], HELD, None),
    "a payload that is no JSON": ([held, jobs("low", b"{x}")], HELD, None),
    "a payload that is nothing": ([held, jobs("low", b"")], HELD, None),
    "no JSON in the second queue": ([held, jobs("high", b"no")], HELD, None),
    "the first queue is no list": ([held, lambda db: db.set("resque:queue:low", 1), jobs("high", JOB)], HELD, None),
    "the second queue is no list": ([held, lambda db: db.set("resque:queue:high", 1), jobs("last", JOB)], HELD, None),
    "no queue is a list": ([held, *(lambda db, q=q: db.set(f"resque:queue:{q}", 1) for q in QUEUES)], HELD, None),
    "a queue that is not asked is no list": ([held, jobs("low", JOB), lambda db: db.set("resque:queue:high", 1)], HELD, (0, JOB)),
    "the record is no text": ([lambda db: db.rpush(RECORD, 1), jobs("low", JOB)], HELD, None),
    "the record is no text, and no job": ([lambda db: db.rpush(RECORD, 1)], HELD, None),
    "the pause key is no text": ([held, lambda db: db.rpush("resque:pause-all-workers", 1), jobs("low", JOB)], HELD, None),
    "the count is no number": ([held, jobs("low", JOB), lambda db: db.set(PROCESSED, "many")], HELD, None),
    "the count is a list": ([held, jobs("high", JOB), lambda db: db.rpush(PROCESSED, 1)], HELD, None),
    "the worker's own count is a list": ([held, jobs("low", JOB), lambda db: db.rpush(PROCESSED + b":" + ME.encode(), 1)], HELD, None),
    "the count overflows": ([held, jobs("low", JOB), lambda db: db.set(PROCESSED, 2**63 - 1)], HELD, None),
    "the worker's own count is no number, and no job": ([held, lambda db: db.set(PROCESSED + b":" + ME.encode(), "x")], HELD, None),
    "the first queue is paused": ([held, jobs("low", JOB), jobs("high", JOB), lambda db: db.set("resque:pause:queue:low", "")], HELD, (1, JOB)),
    "another queue is paused": ([held, jobs("low", JOB), lambda db: db.set("resque:pause:queue:high", "false")], HELD, (0, JOB)),
    "the only queue with a job is paused": ([held, jobs("high", JOB), lambda db: db.set("resque:pause:queue:high", 1)], HELD, None),
    "every queue is paused": ([held, jobs("low", JOB), lambda db: db.set("resque:pause:all", "true")], HELD, None),
    "a pause that is no text pauses nothing": ([held, jobs("low", JOB), lambda db: db.rpush("resque:pause:queue:low", 1)], HELD, (0, JOB)),
}  # fmt: skip


class Both:
    """Both readers, with the same queues and worker records of the same second."""

    def __init__(self, db: redis.Redis, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pyresque.store.reserve_raw.time", lambda: NOW + 0.5)
        self.db = db
        self.reserver = Reserver(Keys(), ME)
        registry = WorkerRegistry(WorkerTable(Keys()), JsonCodec())
        self.reserver.set_queues(QUEUES, registry.record_template(QUEUES, at(NOW)))
        prefix = self.reserver.command_prefix()
        heads = tuple(head.rpartition(b"2026-03-01T12:00:00Z")[::2] for head in prefix.record_heads)
        address = urlsplit(url)
        self.socket = socket.create_connection((address.hostname, address.port))
        self.socket.settimeout(5)
        self.socket.sendall(hiredis.pack_command(("SELECT", address.path.strip("/") or "0")))
        assert self.socket.recv(5) == b"+OK\r\n"
        self.sent = bytearray()
        self.raw = RawReserver(
            *(self.socket.recv, self.send, prefix.command_head, heads),
            *(prefix.record_tail, prefix.written),
        )
        db.script_load(script("turn").text)

    def send(self, command: bytes) -> int:
        self.sent += command
        return self.socket.send(command)

    def reply(self) -> object:
        """The reply that the raw reader left, read by the worker's client."""
        reader = hiredis.Reader()
        reader.feed(self.raw.reply)
        while (reply := reader.gets()) is False:
            reader.feed(self.socket.recv(1 << 16))
        return reply


def at(second: int):
    from datetime import datetime, timezone

    return datetime.fromtimestamp(second, timezone.utc)


@pytest.fixture
def both(db: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Both]:
    made = Both(db, redis_url, monkeypatch)
    yield made
    made.socket.close()


def state(db: redis.Redis) -> dict[bytes, bytes]:
    return {key: db.dump(key) for key in db.scan_iter()}


@pytest.mark.parametrize("name", USUAL)
def test_both_readers_agree_on_every_reply(both: Both, db: redis.Redis, name: str) -> None:
    seeds, finished, expected = USUAL[name]
    for seed in seeds:
        seed(db)
    before = state(db)
    found = both.raw.reserve(finished)
    assert found == expected
    command = both.reserver.prepared_command(finished)
    assert both.sent == command.wire, "both send the same bytes"
    if found is not None:
        # What the worker's client reads of these very bytes.
        reader = hiredis.Reader()
        reader.feed(both.raw.reply)
        reply = reader.gets()
        reservation = both.reserver.read_reply(reply)
        assert (reservation.queue, reservation.raw) == (QUEUES[found[0]], found[1])
        assert reservation.finished
        assert (reservation.wrong_keys, reservation.wrong_type) == ((), ())
        assert both.raw.record(*found) == reservation.record == db.get(RECORD)
    else:
        reply = both.reply()
        after = state(db)
        for key in before | after:
            db.delete(key)
        for key, dump in before.items():
            db.restore(key, 0, dump)
        again = db.execute_command(*command.args)
        assert again == reply, "the worker's client reads on from where the raw reader stopped"
        assert state(db) == after
        reservation = both.reserver.read_reply(reply)
        usual = reservation.finished and not reservation.wrong_keys + reservation.wrong_type
        record = reservation.queue is not None and reservation.record == (
            both.reserver.template.heads[QUEUES.index(reservation.queue)] + reservation.raw + b"}"
        )
        assert not (usual and record), "a usual job must not be left unread"


#: Only the worker asks for these; their replies must still be no job to the raw reader.
RARE: dict[str, Callable[[Reserver], tuple[FailureEntry, bytes]]] = {
    "a failure, and a job": lambda _: (FailureEntry(b"failed"), HELD),
    "a failure whose list is none": lambda _: (FailureEntry(b"failed", "wrong"), HELD),
    "other queues are known": lambda one: (NO_FAILURE, HELD),
    "plugins write, and a job": lambda _: (writing("resque:queue:other"), HELD),
    "plugins write what is refused": lambda _: (writing("resque:wrong"), HELD),
    "plugins write beside a failure": lambda _: (writing("resque:wrong2", b"failed"), HELD),
}


def writing(key: str, record: bytes = b"") -> FailureEntry:
    """The end of a job whose plugins push a job, and count."""
    return FailureEntry(record, writes=(("RPUSH", key, b"job"), ("INCR", "resque:wrong")))


@pytest.mark.parametrize("name", RARE)
def test_replies_to_other_commands_are_read_by_the_worker_alone(
    both: Both, db: redis.Redis, name: str
) -> None:
    held(db)
    jobs("low", JOB)(db)
    db.set("resque:wrong", 1)
    db.sadd("resque:queues", "low", "new")
    if name == "other queues are known":
        both.reserver.set_queues(QUEUES, both.reserver.template, ("low",))
    failure, finished = RARE[name](both.reserver)
    operation = both.reserver.reserve(finished, failure)
    command = operation.send(None)
    both.socket.sendall(hiredis.pack_command(command.args))
    both.raw.reply = both.socket.recv(1 << 16)
    raw = both.raw._job()
    reply = both.reply()
    if isinstance(reply, Exception):
        assert raw is None
        assert "WRONGTYPE" in str(reply)
        operation.close()
        return
    with pytest.raises(StopIteration) as ended:
        operation.send(reply)
    reservation = ended.value.value
    assert (None if raw is None else (QUEUES[raw[0]], raw[1])) == (
        None if reservation.queue is None else (reservation.queue, reservation.raw)
    )


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize("count", [1, 4])
def test_both_send_the_same_turn_with_what_plugins_write(
    both: Both, db: redis.Redis, queue: str, count: int
) -> None:
    held(db)
    jobs(queue, JOB)(db)
    commands = (("DEL", b"resque:counter"), ("SET", "resque:kept", b"\xff", "EX", 60))
    commands = (*commands, ("INCR", "resque:x"), ("LTRIM", "resque:list", 0, 9))[:count]
    found = both.raw.reserve(HELD, encoded(commands))
    sent = both.reserver.command(HELD, FailureEntry(b"", counted=False, writes=commands))
    assert both.sent == hiredis.pack_command(sent.args)
    assert found == (QUEUES.index(queue), JOB)
    written = (b"\xff", b"1") if count > 1 else (None, None)
    assert (db.get("resque:kept"), db.get("resque:x")) == written


def test_a_job_that_is_pushed_is_for_the_worker() -> None:
    assert encoded((("DEL", "a"), ("RPUSH", "b", b"job"))) is None
    assert encoded((("ZADD", "a", 1, 1),)) is None
