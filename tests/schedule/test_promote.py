"""Delayed jobs on a real Redis: what is there when they have been moved, whatever stood in their way."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from pyresque.client import AsyncResque, Resque
from pyresque.driver.sync import SyncDriver
from pyresque.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from pyresque.ops import Request

AT = 4_000_000_000
LOW = b'{"class":"Low","args":[1],"queue":"low"}'


@pytest.fixture
def resque(redis_url: str) -> Iterator[Resque]:
    with Resque(redis_url) as made:
        yield made


def push(db: redis.Redis, at: int, *payloads: bytes) -> None:
    """As resque-scheduler does it: three commands."""
    for payload in payloads:
        db.rpush(f"resque:delayed:{at}", payload)
        db.sadd(b"resque:timestamps:" + payload, f"delayed:{at}")
        db.zadd("resque:delayed_queue_schedule", {str(at): at})


class Counting(SyncDriver):
    """The blocking driver, and how often it went to Redis."""

    trips = 0

    def answer(self, request: Request) -> Any:
        self.trips += 1
        return super().answer(request)


def test_jobs_come_to_their_queue_in_the_order_of_their_times(
    db: redis.Redis, redis_url: str
) -> None:
    with Resque(redis_url, delayed_requeue_batch_size=3) as resque:
        for at in (7, 3, 5):
            push(db, at, *(b'{"class":"C","args":[%d,%d],"queue":"q"}' % (at, n) for n in range(5)))
        assert resque.move_due() == 15
        assert [job.args for job in resque.peek("q", 0, 99)] == [
            (at, n) for at in (3, 5, 7) for n in range(5)
        ]
        assert sorted(db.keys()) == [b"resque:queue:q", b"resque:queues"]


def test_what_cannot_be_queued_goes_to_the_failed_list_and_holds_nobody_up(
    db: redis.Redis, resque: Resque
) -> None:
    odd = [b"", b"{bad", b"null", b"[1]", b"7", b'"x"', b"\xff", b'{"class":7,"args":[],"queue":"q"}',
           b'{"class":"Gone","args":[]}', b'{"class":"C","args":[],"queue":["q"]}']  # fmt: skip
    push(db, 5, *odd, LOW)
    push(db, 6, LOW)
    assert resque.move_due() == len(odd) + 2
    assert resque.size("low") == 2
    records = resque.failures.all(0, 99)
    assert len(records) == len(odd)
    assert all(record.readable and record.worker == "scheduler" for record in records)
    assert [record.queue for record in records] == ["delayed"] * len(odd)
    assert sorted(db.keys()) == [b"resque:failed", b"resque:queue:low", b"resque:queues"]


def test_a_refused_job_can_be_put_back_with_the_bytes_it_had(
    db: redis.Redis, resque: Resque
) -> None:
    push(db, 5, b"{bad", b'{"class":"Gone","args":[1.00]}')
    resque.move_due()
    assert resque.failures.requeue_all() == 2
    assert db.lrange("resque:queue:delayed", 0, -1) == [b"{bad", b'{"class":"Gone","args":[1.00]}']


def test_the_failed_list_of_the_queue_takes_it_where_each_queue_has_one(
    db: redis.Redis, redis_url: str
) -> None:
    with Resque(redis_url, failure_backend="redis_multi_queue") as resque:
        push(db, 5, b"{bad", b'{"class":7,"args":[],"queue":"q"}')
        assert resque.move_due() == 2
        assert resque.failures.queues() == ["delayed_failed"]
        assert resque.failures.count("delayed_failed") == 2


def test_keys_of_a_wrong_type_keep_nothing_else_from_its_queue(
    db: redis.Redis, resque: Resque
) -> None:
    db.set("resque:delayed:3", "no list")
    db.zadd("resque:delayed_queue_schedule", {"3": 3, "words": 4})
    db.set("resque:queue:odd", "no list")
    push(db, 5, LOW, LOW.replace(b"low", b"odd"), LOW)
    assert resque.move_due() == 3
    assert resque.size("low") == 2
    (record,) = resque.failures.all(0, 9)
    assert (record.exception, record.queue) == ("Redis::CommandError", "odd")
    assert resque.delayed_queue_peek(0, 9) == [3]
    assert db.get("resque:queue:odd") == b"no list"


def test_timestamps_that_lost_their_jobs_are_forgotten(db: redis.Redis, resque: Resque) -> None:
    db.zadd("resque:delayed_queue_schedule", {str(at): at for at in range(1, 1000)})
    push(db, 1000, LOW)
    assert resque.move_due() == 1
    assert resque.delayed_queue_schedule_size() == 0


def test_many_timestamps_take_few_round_trips_and_many_waiting_jobs_none(
    db: redis.Redis, redis_url: str
) -> None:
    with Resque(redis_url) as resque:
        calls = ((AT + n // 10, "Low", n) for n in range(2000))
        resque.job("Low", queue="low")(lambda number: None)
        resque.enqueue_many_at(calls)
        resque.enqueue_many_at((AT + 9999 + n, "Low", n) for n in range(3000))
        driver = Counting(redis_url)
        assert driver.run(resque.core.delayed.move_due(AT + 5000)) == 2000
        driver.close()
    assert driver.trips <= 2 * 20 + 3  # each script is sent once


def test_memory_does_not_grow_with_what_is_due(db: redis.Redis, redis_url: str) -> None:
    def peak(many: int) -> int:
        with Resque(redis_url) as resque:
            resque.job("Low", queue="low")(lambda number: None)
            resque.enqueue_many_at((AT, "Low", n) for n in range(many))
            tracemalloc.start()
            assert resque.move_due(AT) == many
            highest = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return highest

    peak(200)
    assert peak(4000) < 2 * peak(400)


def test_a_hook_that_fails_before_the_move_costs_only_its_own_job(
    db: redis.Redis, resque: Resque
) -> None:
    @resque.job("Low", queue="low")
    class Low:
        @staticmethod
        def before_delayed_enqueue_a(number: int) -> None:
            if number == 1:
                raise ValueError("not this one")

        @staticmethod
        def after_schedule_a(number: int) -> None:
            raise RuntimeError("too late to matter")

        @staticmethod
        def perform(number: int) -> None:
            """Do nothing."""

    push(db, 5, LOW, LOW.replace(b"1", b"2"))
    assert resque.move_due() == 2
    assert [job.args for job in resque.peek("low", 0, 9)] == [(2,)]
    (record,) = resque.failures.all(0, 9)
    assert (record.exception, record.error, record.queue) == ("ValueError", "not this one", "low")


def test_a_class_that_schedules_itself_is_called_and_its_error_is_recorded(
    db: redis.Redis, resque: Resque
) -> None:
    calls: list[Any] = []

    @resque.job("Low", queue="low")
    class Low:
        @staticmethod
        def scheduled(queue: str, class_name: str, *args: Any) -> None:
            calls.append((queue, class_name, args))
            if args == (2,):
                raise ValueError("no")

    push(db, 5, LOW, LOW.replace(b"1", b"2"))
    assert resque.move_due() == 2
    assert calls == [("low", "Low", (1,)), ("low", "Low", (2,))]
    assert resque.failures.count() == 1
    assert resque.queues() == []


async def test_hooks_may_be_coroutines(db: redis.Redis, redis_url: str) -> None:
    noted: list[int] = []
    async with AsyncResque(redis_url) as resque:

        @resque.job("Low", queue="low")
        class Low:
            @staticmethod
            async def before_schedule_a(number: int) -> bool:
                noted.append(number)
                return number != 2

            @staticmethod
            def perform(number: int) -> None:
                """Do nothing."""

        push(db, 5, LOW, LOW.replace(b"1", b"2"))
        assert await resque.move_due() == 2
        assert await resque.size("low") == 1
    assert noted == [1, 2]


def test_messagepack_is_moved_as_well(db: redis.Redis, redis_url: str) -> None:
    with Resque(redis_url, codec="msgpack") as resque:
        resque.enqueue_at(AT, "Low", b"\xff", queue="low")
        assert resque.remove_delayed("Low", b"\xff", queue="low") == 1
        resque.enqueue_at(AT, "Low", b"\xff", queue="low")
        assert resque.move_due(AT) == 1
        (job,) = resque.peek("low")
        assert (job.class_name, job.args, dict(job.payload.extra)) == ("Low", (b"\xff",), {})


def test_many_jobs_at_once_are_those_of_one_by_one(db: redis.Redis, resque: Resque) -> None:
    calls = [(AT + n % 7, "Low", n % 5, {"a": n}) for n in range(1200)]
    resque.job("Low", queue="low")(lambda *args: None)
    for call in calls:
        resque.enqueue_at(*call)
    single = {key: Counter(db.lrange(key, 0, -1)) for key in db.keys("resque:delayed:*")}
    sets = {key: db.smembers(key) for key in db.keys("resque:timestamps:*")}
    times = db.zrange("resque:delayed_queue_schedule", 0, -1, withscores=True)
    db.flushall()
    assert resque.enqueue_many_at([*calls, (1, "Low", "now")]) == 1201
    assert single == {key: Counter(db.lrange(key, 0, -1)) for key in db.keys("resque:delayed:*")}
    assert sets == {key: db.smembers(key) for key in db.keys("resque:timestamps:*")}
    assert times == db.zrange("resque:delayed_queue_schedule", 0, -1, withscores=True)
    assert resque.size("low") == 1


def test_a_pass_over_all_jobs_sees_long_lists_and_many_timestamps(
    db: redis.Redis, resque: Resque
) -> None:
    resque.job("Low", queue="low")(lambda *args: None)
    resque.enqueue_many_at((AT, "Low", n) for n in range(1100))
    resque.enqueue_many_at((AT + n, "Low", n) for n in range(1, 1100))
    assert resque.count_all_scheduled_jobs() == 2199
    found = resque.find_delayed_selection(lambda args: args[0] in {0, 1050, 1099})
    assert [job.args[0] for job in found] == [0, 1050, 1099, 1050, 1099]
    assert resque.enqueue_delayed_selection(lambda args: args[0] < 1100, "Low") == 2199
    assert resque.size("low") == 2199
    assert resque.delayed_queue_schedule_size() == 1100
    assert resque.reset_delayed_queue() == 1
    assert sorted(db.keys()) == [b"resque:queue:low", b"resque:queues"]


def test_what_another_client_spelled_otherwise_is_found_by_its_meaning(
    db: redis.Redis, resque: Resque
) -> None:
    resque.job("Low", queue="low")(lambda *args: None)
    odd = b'{ "args": [1], "class": "Low", "queue": "low", "id": 3 }'
    push(db, AT, odd)
    push(db, AT + 1, b'{"args":[1.0],"class":"Low","queue":"low"}', b"{bad")
    assert resque.is_delayed("Low", 1) is False  # looking asks for bytes alone
    assert resque.enqueue_delayed("Low", 1) == 1
    assert [job.args for job in resque.peek("low")] == [(1,)]
    push(db, AT, odd)
    assert resque.remove_delayed("Low", 1) == 1
    assert resque.is_delayed("Low", 1.0) is True
    assert resque.delay_or_enqueue_at(AT + 5, "Low", 1.0) == 1
    assert resque.scheduled_at("Low", 1.0) == [AT + 5]
    assert resque.remove_delayed_job_from_timestamp(AT + 5, "Low", 1.0) == 1
    assert resque.count_all_scheduled_jobs() == 1


def test_a_job_without_a_queue_of_its_own_is_looked_for_in_all(
    db: redis.Redis, resque: Resque
) -> None:
    resque.enqueue_at(AT, "OnlyRubys", 1, queue="a")
    resque.enqueue_at(AT, "OnlyRubys", 1, queue="b")
    assert resque.remove_delayed("OnlyRubys", 1, queue="b") == 1
    assert resque.is_delayed("OnlyRubys", 1)
    assert resque.remove_delayed("OnlyRubys", 1) == 1


def test_the_next_item_that_cannot_be_read_stays_where_it_is(
    db: redis.Redis, resque: Resque
) -> None:
    push(db, AT, b"{bad")
    with pytest.raises(DecodeError):
        resque.next_item_for_timestamp(AT)
    assert db.lrange(f"resque:delayed:{AT}", 0, -1) == [b"{bad"]
