"""Every way to reach Redis, both faces: each verb answers and leaves what it does by a plain URL."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import fakeredis
import pytest
import redis
import redis.asyncio
import redis.asyncio.cluster
import redis.asyncio.sentinel
import redis.sentinel
import valkey
import valkey.asyncio

from pyresque import AsyncResque, Resque
from pyresque.failures import Failures
from pyresque.verbs import BlockingVerbs
from tests.support.redis_server import RedisServer
from tests.support.redis_sets import MASTER, Cluster, SentinelSet
from tests.support.tls import Secured

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT = 4102444800
TAGGED = "{resque}"
BINARY = b'{"class":"Odd","args":["\xff"]}'


def mailer(*args: Any) -> None: ...


#: Verbs in their order; what they answer depends on what those before them left.
STORY: list[tuple[str, Any]] = [
    ("enqueue", lambda r: r.enqueue(mailer, 7, "ä")),
    ("enqueue_to", lambda r: r.enqueue_to("low", "Other", {"a": [1.5, None]})),
    ("enqueue_many", lambda r: r.enqueue_many([(mailer, 1), (mailer, 2), ("Mailer", 3)])),
    ("perform_all_later", lambda r: r.perform_all_later([])),
    ("create", lambda r: r.create("mail", mailer, 9)),
    ("push", lambda r: r.push("notes", {"text": "hello"})),
    ("push", lambda r: r.push("notes", "bye")),
    ("watch_queue", lambda r: r.watch_queue("watched")),
    ("validate", lambda r: r.validate(mailer)),
    ("queues", lambda r: r.queues()),
    ("size", lambda r: r.size("mail")),
    ("queue_sizes", lambda r: r.queue_sizes()),
    ("queue_lengths", lambda r: r.queue_lengths()),
    ("peek", lambda r: r.peek("mail")),
    ("peek", lambda r: r.peek("mail", 0, 10)),
    ("sample_queues", lambda r: r.sample_queues(2)),
    ("list_range", lambda r: r.list_range("queue:mail", 0, 2)),
    ("pop", lambda r: r.pop("notes")),
    ("reserve", lambda r: r.reserve("mail")),
    ("dequeue", lambda r: r.dequeue(mailer, 1)),
    ("destroy", lambda r: r.destroy("mail", mailer, 2)),
    ("enqueue_at", lambda r: r.enqueue_at(AT, mailer, 7)),
    ("enqueue_at_with_queue", lambda r: r.enqueue_at_with_queue("low", AT, mailer, 8)),
    ("enqueue_many_at", lambda r: r.enqueue_many_at([(AT + 5, mailer, 1), (AT + 6, mailer, 2)])),
    ("delayed_push", lambda r: r.delayed_push(AT + 7, {"class": "X", "args": [], "queue": "low"})),
    ("delay_or_enqueue_at", lambda r: r.delay_or_enqueue_at(AT + 8, mailer, 3)),
    ("delayed_queue_peek", lambda r: r.delayed_queue_peek(0, 10)),
    ("delayed_queue_schedule_size", lambda r: r.delayed_queue_schedule_size()),
    ("delayed_timestamp_size", lambda r: r.delayed_timestamp_size(AT)),
    ("delayed_timestamp_peek", lambda r: r.delayed_timestamp_peek(AT, 0, 5)),
    ("next_delayed_timestamp", lambda r: r.next_delayed_timestamp(AT + 100)),
    ("count_all_scheduled_jobs", lambda r: r.count_all_scheduled_jobs()),
    ("find_delayed_selection", lambda r: r.find_delayed_selection(lambda args: args == [7])),
    ("scheduled_at", lambda r: r.scheduled_at(mailer, 7)),
    ("is_delayed", lambda r: r.is_delayed(mailer, 7)),
    ("next_item_for_timestamp", lambda r: r.next_item_for_timestamp(AT + 7)),
    ("enqueue_next_item", lambda r: r.enqueue_next_item(AT + 6)),
    ("enqueue_delayed", lambda r: r.enqueue_delayed(mailer, 3)),
    ("enqueue_delayed_with_queue", lambda r: r.enqueue_delayed_with_queue(mailer, "low", 8)),
    ("enqueue_delayed_selection", lambda r: r.enqueue_delayed_selection(lambda a: a == [1])),
    ("remove_delayed", lambda r: r.remove_delayed(mailer, 7)),
    ("remove_delayed_in_queue", lambda r: r.remove_delayed_in_queue(mailer, "low", 8)),
    ("remove_delayed_selection", lambda r: r.remove_delayed_selection(lambda a: a == [2])),
    ("enqueue_at", lambda r: r.enqueue_at(AT, mailer, 11)),
    (
        "remove_delayed_job_from_timestamp",
        lambda r: r.remove_delayed_job_from_timestamp(AT, mailer, 11),
    ),
    ("clean_up_timestamp", lambda r: r.clean_up_timestamp(AT)),
    ("enqueue_at", lambda r: r.enqueue_at(AT, mailer, 12)),
    ("move_due", lambda r: r.move_due(AT + 1)),
    ("reset_delayed_queue", lambda r: r.reset_delayed_queue()),
    ("enqueue_in", lambda r: r.enqueue_in(10**9, mailer, 1)),
    ("enqueue_in_with_queue", lambda r: r.enqueue_in_with_queue("low", 10**9, mailer, 1)),
    ("delay_or_enqueue_in", lambda r: r.delay_or_enqueue_in(10**9, mailer, 2)),
    ("reset_delayed_queue", lambda r: r.reset_delayed_queue()),
    (
        "set_schedule",
        lambda r: r.set_schedule("nightly", {"cron": "0 3 * * *", "class": "Mailer"}, persist=True),
    ),
    ("schedule", lambda r: r.schedule()),
    ("fetch_schedule", lambda r: r.fetch_schedule("nightly")),
    ("next_runs", lambda r: r.next_runs()),
    ("last_enqueued_at", lambda r: r.last_enqueued_at("nightly", "2026-01-01 03:00:00 +0000")),
    ("get_last_enqueued_at", lambda r: r.get_last_enqueued_at("nightly")),
    ("enqueue_from_config", lambda r: r.enqueue_from_config({"class": mailer, "args": [4]})),
    ("assign_schedule", lambda r: r.assign_schedule({})),
    ("remove_schedule", lambda r: r.remove_schedule("nightly")),
    ("master_lock", lambda r: r.master_lock()),
    ("release_master_lock", lambda r: r.release_master_lock()),
    ("workers", lambda r: r.workers()),
    ("working", lambda r: r.working()),
    ("find_worker", lambda r: r.find_worker("host:1:mail")),
    ("pause_all", lambda r: r.pause_all()),
    ("all_paused", lambda r: r.all_paused()),
    ("unpause_all", lambda r: r.unpause_all()),
    ("pause_queue", lambda r: r.pause_queue("low")),
    ("queue_paused", lambda r: r.queue_paused("low")),
    ("paused_queues", lambda r: r.paused_queues()),
    ("pause_all_queues", lambda r: r.pause_all_queues()),
    ("all_queues_paused", lambda r: r.all_queues_paused()),
    ("resume_all_queues", lambda r: r.resume_all_queues()),
    ("resume_queue", lambda r: r.resume_queue("low")),
    ("queue_latency", lambda r: r.queue_latency("mail")),
    ("stat", lambda r: r.stat("processed")),
    ("failures.count", lambda r: r.failures.count()),
    ("failures.count", lambda r: r.failures.count(class_name="Mailer")),
    ("failures.queues", lambda r: r.failures.queues()),
    ("failures.all", lambda r: r.failures.all(0, 10)),
    ("failures.each", lambda r: listed(r.failures.each())),
    ("failures.requeue", lambda r: r.failures.requeue(0)),
    ("failures.requeue_selection", lambda r: r.failures.requeue_selection(lambda f: f.index == 1)),
    ("failures.remove_selection", lambda r: r.failures.remove_selection(lambda f: f.index == 2)),
    ("failures.clear_retried", lambda r: r.failures.clear_retried()),
    ("failures.requeue_queue", lambda r: r.failures.requeue_queue("mail")),
    ("failures.remove_queue", lambda r: r.failures.remove_queue("low")),
    ("failures.trim", lambda r: r.failures.trim(3)),
    ("failures.remove", lambda r: r.failures.remove(0)),
    ("failures.requeue_all", lambda r: r.failures.requeue_all()),
    ("failures.clear", lambda r: r.failures.clear()),
    ("info", lambda r: r.info()),
    ("remove_worker", lambda r: r.remove_worker("host:1:mail")),
    ("remove_queue", lambda r: r.remove_queue("watched")),
    ("all_keys", lambda r: r.all_keys()),
]


class StoppedClock:
    """A time that is the same for all."""

    def time(self) -> float:
        return 1_800_000_000.25

    def monotonic(self) -> float:
        return 5.0


async def listed(records: Any) -> list[Any]:
    return list(records) if inspect.isgenerator(records) else [one async for one in records]


def failed(number: int, queue: str, class_name: str) -> str:
    return json.dumps(
        {
            "failed_at": "2026/11/28 10:00:00 UTC",
            "payload": {"class": class_name, "args": [number]},
            "exception": "RuntimeError",
            "error": "boom",
            "backtrace": [],
            "worker": "host:1:mail",
            "queue": queue,
        }
    )


def seed(db: redis.Redis, space: str) -> None:
    """What workers of other processes have left."""
    worker = "host:1:mail"
    db.sadd(f"{space}:workers", worker)
    db.set(f"{space}:worker:{worker}:started", "2026-11-28 10:00:00 UTC")
    db.hset(f"{space}:workers:heartbeat", worker, "2026-11-28T10:00:00Z")
    record = {
        "queue": "mail",
        "run_at": "2026-11-28T10:00:00Z",
        "payload": {"class": "X", "args": []},
    }
    db.set(f"{space}:worker:{worker}", json.dumps(record))
    db.set(f"{space}:stat:processed", 41)
    db.sadd(f"{space}:queues", "binary")
    db.rpush(f"{space}:queue:binary", BINARY)
    for number in range(6):
        db.rpush(
            f"{space}:failed",
            failed(number, ("mail", "low")[number % 2], ("Mailer", "X")[number % 2]),
        )


def left(db: redis.Redis, space: str) -> dict[bytes, Any]:
    """Every key below the namespace with what it holds."""
    readers: dict[bytes, Any] = {
        b"string": db.get,
        b"list": lambda key: db.lrange(key, 0, -1),
        b"set": lambda key: sorted(db.smembers(key)),
        b"hash": db.hgetall,
        b"zset": lambda key: db.zrange(key, 0, -1, withscores=True),
    }
    keys = sorted(db.scan_iter(f"{space}:*"))
    return {key: readers[db.type(key)](key) for key in keys}


async def told(face: Any, db: redis.Redis, space: str) -> list[tuple[str, str]]:
    """What each verb of the story answers, and what is in Redis after them."""
    seed(db, space)
    face.job("Mailer", queue="mail")(mailer)
    answers: list[tuple[str, Any]] = []
    for name, verb in STORY:
        answer = verb(face)
        if inspect.isawaitable(answer):
            answer = await answer
        if name == "info":
            answer = dataclasses.replace(answer, servers=())
        answers.append((name, answer))
    closing = face.close()
    if inspect.isawaitable(closing):
        await closing
    answers.append(("left", left(db, space)))
    shown = [(name, repr(answer).replace(space, "resque")) for name, answer in answers]
    return [(name, re.sub(r" at 0x\w+", "", text)) for name, text in shown]


def test_no_verb_is_left_out_of_the_story() -> None:
    verbs = {name for name in vars(BlockingVerbs) if not name.startswith("_")}
    verbs |= {f"failures.{name}" for name in vars(Failures) if not name.startswith("_")}
    assert verbs == {name for name, _ in STORY}


class Env(NamedTuple):
    """Where the servers of the kinds are."""

    server: RedisServer
    tls: int
    papers: Path
    socket: str
    sentinel_set: SentinelSet
    cluster: Cluster
    fake: fakeredis.FakeServer

    @property
    def addresses(self) -> list[tuple[str, int]]:
        return [("127.0.0.1", each.port) for each in self.sentinel_set.sentinels]


def of_tls(env: Env) -> dict[str, Any]:
    return {
        "host": "localhost",
        "port": env.tls,
        "ssl": True,
        "ssl_ca_certs": f"{env.papers}/ca.pem",
    }


#: Each URL and each client, by where it leads.
URLS: dict[str, tuple[str, Any]] = {
    "tcp": ("server", lambda e: e.server.url),
    "unix": ("socket", lambda e: f"unix://{e.socket}"),
    "tls": ("server", lambda e: f"rediss://localhost:{e.tls}/0?ssl_ca_certs={e.papers}/ca.pem"),
    "tls, any certificate": (
        "server",
        lambda e: f"rediss://127.0.0.1:{e.tls}/0?ssl_cert_reqs=none",
    ),
    "sentinel": ("sentinel", lambda e: e.sentinel_set.url),
    "cluster": ("cluster", lambda e: e.cluster.url),
}

BLOCKING: dict[str, tuple[str, Any]] = {
    "redis": ("server", lambda e, **o: redis.Redis(port=e.server.port, **o)),
    "redis, unix": ("socket", lambda e, **o: redis.Redis(unix_socket_path=e.socket, **o)),
    "redis, tls": ("server", lambda e, **o: redis.Redis(**of_tls(e), **o)),
    "redis, one connection": (
        "server",
        lambda e, **o: redis.Redis(port=e.server.port, single_connection_client=True, **o),
    ),
    "pool": ("server", lambda e, **o: redis.ConnectionPool(port=e.server.port, **o)),
    "blocking pool": (
        "server",
        lambda e, **o: redis.BlockingConnectionPool(port=e.server.port, **o),
    ),
    "sentinel": (
        "sentinel",
        lambda e, **o: redis.sentinel.Sentinel(e.addresses).master_for(MASTER, **o),
    ),
    "cluster": (
        "cluster",
        lambda e, **o: redis.RedisCluster(host="127.0.0.1", port=e.cluster.nodes[0].port, **o),
    ),
    "valkey": ("server", lambda e, **o: valkey.Valkey(port=e.server.port, **o)),
    "valkey pool": ("server", lambda e, **o: valkey.ConnectionPool(port=e.server.port, **o)),
    "valkey cluster": (
        "cluster",
        lambda e, **o: valkey.ValkeyCluster(host="127.0.0.1", port=e.cluster.nodes[0].port, **o),
    ),
    "fakeredis": ("fake", lambda e, **o: fakeredis.FakeRedis(server=e.fake, **o)),
}

AWAITING: dict[str, tuple[str, Any]] = {
    "redis": ("server", lambda e, **o: redis.asyncio.Redis(port=e.server.port, **o)),
    "redis, unix": ("socket", lambda e, **o: redis.asyncio.Redis(unix_socket_path=e.socket, **o)),
    "redis, tls": ("server", lambda e, **o: redis.asyncio.Redis(**of_tls(e), **o)),
    "pool": ("server", lambda e, **o: redis.asyncio.ConnectionPool(port=e.server.port, **o)),
    "sentinel": (
        "sentinel",
        lambda e, **o: redis.asyncio.sentinel.Sentinel(e.addresses).master_for(MASTER, **o),
    ),
    "cluster": (
        "cluster",
        lambda e, **o: redis.asyncio.RedisCluster(
            host="127.0.0.1", port=e.cluster.nodes[0].port, **o
        ),
    ),
    "valkey": ("server", lambda e, **o: valkey.asyncio.Valkey(port=e.server.port, **o)),
    "valkey cluster": (
        "cluster",
        lambda e, **o: valkey.asyncio.ValkeyCluster(
            host="127.0.0.1", port=e.cluster.nodes[0].port, **o
        ),
    ),
    "fakeredis": ("fake", lambda e, **o: fakeredis.FakeAsyncRedis(server=e.fake, **o)),
}

OPTIONS = {
    "": {},
    "decoded": {"decode_responses": True},
    "RESP2": {"protocol": 2},
    "RESP3": {"protocol": 3},
    "RESP3, decoded": {"protocol": 3, "decode_responses": True},
}


@pytest.fixture(scope="module")
def socket_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, str]]:
    folder = tmp_path_factory.mktemp("s")
    path = f"{folder}/r.sock"
    made = RedisServer(folder, "--unixsocket", path)
    yield made, path
    made.kill()


@pytest.fixture
def env(
    redis_server: RedisServer,
    db: redis.Redis,
    papers: Path,
    socket_server: tuple[RedisServer, str],
    sentinel_set: SentinelSet,
    cluster: Cluster,
) -> Iterator[Env]:
    with ExitStack() as stack:
        secured = Secured(redis_server.port, papers)
        stack.callback(secured.close)
        with socket_server[0].client() as other, sentinel_set.master() as master:
            other.flushall()
            master.flushall()
        cluster.flush()
        yield Env(
            redis_server,
            secured.port,
            papers,
            socket_server[1],
            sentinel_set,
            cluster,
            fakeredis.FakeServer(),
        )


def looked_at(env: Env, where: str) -> redis.Redis:
    """A client that looks at where a kind leads."""
    if where == "fake":
        return fakeredis.FakeRedis(server=env.fake)
    if where == "socket":
        return redis.Redis(unix_socket_path=env.socket)
    if where == "cluster":
        return env.cluster.client(TAGGED)
    return env.sentinel_set.master() if where == "sentinel" else env.server.client()


async def closed(client: Any) -> None:
    """Close a client or a pool, and the clients of its Sentinels."""
    manager = getattr(getattr(client, "connection_pool", None), "sentinel_manager", None)
    for one in [client, *getattr(manager, "sentinels", ())]:
        verbs = ("aclose", "close", "disconnect")
        closing = next(getattr(one, verb) for verb in verbs if hasattr(one, verb))()
        if inspect.isawaitable(closing):
            await closing


@pytest.fixture
async def expected(redis_server: RedisServer, db: redis.Redis) -> list[tuple[str, str]]:
    answers = await told(Resque(redis_server.url, clock=StoppedClock()), db, "resque")
    db.flushall()
    return answers


def same(found: list[tuple[str, str]], expected: list[tuple[str, str]]) -> None:
    wrong = [
        f"{name}: {one}, not {other}"
        for (name, one), (_, other) in zip(found, expected, strict=True)
        if one != other
    ]
    assert wrong == []


@pytest.mark.parametrize("face", [Resque, AsyncResque])
@pytest.mark.parametrize("kind", URLS)
async def test_by_a_url(env: Env, expected: list[tuple[str, str]], kind: str, face: Any) -> None:
    where, url = URLS[kind]
    space = TAGGED if where == "cluster" else "resque"
    made = face(url(env), namespace=space, clock=StoppedClock())
    with looked_at(env, where) as db:
        same(await told(made, db, space), expected)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize(
    ("face", "kind"),
    [*((Resque, kind) for kind in BLOCKING), *((AsyncResque, kind) for kind in AWAITING)],
)
async def test_by_a_client(
    env: Env, expected: list[tuple[str, str]], face: Any, kind: str, options: str
) -> None:
    where, client_of = (BLOCKING if face is Resque else AWAITING)[kind]
    space = TAGGED if where == "cluster" else "resque"
    client = client_of(env, **OPTIONS[options])
    made = face(redis=client, namespace=space, clock=StoppedClock())
    with looked_at(env, where) as db:
        found = await told(made, db, space)
    await closed(client)
    same(found, expected)
