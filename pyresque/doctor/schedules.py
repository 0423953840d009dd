"""Recurring jobs in Redis that cannot run, or that nobody knows where to put."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pyresque.doctor.finding import MOST, Finding, Kind, listed
from pyresque.errors import DecodeError, ScheduleError, UnknownJobClass
from pyresque.printable import many
from pyresque.schedule.entries import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyresque.doctor.look import Look

WRONG: Final = Kind(
    "schedule-wrong",
    "error",
    "A scheduler leaves an entry out that it cannot read, and Ruby's fails at it: its job never runs.",
    quotes=True,
)
NO_QUEUE: Final = Kind(
    "schedule-without-queue",
    "warning",
    "A scheduler that has not loaded the class, as Ruby's may have, cannot tell which queue its job belongs into.",
    quotes=True,
)
NO_CLASS: Final = Kind(
    "schedule-without-class",
    "error",
    "Ruby enqueues a job of the class Object in its place, which fails.",
    quotes=True,
)
NEVER: Final = Kind(
    "schedule-never-runs",
    "note",
    "An entry without cron and every never runs by itself.",
    quotes=True,
)
KINDS: Final = (WRONG, NO_QUEUE, NO_CLASS, NEVER)

#: Entries that are read at a time.
PAGE: Final = 500

#: The queue in a command where no queue of the class was seen.
DEFAULT: Final = "default"


async def check(look: Look) -> Iterable[Finding]:
    """Look at each entry in Redis."""
    table = look.core.recurring.table
    names = await table.names()
    faults: dict[Kind, dict[str, str]] = {kind: {} for kind in KINDS}
    mend: dict[Kind, list[str]] = {kind: [] for kind in KINDS}
    for start in range(0, len(names), PAGE):
        page = names[start : start + PAGE]
        for name, raw in zip(page, await table.some(page), strict=True):
            judged = None if raw is None else _judged(look, name, raw)
            if judged is not None:
                kind, fault, command = judged
                faults[kind][name] = fault
                if len(mend[kind]) < MOST:
                    mend[kind].append(command)
    return [_found(look, kind, some, mend[kind]) for kind, some in faults.items() if some]


def _found(look: Look, kind: Kind, faults: Mapping[str, str], mend: Iterable[str]) -> Finding:
    names = list(faults)
    texts = {
        WRONG: f"{many(len(names), 'recurring job')} that cannot run: {listed(names)}: {faults[names[0]]}.",
        NO_QUEUE: f"Recurring jobs without a queue: {listed(names)}.",
        NO_CLASS: f"Recurring jobs without a class: {listed(names)}.",
        NEVER: f"Recurring jobs without cron or every: {listed(names)}.",
    }
    return kind.found(
        texts[kind],
        *mend,
        page=("schedule",),
        entries={name: faults[name] for name in names[:MOST]},
        count=len(names),
        key=look.core.keys.schedules,
    )


def _judged(look: Look, name: str, raw: bytes) -> tuple[Kind, str, str] | None:
    """Return what is wrong with one entry, and the command that mends it."""
    core, commands = look.core, look.commands
    removing = commands.pyresque("schedule", "remove", "--yes", "--", name)
    try:
        config = core.codec.decode(raw)
        entry = Entry.read(name, config, core.clock)
    except DecodeError as error:
        return WRONG, str(error), commands.redis("HDEL", core.keys.schedules, name)
    except ScheduleError as error:
        return WRONG, "; ".join(error.faults), removing
    if not entry.class_name and not config.get("custom_job_class"):
        return NO_CLASS, "no class", _set(look, name, config, {"class": name})
    if not config.get("queue") and not _knows(look, entry.class_name):
        queue = _queue_of(look, entry.class_name)
        return NO_QUEUE, "no queue", _set(look, name, config, {"queue": queue})
    if entry.timing is None:
        return NEVER, "neither cron nor every", removing
    return None


def _set(look: Look, name: str, config: Mapping[str, Any], more: Mapping[str, str]) -> str:
    """Return the command that writes an entry anew with another key; one that never runs is removed."""
    if not (config.get("cron") or config.get("every")):
        return look.commands.pyresque("schedule", "remove", "--yes", "--", name)
    whole = json.dumps({**config, **more}, ensure_ascii=False)
    return look.commands.pyresque("schedule", "set", "--", name, whole)


def _knows(look: Look, class_name: str) -> bool:
    """Whether the class is registered here with a queue of its own."""
    try:
        return bool(look.core.registry.find(class_name).queue)
    except UnknownJobClass:
        return False


def _queue_of(look: Look, class_name: str) -> str:
    seen = look.found.classes.classes.get(class_name)
    return next(iter(seen.queues), DEFAULT) if seen is not None else DEFAULT
