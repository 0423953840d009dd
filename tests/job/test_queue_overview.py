"""How long the next job of a queue has waited, by what its payload says; and the setting that makes payloads say it."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timezone

import pytest

from pyresque import AsyncResque, Resque
from pyresque.job.job import Payload
from pyresque.job.queue_overview import waiting_since

NOW = 1772366400.25
WRITTEN = "2026-03-01T12:00:00.250000Z"


class Standing:
    """A clock that shows one time."""

    def __init__(self, now=NOW):
        self.now = now

    def time(self):
        return self.now

    def monotonic(self):
        return 0.0


@pytest.fixture(params=["json", "msgpack"])
def resque(request, redis_url, db):
    with Resque(redis_url, enqueued_at=True, codec=request.param, clock=Standing()) as made:
        made.job("Mail", queue="mail")(print)
        made.active_job("Sync", queue="rails")(print)
        yield made


def heads(resque, queue):
    return [job.payload.extra for job in resque.peek(queue, 0, 10)]


def test_every_payload_that_is_put_into_a_queue_bears_the_time(resque):
    resque.enqueue("Mail", 1)
    resque.enqueue_to("mail", "Foreign", 2)
    resque.enqueue_many([("Mail", 3), ("Mail", 4)])
    resque.create("mail", "Mail", 5)
    resque.enqueue_from_config({"class": "Mail", "args": [6]})
    resque.enqueue("Sync", 7)
    assert heads(resque, "mail") == [{"enqueued_at": WRITTEN}] * 6
    assert heads(resque, "rails") == [{"enqueued_at": WRITTEN}]
    resque.core.clock.now += 90
    assert resque.queue_latency("mail") == 90
    assert resque.queue_latency("nothing") is None
    assert resque.dequeue("Mail", 3) == 1


def test_a_delayed_payload_bears_it_when_it_is_moved(resque, db):
    resque.enqueue_at(NOW + 10, "Mail", 1)
    resque.enqueue_at_with_queue("mail", NOW + 10, "Foreign", 2)
    assert b"enqueued_at" not in b"".join(db.lrange("resque:delayed:1772366410", 0, -1))
    assert resque.is_delayed("Mail", 1)
    resque.core.clock.now += 60
    assert resque.move_due(NOW + 60) == 2
    moved = {"enqueued_at": "2026-03-01T12:01:00.250000Z"}
    assert heads(resque, "mail") == [moved, moved]


async def test_the_awaited_face_writes_the_same(redis_url, db):
    async with AsyncResque(redis_url, enqueued_at=True, clock=Standing()) as resque:
        await resque.enqueue_to("low", "X", 1)
        assert await resque.queue_latency("low") == 0
    assert db.lindex("resque:queue:low", 0).decode() == (
        f'{{"class":"X","args":[1],"enqueued_at":"{WRITTEN}"}}'
    )


def test_without_the_setting_no_payload_does(redis_url, db):
    with Resque(redis_url) as resque:
        resque.enqueue_to("low", "X", 1)
        resque.enqueue_at_with_queue("low", 10**6, "X", 1)
    assert db.lrange("resque:queue:low", 0, -1) == [b'{"class":"X","args":[1]}'] * 2


def test_what_a_middleware_or_a_writer_put_there_is_kept(redis_url, db):
    with Resque(redis_url, enqueued_at=True, clock=Standing()) as resque:
        resque.delayed_push(5, {"class": "X", "args": [], "queue": "low", "enqueued_at": 7})
        resque.move_due()
        resque.enqueue_middleware(
            lambda call_next, job: (job.extra.update(enqueued_at=8), call_next(job))
        )
        resque.enqueue_to("low", "X")
    assert [json.loads(one)["enqueued_at"] for one in db.lrange("resque:queue:low", 0, -1)] == [
        7,
        8,
    ]


SINCE = datetime(2026, 3, 1, 12, tzinfo=timezone.utc).timestamp()
ENVELOPE = {"job_class": "Sync", "enqueued_at": "2026-03-01T12:00:00.123456789Z"}


@pytest.mark.parametrize(
    ("args", "extra", "since"),
    [
        ([], {"enqueued_at": "2026-03-01T12:00:00Z"}, SINCE),
        ([], {"enqueued_at": "2026-03-01 13:00:00 +0100"}, SINCE),
        ([], {"enqueued_at": SINCE}, SINCE),
        ([], {"enqueued_at": int(SINCE * 1000)}, SINCE),
        ([ENVELOPE], {}, SINCE + 0.123456),
        ([{**ENVELOPE, "scheduled_at": "2026-03-01T13:00:00Z"}], {}, SINCE + 3600),
        ([{**ENVELOPE, "scheduled_at": "soon"}], {}, SINCE + 0.123456),
        ([{**ENVELOPE, "scheduled_at": None}], {}, SINCE + 0.123456),
        ([{"job_class": "Sync"}], {}, None),
        ([{"job_class": "Sync", "enqueued_at": "yesterday"}], {}, None),
        ([{"enqueued_at": "2026-03-01T12:00:00Z"}], {}, None),
        ([ENVELOPE], {"enqueued_at": "garbage"}, SINCE + 0.123456),
        ("text", {}, None),
        (None, {}, None),
        ([[]], {}, None),
    ],
)
def test_what_payloads_say(args, extra, since):
    assert waiting_since(Payload("X", args, extra)) == since


@pytest.mark.parametrize(
    "value",
    [True, None, [], {}, "", "x" * 10**6, "9" * 64, -1e300, 1e300, float("nan"), 10**400, "\x00"],
)
def test_garbage_says_nothing(value):
    assert waiting_since(Payload("X", [], {"enqueued_at": value})) is None


def test_a_time_in_the_future_counts_as_now(redis_url, db):
    with Resque(redis_url, clock=Standing()) as resque:
        resque.push("low", {"class": "X", "args": [], "enqueued_at": NOW + 3600})
        db.rpush("resque:queue:odd", "{bad")
        db.set("resque:queue:text", "x")
        assert resque.queue_latency("low") == 0
        assert resque.queue_latency("odd") is None
        assert resque.queue_latency("text") is None


def test_both_faces_ask_alike(redis_url, db):
    db.rpush("resque:queue:low", '{"class":"X","args":[],"enqueued_at":1772366400}')

    async def asked():
        async with AsyncResque(redis_url, clock=Standing()) as resque:
            return await resque.queue_latency("low")

    with Resque(redis_url, clock=Standing()) as resque:
        assert resque.queue_latency("low") == asyncio.run(asked()) == 0.25
