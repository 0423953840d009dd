"""Recurring jobs in Redis: their configurations, the names that changed, when each ran last, and the master lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyresque.ops import Batch, Command
from pyresque.store.queues import names, some_bytes, text, to_bytes
from pyresque.store.scripts import script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.store.keys import Keys

#: Changed names taken at a time.
PAGE: Final = 100

#: Entries in one page if all are listed.
LISTED: Final = 500

#: Answers of ``fire``.
FIRED, FIRED_UNNOTED, NOT_MASTER, RUN_BY_ANOTHER = 1, 2, 0, -1

#: Seconds for which a dead process keeps the lock from the next process of the same host:pid.
OWNER_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Claim:
    """A scheduler that wants the lock: the value that Ruby compares (``host:pid``), and a token that no other process has."""

    value: str
    token: str


@dataclass(frozen=True, slots=True)
class LockInfo:
    """The holder of the lock, and the seconds until it expires; None: it never does."""

    holder: str
    ttl: float | None


class MasterLock:
    """The scheduler's master lock: Ruby's key, value and times, so that a scheduler of either language may hold it."""

    def __init__(self, keys: Keys, prefix: str, timeout: int, interval: float = 0.0) -> None:
        self.key = keys.master_lock(prefix)
        self.owner = keys.master_owner(prefix)
        self.timeout = timeout
        self.owner_timeout = min(timeout, max(OWNER_SECONDS, int(4 * interval)))

    async def hold(self, claim: Claim) -> bool:
        """Take the lock if it is free, or renew our own; return whether this process holds it."""
        return await script("hold_master").call(
            (self.key, self.owner),
            (claim.value, claim.token, self.timeout, self.owner_timeout),
            bool,
        )

    async def release(self, claim: Claim) -> bool:
        """Release the lock; return whether this process held it."""
        return await script("release_master").call(
            (self.key, self.owner), (claim.value, claim.token), bool
        )

    async def force_release(self, holder: str | None = None) -> bool:
        """Take the lock from whoever holds it, or only from ``holder`` (Ruby: ``release_master_lock!``); whether anybody did.

        For a lock whose holder is gone for good: a scheduler that lives hears nothing of it.
        """
        if holder is not None:
            return await script("release_held").call(
                (self.key, self.owner), (to_bytes(holder),), bool
            )
        taken = await Batch(
            (Command(("DEL", self.key), int), Command(("DEL", self.owner), int)), atomic=True
        )
        return bool(taken[0])

    async def owned(self) -> bool:
        """Whether a scheduler of pyresque leads: Ruby's writes no owner beside its lock."""
        return await Command(("EXISTS", self.owner), bool)

    async def info(self) -> LockInfo | None:
        """Which scheduler leads, Ruby's or ours, and how long its lock still lives; None if none does."""
        holder, left = await Batch(
            (Command(("GET", self.key), some_bytes), Command(("PTTL", self.key), int))
        )
        if holder is None:
            return None
        return LockInfo(text(holder), left / 1000 if left >= 0 else None)


