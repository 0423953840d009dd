"""A server that says "not now", in each of the words in use for it, at each moment: waited for; done jobs stay done, once."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING

import pytest

from pyresque import AsyncResque, Resque
from pyresque.driver.protocol import passing
from pyresque.errors import ConnectionFault, RedisUnavailable
from pyresque.executor.inline import InlineExecutor
from pyresque.job.worker_registry import WorkerId
from pyresque.process.scheduler import Scheduler
from pyresque.process.worker.idle import Interval
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.worker import Worker
from pyresque.store.schedules import Claim
from tests.live.refusing import Refusing
from tests.support.eventually import eventually
from tests.support.live_worker import next_report, reported, worker
from tests.support.scripted_worker import Clock, ScriptedHost

if TYPE_CHECKING:
    import redis

    from tests.support.redis_server import RedisServer

#: As Redis and Valkey, their forks, those who offer them, and the proxies in front of them say it.
WORDS = [
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "BUSY Redis is busy running a module command.",
    "CLUSTERDOWN The cluster is down",
    "CLUSTERDOWN Hash slot not served",
    "ERR max number of clients reached",
    "ERR max number of clients + cluster connections reached",
    "ERR max requests limit exceeded. Limit: 500000, Usage: 500000.",
    "ERR max daily request limit exceeded. Limit: 10000, Usage: 10001.",
    "ERR max concurrent connections exceeded",
    "ERR too many requests",
    "ERR rate limit exceeded",
    "ERR Server closed the connection",
    "ERR Connection timed out",
    "ERR Connection refused",
    "ERR upstream failure",
    "ERR Error running script (call to f_0): @user_script:1: @user_script: 1: -READONLY You can't write against a read only slave.",
    "ERR Error running script (call to f_0): @user_script:1: OOM command not allowed when used memory > 'maxmemory'.",
    "EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.",
    "FAILOVER in progress",
    "INPROG Failover already in progress",
    "LOADING Redis is loading the dataset in memory",
    "LOADING Valkey is loading the dataset in memory",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "MISCONF Errors writing to the AOF file: No space left on device",
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
    "NOMASTERLINK Can't SYNC while failing over",
    "NOREPLICAS Not enough good replicas to write.",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "READONLY You can't write against a read only replica.",
    "REDIRECT 10.0.0.2:6379",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
    "UNBLOCKED client unblocked via CLIENT UNBLOCK",
    "no upstream host",
    "upstream failure",
]

#: What is said while a password is being changed.
ROTATION = [
    "NOAUTH Authentication required.",
    "WRONGPASS invalid username-password pair or user is disabled.",
]

#: What only sounds alike.
OTHERS = ["BUSYGROUP Consumer Group name already exists", "BUSYKEY x", "ERR unknown command 'X'"]

#: How many commands of each life are refused, at least.
MOMENTS, MOMENTS_OF_A_SCHEDULER = 14, 8


class EachOnce:
    """Refuses each command the first time it is heard; what it is about to be, without its times, is a moment."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.moments: set[bytes] = set()

    def __call__(self, command: list[bytes]) -> str | None:
        moment = re.sub(rb"\d{4}-\d\d-\d\d.\d\d:\d\d:\d\d\S*", b"", b" ".join(command))
        if moment in self.moments:
            return "+OK" if command[0] == b"AUTH" else None
        self.moments.add(moment)
        return self.word


def life(resque: Resque) -> list[object]:
    """A worker's life: start, two jobs of which one fails, its leaving. What was performed."""
    performed: list[object] = []

    @resque.job("Note", queue="low")
    def note(value: object) -> None:
        performed.append(value)

    @resque.job("Boom", queue="low")
    def boom() -> None:
        performed.append("boom")
        raise ValueError("boom")

    clock = Clock()
    one = Worker(
        resque.core,
        WorkerId("host", 42, ("low",)),
        QueueList.parse(["low"]),
        InlineExecutor(resque.core.registry),
        ScriptedHost(clock),
    )
    resque.run(one.work(Interval.between(0.0)))
    return performed


@pytest.mark.parametrize("word", WORDS + ROTATION)
def test_a_worker_waits_at_each_moment_of_its_life_and_every_job_has_one_true_end(
    db: redis.Redis, redis_server: RedisServer, word: str
) -> None:
    db.rpush("resque:queue:low", *(json.dumps({"class": "Note", "args": [n]}) for n in (1, 2)))
    db.rpush("resque:queue:low", '{"class":"Boom","args":[]}', '{"class":"Note","args":[3]}')
    refusals = EachOnce(word)
    with Refusing(redis_server.port, refusals) as server, Resque(server.url_of("pw")) as resque:
        assert life(resque) == [1, 2, "boom", 3]
    assert db.get("resque:stat:processed") == b"4"
    assert db.get("resque:stat:failed") == b"1"
    failed = [json.loads(one) for one in db.lrange("resque:failed", 0, -1)]
    assert [one["payload"]["class"] for one in failed] == ["Boom"]
    assert db.smembers("resque:workers") == set()
    assert db.keys("resque:worker:*") == []
    assert {b"AUTH", b"HDEL", b"TIME", b"HSET", b"SADD", b"SET", b"GET", b"EVALSHA"} <= {
        moment.split()[0] for moment in refusals.moments
    }
    assert len(refusals.moments) >= MOMENTS


