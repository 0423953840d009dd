"""Marks, locks and counters of plugins that no job holds (``held.py`` compares them with the jobs)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.doctor.finding import MOST, Finding, Kind, Unseen, listed
from pyresque.ops import Command, in_chunks
from pyresque.printable import many
from pyresque.store.queues import integer, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyresque.doctor.held import HeldKeys, Holder
    from pyresque.doctor.look import Look

MARK: Final = Kind(
    "mark-without-job",
    "warning",
    "While the mark is there no equal job is enqueued, and no job is there that would take it away.",
    quotes=True,
)
LOCK: Final = Kind(
    "lock-without-job",
    "warning",
    "While the lock is held no equal job is enqueued or performed, and no job is there that would release it.",
    quotes=True,
)
COUNTER: Final = Kind(
    "retry-counter-without-job",
    "note",
    "The next job with the same arguments counts its attempts from there, and is given up too early.",
    quotes=True,
)
KINDS: Final = (MARK, LOCK, COUNTER)

_KINDS: Final = {"mark": MARK, "lock": LOCK, "retry counter": COUNTER}


async def drop_free(held: HeldKeys) -> None:
    """Forget the keys that are gone by now, and those whose own time is over: they bar nobody."""
    names = list(held.left)
    commands: list[Command[Any]] = []
    for key in names:
        timed = held.left[key].timed
        commands.append(Command(("GET" if timed else "EXISTS", to_bytes(key))))
    now = int(held.core.clock.time())
    for key, reply in zip(names, await in_chunks(commands, lenient=True), strict=True):
        if _is_free(held.left[key], reply, now):
            del held.left[key]


def _is_free(holder: Holder, reply: Any, now: int) -> bool:
    if isinstance(reply, Exception) or reply in {None, 0}:  # a wrong type is a finding of its own
        return True
    # a lock without a timeout holds "true"
    return holder.timed and bytes(reply) != b"true" and integer(reply) <= now


async def check(look: Look) -> Iterable[Finding]:
    """Report the keys that are left after two looks at all jobs."""
    await drop_free(look.held)
    sure: dict[tuple[str, str, bool], list[str]] = {}
    for key, holder in look.held.left.items():
        part = _read_in_part(look, holder, key)
        if part:
            _not_sure(look, holder, part)
        else:
            perhaps = key in look.held.perhaps
            sure.setdefault((holder.what, holder.gem, perhaps), []).append(key)
    if look.held.cut:
        look.unseen.append(
            Unseen("locks", "there are too many keys of plugins to compare them all")
        )
    return list(_found(look, sure))


def _found(look: Look, sure: dict[tuple[str, str, bool], list[str]]) -> Iterator[Finding]:
    for (what, gem, perhaps), keys in sure.items():
        yield _KINDS[what].found(
            f"{many(len(keys), what)} of {gem} without a job{', unless its strategy is until_expired' if perhaps else ''}: {listed(keys)}.",
            look.commands.redis("DEL", *keys[:MOST]),
            severity="note" if perhaps else None,
            page=("stats", "keys"),
            gem=gem,
            keys=keys[:MOST],
            count=len(keys),
        )


def _read_in_part(look: Look, holder: Holder, key: str) -> str:
    """Return a place where the key's job may be among those that were not read; empty if there is none."""
    for seen in look.found.lists:
        if seen.read < seen.size and seen.place in holder.places:
            named = f":queue:{seen.name}:job:"  # of a mark the queue is known
            if holder.what != "mark" or named in key:
                return f"{seen.place} {seen.name}".rstrip()
    return ""


def _not_sure(look: Look, holder: Holder, part: str) -> None:
    note = Unseen(
        "locks",
        f"{holder.what}s of {holder.gem} may have a job in {part}, which was read in part: --whole",
    )
    if note not in look.unseen:
        look.unseen.append(note)
