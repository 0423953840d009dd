"""The scheduler: whether one leads, whether it does its work, and whether two lead at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.doctor.finding import Finding, Kind
from pyresque.ops import Command
from pyresque.printable import many
from pyresque.store.queues import natural_number, some_bytes, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyresque.doctor.commands import Commands
    from pyresque.doctor.look import Look
    from pyresque.store.schedules import LockInfo

NOBODY: Final = Kind(
    "no-scheduler",
    "warning",
    "Delayed jobs stay where they are and recurring ones are not enqueued until a scheduler leads.",
)
ENDLESS: Final = Kind(
    "master-lock-without-end",
    "error",
    "No other scheduler takes over when its holder dies, because the lock never expires.",
)
GONE: Final = Kind(
    "master-lock-of-the-dead",
    "warning",
    "Nobody moves delayed jobs until the lock of the dead process has expired.",
)
STUCK: Final = Kind(
    "delayed-jobs-overdue",
    "error",
    "The scheduler that leads does not move jobs whose time has come: it hangs, is paused, or cannot keep up.",
)
TWO: Final = Kind(
    "two-masters",
    "error",
    "Two schedulers that do not look at each other's lock enqueue the recurring jobs that both know twice.",
)
KINDS: Final = (NOBODY, ENDLESS, GONE, STUCK, TWO)

#: Seconds by which a delayed job may be late, beside four turns of the scheduler.
LATE: Final = 60


async def check(look: Look) -> Iterable[Finding]:
    """Look at the master lock and at what is due."""
    core, lock = look.core, await look.lock()
    now = (await look.now()).timestamp()
    limit = now - LATE - 4 * core.settings.scheduler_interval
    times = await core.delayed.delayed_queue_schedule_size()
    names = await core.recurring.names()
    overdue = await _overdue(look, limit)
    others = await _others(look)
    found = [*_stuck(lock, look.commands, overdue, now), *_dead(look, lock)]
    if lock is not None or not others:
        waiting = bool(times or names)
        found += of_lock(lock, look.commands, waiting=waiting, overdue=overdue[0])
    if lock is not None:
        found += (_two(look, lock, key, holder) for key, holder in others.items())
    return found


def of_lock(
    lock: LockInfo | None, commands: Commands, *, waiting: bool, overdue: int = 0
) -> Iterator[Finding]:
    """Yield what the lock tells. ``waiting``: whether there are delayed or recurring jobs. ``overdue``: times that have passed."""
    key = commands.lock_key
    if lock is None and waiting:
        yield NOBODY.found(
            "No scheduler leads: nothing delayed or recurring is enqueued.",
            commands.started("scheduler"),
            severity="error" if overdue else None,
            page=("schedule",),
            key=key,
            overdue_times=overdue,
        )
    elif lock is not None and lock.ttl is None:
        yield ENDLESS.found(
            f"The scheduler's master lock of {lock.holder} never expires.",
            commands.released(lock.holder),
            page=("schedule",),
            key=key,
            holder=lock.holder,
        )


async def _overdue(look: Look, limit: float) -> tuple[int, float | None]:
    """Return how many times have passed, and the first of them."""
    key = look.core.keys.delayed_schedule
    count: int = await Command(("ZCOUNT", key, "-inf", int(limit)), int)
    if not count:
        return 0, None
    first: list[bytes] = await Command(
        ("ZRANGEBYSCORE", key, "-inf", int(limit), "WITHSCORES", "LIMIT", 0, 1), list
    )
    return count, float(first[1]) if first else None


def _stuck(
    lock: LockInfo | None, commands: Commands, overdue: tuple[int, float | None], now: float
) -> Iterator[Finding]:
    count, first = overdue
    if lock is not None and count and first is not None:
        yield STUCK.found(
            f"{lock.holder} leads, but jobs of {many(count, 'time')} are overdue, the first by {now - first:.0f} s.",
            commands.released(lock.holder),
            page=("delayed",),
            holder=lock.holder,
            overdue_times=count,
            first=int(first),
            key=commands.lock_key,
        )


def _dead(look: Look, lock: LockInfo | None) -> Iterator[Finding]:
    """Yield a finding if the holder is a process of this host that is no more."""
    lines = look.lines()
    if lock is None or look.host is None or lines is None:
        return
    host, _, pid = lock.holder.rpartition(":")
    number = natural_number(pid)
    if host == look.host.name and number is not None and number not in lines:
        yield GONE.found(
            f"The master lock is held by {lock.holder}, a process of this host that has ended.",
            look.commands.released(lock.holder),
            page=("schedule",),
            holder=lock.holder,
            ends_in=lock.ttl,
            key=look.commands.lock_key,
        )


async def _others(look: Look) -> dict[str, str]:
    """Return who holds the locks of schedulers that do not look at ours: of another prefix, and node-resque's; by key."""
    keys = [*sorted(look.keys.locks - {look.core.lock.key}), look.core.keys.node_leader_lock]
    found = {key: await _text(key) for key in keys}
    return {key: holder for key, holder in found.items() if holder is not None}


def _two(look: Look, lock: LockInfo, key: str, holder: str) -> Finding:
    keys, commands = look.core.keys, look.commands
    if key == keys.node_leader_lock:
        return TWO.found(
            f"{lock.holder} leads, and node-resque's scheduler {holder} does, too.",
            *_ended(look, holder),
            commands.redis("DEL", key),
            page=("schedule",),
            holders=[lock.holder, holder],
            keys=[commands.lock_key, key],
        )
    prefix = key.removeprefix(keys.of(keys.of(""))).rpartition(":")[0]
    return TWO.found(
        f"{lock.holder} and {holder} both lead: the second one by a lock of the prefix {prefix or '(none)'}.",
        commands.released(holder, prefix),
        severity="warning",
        page=("schedule",),
        holders=[lock.holder, holder],
        keys=[commands.lock_key, key],
    )


def _ended(look: Look, holder: str) -> list[str]:
    """Return the command that ends a process by its ``host:pid``, on its own host; none for a value that does not name a process.

    ``kill`` takes 0 for a group of processes, and 1 is the host's first one: neither is a scheduler's.
    """
    host, _, pid = holder.rpartition(":")
    number = natural_number(pid) or 0
    if number <= 1:
        return []
    kill = f"kill -TERM {number}"
    if look.host is not None and host == look.host.name:
        return [kill]
    return look.commands.on_host(host, kill)


async def _text(key: str) -> str | None:
    command: Command[Any] = Command(("GET", key), some_bytes)
    found = await command
    return None if found is None else text(found)
