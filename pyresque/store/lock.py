"""The scheduler's master lock: Ruby's very key, value and times, so that a scheduler of either language may lead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyresque.ops import Batch, Command
from pyresque.store.queues import some_bytes, text
from pyresque.store.scripts import script

if TYPE_CHECKING:
    from pyresque.store.keys import Keys

#: Seconds for which a process that died hides the lock from the next one of its own name.
OWNER_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants to lead: the value Ruby compares (``host:pid``), and a token that no other process has."""

    value: str
    token: str


@dataclass(frozen=True, slots=True)
class LockInfo:
    """Who leads, and for how many seconds if nothing is heard of it; None: for ever, until it is released by hand."""

    holder: str
    ttl: float | None


class MasterLock:
    """The lock of one namespace and prefix."""

    def __init__(self, keys: Keys, prefix: str, timeout: int, interval: float = 0.0) -> None:
        self.key = keys.master_lock(prefix)
        self.owner = keys.master_owner(prefix)
        self.timeout = timeout
        self.owner_timeout = min(timeout, max(OWNER_SECONDS, int(4 * interval)))

    async def hold(self, claim: Claim) -> bool:
        """Take the lock where it is free, renew it where it is ours; whether we lead."""
        return await script("hold_master").call(
            (self.key, self.owner),
            (claim.value, claim.token, self.timeout, self.owner_timeout),
            bool,
        )

    async def release(self, claim: Claim) -> bool:
        """Give it back; whether it was ours."""
        return await script("release_master").call(
            (self.key, self.owner), (claim.value, claim.token), bool
        )

    async def force_release(self) -> bool:
        """Take it from whoever holds it; whether anybody did (Ruby: ``release_master_lock!``)."""
        taken = await Batch(
            (Command(("DEL", self.key), int), Command(("DEL", self.owner), int)), atomic=True
        )
        return bool(taken[0])

    async def info(self) -> LockInfo | None:
        """Who holds it, or None."""
        holder, left = await Batch(
            (Command(("GET", self.key), some_bytes), Command(("PTTL", self.key), int))
        )
        if holder is None:
            return None
        return LockInfo(text(holder), left / 1000 if left >= 0 else None)