class ScheduleTable:
    """The recurring jobs of one namespace."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys

    # -- configurations

    async def save(self, name: str, config: bytes) -> None:
        """Write a persistent configuration, and add its name to ``schedules_changed``."""
        await Batch(
            (
                Command(("HSET", self.keys.schedules, to_bytes(name), config)),
                Command(("SADD", self.keys.schedules_changed, to_bytes(name))),
            ),
            atomic=True,
        )

    async def changed(self, name: str) -> None:
        """Add a name to ``schedules_changed``."""
        await Command(("SADD", self.keys.schedules_changed, to_bytes(name)))

    async def remove(self, name: str) -> bool:
        """Delete a persistent configuration; return whether there was one. The date of its last run stays, as in Ruby."""
        removed = await Batch(
            (
                Command(("HDEL", self.keys.schedules, to_bytes(name)), int),
                Command(("SADD", self.keys.schedules_changed, to_bytes(name))),
            ),
            atomic=True,
        )
        return bool(removed[0])

    async def all(self) -> dict[str, bytes]:
        """Return every persistent configuration by name."""
        return await Command(("HGETALL", self.keys.schedules), _pairs)

    async def names(self) -> list[str]:
        """Return the names of the persistent configurations."""
        return await Command(("HKEYS", self.keys.schedules), lambda r: list(map(text, r)))

    async def some(self, wanted: Sequence[str]) -> list[bytes | None]:
        """Return the persistent configurations of these names; None if there is none."""
        return await Command(("HMGET", self.keys.schedules, *map(to_bytes, wanted)), list)

    async def get(self, name: str) -> bytes | None:
        """Return one persistent configuration, or None."""
        return await Command(("HGET", self.keys.schedules, to_bytes(name)), some_bytes)

    async def all_afresh(self) -> dict[str, bytes]:
        """Return every persistent configuration and clear ``schedules_changed``, in one transaction."""
        found = await Batch(
            (
                Command(("DEL", self.keys.schedules_changed)),
                Command(("HGETALL", self.keys.schedules), _pairs),
            ),
            atomic=True,
        )
        pairs: dict[str, bytes] = found[1]
        return pairs

    async def changed_names(self) -> list[str]:
        """Return the names in ``schedules_changed``, and leave them there."""
        return await Command(("SMEMBERS", self.keys.schedules_changed), names)

    async def node_leads(self) -> bool:
        """Whether a scheduler of node-resque leads, which has a lock of its own."""
        return await Command(("EXISTS", self.keys.node_leader_lock), bool)

    async def any_changed(self) -> bool:
        """Whether ``schedules_changed`` has any name."""
        return await Command(("EXISTS", self.keys.schedules_changed), bool)

    async def take_changed(self) -> list[str]:
        """Remove some names from ``schedules_changed`` and return them."""
        return await Command(("SPOP", self.keys.schedules_changed, PAGE), names)

    # -- runs

    async def last_runs(self) -> dict[str, str]:
        """Return when each entry ran last, as the text in Redis."""
        found = await Command(("HGETALL", self.keys.last_enqueued_at), _pairs)
        return {name: text(date) for name, date in found.items()}

    async def some_last_runs(self, wanted: Sequence[str]) -> list[str | None]:
        """Return when each of these entries ran last, as the text in Redis; None if it never ran."""
        return await Command(
            ("HMGET", self.keys.last_enqueued_at, *map(to_bytes, wanted)),
            lambda found: [None if date is None else text(date) for date in found],
        )

    async def last_run(self, name: str) -> str | None:
        """Return when an entry ran last, as the text in Redis, or None."""
        found = await Command(("HGET", self.keys.last_enqueued_at, to_bytes(name)), some_bytes)
        return None if found is None else text(found)

    async def note_run(self, name: str, date: str) -> int:
        """Write when an entry ran last; return 1 the first time."""
        return await Command(("HSET", self.keys.last_enqueued_at, to_bytes(name), date), int)

    async def fire(
        self,
        name: str,
        seen: str,
        date: str,
        job: tuple[str, bytes] | None,
        lock: tuple[MasterLock, Claim] | None,
    ) -> int:
        """Enqueue one run of an entry and write its date, in one script: FIRED, or FIRED_UNNOTED if dates cannot be written.

        Nothing happens if ``lock`` is no longer held (NOT_MASTER), or if the date is no longer ``seen`` (RUN_BY_ANOTHER).
        Without a ``job`` (queue and payload) the script only writes the date.
        """
        queue, payload = job or ("", b"")
        held, claim = lock or (None, None)
        keys: Sequence[str | bytes] = (
            held.key if held else self.keys.master_lock(),
            held.owner if held else self.keys.master_owner(),
            self.keys.last_enqueued_at,
            self.keys.queues,
            to_bytes(self.keys.queue(queue)),
        )
        args = (
            claim.value if claim else "",
            claim.token if claim else "",
            to_bytes(name),
            to_bytes(seen),
            date,
            to_bytes(queue),
            payload,
        )
        return await script("fire_recurring").call(keys, args, int)


def _pairs(reply: Any) -> dict[str, bytes]:
    """Read the flat reply of HGETALL."""
    flat = list(reply)
    return {text(flat[at]): flat[at + 1] for at in range(0, len(flat), 2)}
