"""Two selective workers and a Ruby worker on one queue, in random order: each take is of the first job of theirs that is there."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from pyresque import Resque
from pyresque.ops import Batch
from pyresque.process.worker import places
from pyresque.process.worker.places import Place
from pyresque.store.queues import to_bytes
from pyresque.store.selection import Selection

pytestmark = pytest.mark.redis

AT = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
LIST = "resque:queue:low"


class Player:
    """One worker: it looks when it knows of no job, and takes what it knows."""

    def __init__(self, resque, number, window):
        self.resque = resque
        self.key = resque.core.keys.worker(f"h:{number}:low")
        self.selection = Selection(resque.core.keys, f"h:{number}:low")
        self.selection.by_text = True
        self.template = resque.core.worker_registry.record_template(("low",), AT)
        self.place = Place("low", to_bytes(LIST), window)

    def look(self):
        look = self._run(self.selection.looking(self.place.key, *self.place.wanted))
        self.place.read(look, choose, 0.0)

    def take(self):
        """What was taken."""
        if not self.place.found_any:
            return None
        chosen = self.place.chosen()
        reply = self._run(self.selection.taking(self.place.key, "low", self.template, "", chosen))
        if reply == [0]:
            self.place.forget()
            return None
        assert reply[0] == 1
        return self.place.taken(reply[1], reply[2])

    def _run(self, command):
        async def whole():
            return (await Batch((command,)))[0]

        return self.resque.run(whole())


def choose(_queue, jobs):
    return [(at, raw, raw) for at, raw in enumerate(jobs) if ours(raw)]


def ours(raw):
    return raw.startswith(b'{"class":"Ours')


def payload(name, number):
    return json.dumps({"class": name, "args": [number]}, separators=(",", ":")).encode()


NAMES = st.sampled_from(["Ours", "OursToo", "Theirs", "Theirs", "Theirs", "TheirsToo"])
STEPS = st.one_of(
    st.tuples(st.just("push"), st.lists(NAMES, min_size=1, max_size=12)),
    st.tuples(st.just("pop"), st.integers(1, 6)),
    st.tuples(st.just("look"), st.integers(0, 1)),
    st.tuples(st.just("take"), st.integers(0, 1)),
    st.tuples(st.just("take"), st.integers(0, 1)),
    st.tuples(st.just("trim"), st.sampled_from([0, 0, 0, 100, 300, 650])),
    st.one_of(*[st.just(("look", 0))] * 9, st.just(("delete", 0))),
)
UNDISTURBED = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Play:
    """The queue, what it should hold, and two workers."""

    def __init__(self, resque, db, window, ahead, *, alike):
        self.db, self.alike = db, alike
        self.players = [Player(resque, number, window) for number in range(2)]
        self.count = 0
        self.queue = [payload("Theirs", -1 - n) for n in range(ahead)]
        if ahead:
            db.rpush(LIST, *self.queue)
            self.players[0].place.window = 500

    def push(self, names):
        new = [payload(name, 0 if self.alike else self.count + n) for n, name in enumerate(names)]
        self.count += len(new)
        self.queue += new
        self.db.rpush(LIST, *new)

    def pop(self, number):
        del self.queue[:number]
        self.db.lpop(LIST, number)

    def trim(self, number):
        del self.queue[:number]
        self.db.ltrim(LIST, number, -1)

    def delete(self, _):
        self.queue.clear()
        self.db.delete(LIST)

    def look(self, number):
        player = self.players[number]
        if not player.place.found_any:
            player.look()

    def take(self, number):
        player = self.players[number]
        raw = player.take()
        left = self.db.lrange(LIST, 0, -1)
        if raw is not None:
            if not self.alike:
                assert raw == next(filter(ours, self.queue)), "the first of ours"
            # Of equal ones maybe not the first was taken: they are told apart by nothing but what stands between them.
            pairs = enumerate(zip(self.queue, left, strict=False))
            at = next((at for at, (before, now) in pairs if before != now), len(left))
            assert self.queue.pop(at) == raw
            assert raw in self.db.get(player.key)
            self.db.delete(player.key)
        assert left == self.queue

    def drain(self):
        for _ in range(3 * len(self.queue) + 10):
            for number in range(2):
                self.look(number)
                self.take(number)

    @property
    def done(self):
        return not any(map(ours, self.queue))


@UNDISTURBED
@given(
    steps=st.lists(STEPS, min_size=20, max_size=80),
    window=st.integers(1, 12),
    alike=st.booleans(),
    ahead=st.sampled_from([0, 0, 700]),
    margin=st.sampled_from([places.MARGIN, 3]),
)
def test_every_job_is_taken_once_and_in_order(redis_url, db, steps, window, alike, ahead, margin):
    db.flushall()
    with Resque(redis_url) as resque, patch.object(places, "MARGIN", margin):
        play = Play(resque, db, window, ahead, alike=alike)
        for step, what in steps:
            getattr(play, step)(what)
        play.drain()
        if (
            not play.done
        ):  # equal jobs may have been passed over: they are read from the head in the end
            assert alike
            for player in play.players:
                player.place.begin_again(0.0)
            play.drain()
        assert play.done
