"""Payloads that are no jobs, and an encoder that writes other bytes than the one of Ruby."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.doctor.finding import MOST, Finding, Kind
from pyresque.printable import many
from pyresque.ruby.dialect import Dialect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyresque.doctor.look import Look
    from pyresque.doctor.payload_watch import Broken

BROKEN: Final = Kind(
    "payload-unreadable",
    "error",
    "A worker that takes such an element cannot perform it: it ends in the failed list, or in Ruby ends the worker.",
    quotes=True,
)
BROKEN_FAILED: Final = Kind(
    "failed-record-unreadable",
    "warning",
    "A failed record without a readable payload cannot be retried, and breaks the pages of Ruby's dashboard.",
    quotes=True,
)
ENCODER: Final = Kind(
    "encoder-other-than-ruby",
    "warning",
    "dequeue, remove_delayed and locks compare bytes: what Python writes otherwise than Ruby is not found there.",
    quotes=True,
)
MIXED: Final = Kind(
    "encoders-mixed",
    "note",
    "Ruby's dequeue and remove_delayed find a job only by the bytes of their own encoder.",
    quotes=True,
)
KINDS: Final = (BROKEN, BROKEN_FAILED, ENCODER, MIXED)

#: Bytes of an element that its evidence shows, and that a command may name.
SHOWN: Final = 200
NAMED: Final = 1000


async def check(look: Look) -> Iterable[Finding]:
    """Look at what was noted while the jobs were read."""
    return [*_broken(look), *_encoder(look)]


def _broken(look: Look) -> Iterator[Finding]:
    counts = look.found.classes.unreadable
    failed = counts.get("failed", 0)
    others = {place: n for place, n in counts.items() if place not in {"failed", "working"}}
    if others:
        seen = [one for one in look.payloads.broken if one.place in others]
        where = ", ".join(f"{place} {n}" for place, n in others.items())
        yield BROKEN.found(
            f"{many(sum(others.values()), 'element')} that {'is no job' if sum(others.values()) == 1 else 'are no jobs'}: {where}.",
            *_removing(look, seen),
            page=("queues", seen[0].queue) if seen and seen[0].place == "queued" else ("delayed",),
            counts=others,
            elements=[_shown(one) for one in seen[:MOST]],
        )
    if failed:
        seen = [one for one in look.payloads.broken if one.place == "failed"]
        yield BROKEN_FAILED.found(
            f"{many(failed, 'failed record')} without a readable payload.",
            *_removing(look, seen),
            page=("failed",),
            counts={"failed": failed},
            elements=[_shown(one) for one in seen[:MOST]],
        )


def _removing(look: Look, broken: Iterable[Broken]) -> Iterator[str]:
    """Yield the commands that remove these elements by their bytes; of a large one the command that shows it."""
    keys, commands = look.core.keys, look.commands
    for one in broken:
        if one.place == "delayed":
            at = int(one.at or 0)
            if len(one.raw) <= NAMED:
                yield commands.redis("LREM", keys.delayed(at), 1, one.raw)
                yield commands.redis("SREM", keys.timestamps(one.raw), f"delayed:{at}")
            else:
                yield commands.pyresque("delayed", "peek", str(at), "--full")
        elif len(one.raw) <= NAMED:
            of = {"queued": keys.queue, "moved": keys.moved}.get(one.place, keys.failed)
            yield commands.redis("LREM", of(one.queue), 1, one.raw)
        elif one.place == "failed":
            yield commands.pyresque("failed", "list")
        else:
            yield commands.pyresque("queues", "peek", one.queue, "--full")


def _shown(one: Broken) -> dict[str, object]:
    return {
        "place": one.place,
        "queue": one.queue or None,
        "bytes": one.raw[:SHOWN].decode("utf-8", "backslashreplace"),
        "size": len(one.raw),
        "fault": one.fault[:SHOWN],
    }


def _encoder(look: Look) -> Iterator[Finding]:
    watch, settings = look.payloads, look.core.settings
    if settings.codec != "json":
        return
    escapes = Dialect(settings.dialect) is Dialect.JSON_GEM_ACTIVESUPPORT
    ours, others = (watch.escaped, watch.plain) if escapes else (watch.plain, watch.escaped)
    if not others:
        return
    example = watch.example["plain" if escapes else "escaped"]
    evidence: dict[str, Any] = {
        "dialect": settings.dialect,
        "escaped": watch.escaped,
        "plain": watch.plain,
        "example": example[:SHOWN].decode("utf-8", "backslashreplace"),
    }
    if escapes and ours:
        yield MIXED.found(
            f"{many(others, 'payload')} with < > & as they are, and {ours} with \\u003c, as ActiveSupport and this set-up write them.",
            **evidence,
        )
        return
    how = "as they are" if escapes else "as \\u003c, which ActiveSupport writes"
    wanted = Dialect.JSON_GEM if escapes else Dialect.JSON_GEM_ACTIVESUPPORT
    yield ENCODER.found(
        f"{many(others, 'payload')} with < > & {how}, but RESQUE_JSON is {settings.dialect}.",
        f"export RESQUE_JSON={wanted.value}",
        **evidence,
    )