@pytest.mark.parametrize("word", WORDS + ROTATION)
def test_a_scheduler_goes_on_when_it_is_served_again_and_queues_everything_once(
    db: redis.Redis, redis_server: RedisServer, word: str
) -> None:
    clock = Clock()
    every = {"every": "1h", "class": "Tick", "queue": "low", "persist": True}
    with Resque(redis_server.url, clock=clock) as resque:
        resque.enqueue_at_with_queue("low", int(clock.time()) + 30, "Later", 1)
        resque.set_schedule("tick", every)
    refusals = EachOnce(word)
    with (
        Refusing(redis_server.port, refusals) as server,
        Resque(server.url_of("pw"), clock=clock, dynamic_schedule=True) as resque,
    ):
        scheduler = Scheduler(resque.core, Claim("host:1", "a"), ScriptedHost(clock))
        for _ in range(40):
            resque.run(scheduler.turn())
            clock.passed += 1
        clock.passed += 3600
        for _ in range(40):
            resque.run(scheduler.turn())
    queued = [json.loads(one)["class"] for one in db.lrange("resque:queue:low", 0, -1)]
    assert sorted(queued) == ["Later", "Tick"]
    assert db.zcard("resque:delayed_queue_schedule") == 0
    assert len(refusals.moments) >= MOMENTS_OF_A_SCHEDULER


@pytest.mark.parametrize("word", WORDS + ROTATION)
@pytest.mark.parametrize("awaited", [False, True], ids=["blocking", "awaited"])
def test_a_client_hears_that_nothing_was_done_and_its_next_attempt_is_the_only_one(
    db: redis.Redis, redis_server: RedisServer, word: str, awaited: bool
) -> None:
    """At the handshake's two commands, then at the verb's own."""
    refusals = EachOnce(word)
    with Refusing(redis_server.port, refusals) as server:
        url = server.url_of("pw", 1)
        attempts = asyncio.run(enqueued_at_last(url)) if awaited else enqueued_blocking(url)
    assert all(isinstance(error, RedisUnavailable) for error in attempts)
    assert {isinstance(error, ConnectionFault) for error in attempts} == {word in ROTATION}
    assert {moment.split()[0] for moment in refusals.moments} == {
        *(b"AUTH", b"SELECT", b"SADD", b"RPUSH")
    }
    db.select(1)
    assert db.llen("resque:queue:low") == 1
    db.flushdb()


def enqueued_blocking(url: str) -> list[Exception]:
    """What each attempt but the last heard."""
    heard: list[Exception] = []
    with Resque(url) as resque:
        while len(heard) < 10:
            try:
                resque.enqueue_to("low", "Note", 1)
            except RedisUnavailable as error:
                heard.append(error)
            else:
                return heard
    raise AssertionError(heard)


async def enqueued_at_last(url: str) -> list[Exception]:
    heard: list[Exception] = []
    async with AsyncResque(url) as resque:
        while len(heard) < 10:
            try:
                await resque.enqueue_to("low", "Note", 1)
            except RedisUnavailable as error:
                heard.append(error)
            else:
                return heard
    raise AssertionError(heard)


@pytest.mark.parametrize("word", OTHERS)
def test_what_only_sounds_alike_is_no_reason_to_wait(word: str) -> None:
    assert not passing(word)


@pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])
def test_a_job_done_while_no_connection_is_to_be_had_is_done(
    db: redis.Redis, redis_server: RedisServer, redis_url: str, executor: str
) -> None:
    """Every connection is cut amid the job, and none is let in for a while: ERR max number of clients reached."""
    full = False
    refused = 0

    def verdict(_command: list[bytes]) -> str | None:
        nonlocal refused
        refused += full
        return "ERR max number of clients reached" if full else None

    db.rpush("resque:queue:low", b'{"class":"Hold","args":[1]}', b'{"class":"Note","args":[2]}')
    with (
        Refusing(redis_server.port, verdict) as server,
        worker(server.url, "low", report_url=redis_url, RESQUE_EXECUTOR=executor) as process,
    ):
        assert next_report(db) == ["holding", 1]
        full = True
        server.hang_up()
        db.rpush("live:release", 1)
        eventually(lambda: "trying again within 1.0 s" in process.log)
        full = False
        assert next_report(db) == ["held", 1]
        assert next_report(db) == ["note", 2]
        process.signal("SIGQUIT")
        assert process.ended() == 0
    assert refused
    assert "Traceback" not in process.log
    assert reported(db) == []
    assert db.get("resque:stat:processed") == b"2"
    assert db.llen("resque:failed") == 0
    assert db.keys("resque:worker*") == []


def test_a_job_done_while_its_password_is_refused_is_done_when_it_is_let_in_again(
    db: redis.Redis, redis_server: RedisServer, redis_url: str
) -> None:
    refusing = False

    def verdict(command: list[bytes]) -> str | None:
        if command[0] == b"AUTH":
            return (
                "WRONGPASS invalid username-password pair or user is disabled."
                if refusing
                else "+OK"
            )
        return None

    db.rpush("resque:queue:low", b'{"class":"Hold","args":[1]}')
    with (
        Refusing(redis_server.port, verdict) as server,
        worker(server.url_of("old"), "low", report_url=redis_url) as process,
    ):
        assert next_report(db) == ["holding", 1]
        refusing = True
        server.hang_up()
        db.rpush("live:release", 1)
        eventually(lambda: "trying again within 1.0 s" in process.log)
        process.signal("SIGQUIT")
        refusing = False
        assert process.ended() == 0
    assert reported(db) == [["held", 1]]
    assert db.get("resque:stat:processed") == b"1"
    assert db.llen("resque:failed") == 0
    assert db.keys("resque:worker*") == []
