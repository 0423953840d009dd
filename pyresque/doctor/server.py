"""The Redis server: what it does when memory is full, whether data outlive it, and how near its limits it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.doctor.finding import Finding, Kind, Unseen
from pyresque.errors import RedisCommandError
from pyresque.ops import Command
from pyresque.store.queues import natural_number, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pyresque.doctor.look import Look

EVICTION: Final = Kind(
    "eviction",
    "error",
    "When memory is full Redis deletes keys, whole queues among them, in place of refusing writes.",
)
NOT_KEPT: Final = Kind(
    "no-persistence",
    "warning",
    "Every job is lost when Redis restarts: it writes neither RDB files nor an append-only file.",
)
NOT_WRITTEN: Final = Kind(
    "persistence-fails",
    "error",
    "Redis cannot write its data to disk: it refuses writes, or loses them at its next restart.",
)
MEMORY: Final = Kind(
    "memory-nearly-full",
    "warning",
    "At maxmemory Redis refuses every enqueue, or with another policy than noeviction deletes keys.",
)
CLIENTS: Final = Kind(
    "clients-nearly-full",
    "warning",
    "At maxclients Redis refuses connections: workers cannot start or come back.",
)
VERSION: Final = Kind(
    "redis-too-old",
    "warning",
    "Without BLMOVE (Redis 6.2) idle workers poll, so that a job waits up to their interval.",
)
REPLICA: Final = Kind(
    "redis-is-a-replica",
    "error",
    "A replica refuses writes, and what it shows may be old.",
)
FEW_REPLICAS: Final = Kind(
    "too-few-replicas",
    "error",
    "Every enqueue waits for replicas that are not there, and raises NotReplicated.",
)
LAG: Final = Kind(
    "replica-lags",
    "warning",
    "After a failover the jobs are lost that the replica has not got yet.",
)
KINDS: Final = (
    *(EVICTION, NOT_KEPT, NOT_WRITTEN, MEMORY, CLIENTS, VERSION, REPLICA, FEW_REPLICAS, LAG),
)

#: The share of a limit that is near it, and the seconds of a lag that is long.
NEAR: Final = 0.8
FULL: Final = 0.95
LONG_LAG: Final = 10

#: The version that has BLMOVE.
OLDEST: Final = (6, 2)


async def check(look: Look) -> Iterable[Finding]:
    """Look at INFO, and for save points at CONFIG."""
    info = await look.info()
    return [
        *_memory(look, info),
        *await _persistence(look, info),
        *_clients(look, info),
        *_version(info),
        *_replication(look, info),
    ]


def _memory(look: Look, info: Mapping[str, str]) -> Iterator[Finding]:
    policy, most = info.get("maxmemory_policy"), natural_number(info.get("maxmemory", ""))
    used = natural_number(info.get("used_memory", "")) or 0
    if policy is not None and policy != "noeviction":
        endless = most == 0  # the policy has no effect yet
        yield EVICTION.found(
            f"Redis' maxmemory-policy is {policy}{', without effect while maxmemory is not set' if endless else ''}.",
            look.commands.redis("CONFIG", "SET", "maxmemory-policy", "noeviction"),
            severity="warning" if endless else None,
            page=("stats", "redis"),
            policy=policy,
            maxmemory=most,
        )
    if most and used > NEAR * most:
        yield MEMORY.found(
            f"Redis uses {used} of {most} bytes ({100 * used // most}%).",
            look.commands.redis("CONFIG", "SET", "maxmemory", 2 * most),
            severity="error" if used > FULL * most else None,
            page=("stats", "redis"),
            used_memory=used,
            maxmemory=most,
        )


async def _persistence(look: Look, info: Mapping[str, str]) -> list[Finding]:
    found: list[Finding] = []
    wrong = [
        name
        for name in ("rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status")
        if info.get(name, "ok") != "ok"
    ]
    if wrong:
        found.append(
            NOT_WRITTEN.found(
                f"Redis says of its last write to disk: {', '.join(wrong)} is {info[wrong[0]]}.",
                look.commands.redis("BGSAVE"),
                page=("stats", "redis"),
                says={name: info[name] for name in wrong},
            )
        )
    if info.get("aof_enabled") != "0":
        return found
    try:
        reply: Any = await Command[Any](("CONFIG", "GET", "save"))
    except RedisCommandError as error:
        look.unseen.append(
            Unseen(
                "persistence",
                f"there is no AOF, and whether there are RDB files is not told: {error}",
            )
        )
        return found
    points = text(reply[1]) if isinstance(reply, list) and len(reply) > 1 else ""
    if not points.strip():
        found.append(
            NOT_KEPT.found(
                "Redis keeps nothing on disk: appendonly is no, and there are no save points.",
                look.commands.redis("CONFIG", "SET", "appendonly", "yes"),
                page=("stats", "redis"),
                appendonly="no",
                save=points,
            )
        )
    return found


def _clients(look: Look, info: Mapping[str, str]) -> Iterator[Finding]:
    now, most = (
        natural_number(info.get("connected_clients", "")),
        natural_number(info.get("maxclients", "")),
    )
    if now is not None and most and now > NEAR * most:
        yield CLIENTS.found(
            f"Redis has {now} of {most} clients.",
            look.commands.redis("CONFIG", "SET", "maxclients", 2 * most),
            severity="error" if now > FULL * most else None,
            page=("stats", "redis"),
            connected_clients=now,
            maxclients=most,
        )


def _version(info: Mapping[str, str]) -> Iterator[Finding]:
    version = info.get("redis_version", "")
    parts = version.split(".")
    known = len(parts) > 1 and all(part.isdecimal() for part in parts[:2])
    if known and (int(parts[0]), int(parts[1])) < OLDEST:
        yield VERSION.found(
            f"Redis is of version {version}.",
            "sudo apt-get install --only-upgrade redis-server",
            page=("stats", "redis"),
            version=version,
        )


def _replication(look: Look, info: Mapping[str, str]) -> Iterator[Finding]:
    commands = look.commands
    if info.get("role") == "slave":
        host, port = info.get("master_host", ""), info.get("master_port", "6379")
        yield REPLICA.found(
            f"This Redis is a replica of {host}:{port}.",
            f"export REDIS_URL=redis://{host}:{port}/0",
            page=("stats", "redis"),
            master=f"{host}:{port}",
        )
        return
    there = natural_number(info.get("connected_slaves", ""))
    wanted = look.core.settings.enqueue_replicas
    if there is not None and wanted > there:
        yield FEW_REPLICAS.found(
            f"{there} replicas are connected, and each enqueue waits for {wanted}.",
            f"export RESQUE_ENQUEUE_REPLICAS={there}",
            page=("stats", "redis"),
            connected=there,
            wanted=wanted,
        )
    for at in range(there or 0):
        fields = dict(
            one.split("=", 1) for one in info.get(f"slave{at}", "").split(",") if "=" in one
        )
        lag = fields.get("lag", "0")
        if fields.get("state") != "online" or (natural_number(lag) or 0) > LONG_LAG:
            yield LAG.found(
                f"The replica {fields.get('ip')}:{fields.get('port')} is {fields.get('state')}, and {lag} s behind.",
                commands.redis("INFO", "replication"),
                page=("stats", "redis"),
                replica=fields,
            )
