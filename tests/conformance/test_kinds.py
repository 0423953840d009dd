"""Every way to reach Redis, both faces: each verb answers and leaves what it does by a plain URL."""

from __future__ import annotations

import inspect
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
from pyresque.retries import Retries
from pyresque.routes import RoutesVerbs
from pyresque.statuses import Statuses
from pyresque.verbs import BlockingVerbs
from tests.support.redis_server import RedisServer
from tests.support.redis_sets import MASTER, Cluster, SentinelSet
from tests.support.tls import Secured
from tests.support.verb_story import STORY, StoppedClock, answers_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TAGGED = "{resque}"


def test_no_verb_is_left_out_of_the_story() -> None:
    verbs = {name for name in vars(BlockingVerbs) if not name.startswith("_")}
    parts: tuple[tuple[str, type], ...] = (
        *(("failures", Failures), ("retries", Retries), ("statuses", Statuses)),
        ("routes", RoutesVerbs),
    )
    for part, owner in parts:
        verbs |= {f"{part}.{name}" for name in vars(owner) if not name.startswith("_")}
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
    answers = await answers_of(Resque(redis_server.url, clock=StoppedClock()), db, "resque")
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
        same(await answers_of(made, db, space), expected)


@pytest.mark.parametrize("face", [Resque, AsyncResque])
async def test_by_sentinels_of_the_settings(
    env: Env, expected: list[tuple[str, str]], face: Any
) -> None:
    nodes = env.sentinel_set.nodes.split(",")
    made = face("redis://nobody/0", sentinels=nodes, sentinel_master=MASTER, clock=StoppedClock())
    with looked_at(env, "sentinel") as db:
        same(await answers_of(made, db, "resque"), expected)


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
        found = await answers_of(made, db, space)
    await closed(client)
    same(found, expected)
