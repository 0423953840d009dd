"""Keys that hold what Resque does not keep there, and keys that never end although they should."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.doctor.finding import MOST, Finding, Kind, listed
from pyresque.ops import Command, in_chunks
from pyresque.printable import many
from pyresque.store.queues import text, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pyresque.doctor.commands import Commands
    from pyresque.doctor.look import Look
    from pyresque.job.overview import Overview

FOREIGN: Final = Kind(
    "key-of-wrong-type",
    "error",
    "Ruby's and Python's workers fail at such a key (WRONGTYPE), or do without what should stand there.",
    quotes=True,
)
ENDLESS: Final = Kind(
    "key-without-end",
    "warning",
    "Whoever wrote the key lets it expire; one that stays bars others for ever, or fills Redis.",
    quotes=True,
)
KINDS: Final = (FOREIGN, ENDLESS)


async def check(look: Look) -> Iterable[Finding]:
    """Look at what the scan has noted; each key is asked for again."""
    return [*await _foreign(look), *await _endless(look)]


def no_lists(found: Overview, commands: Commands) -> Iterator[Finding]:
    """Yield what an overview tells: queues whose key is no list."""
    queues = [name for name, size in found.sizes.items() if size is None]
    if queues:
        names = [commands.keys.queue(name) for name in queues]
        yield _finding(commands, dict.fromkeys(names, ("no list", "list")))


async def _foreign(look: Look) -> list[Finding]:
    keys, wrong = look.core.keys, dict(look.keys.wrong)
    for name, size in (await look.overview()).sizes.items():
        if size is None:  # also without a scan
            wrong.setdefault(keys.queue(name), ("no list", "list"))
    names = list(wrong)
    commands: list[Command[Any]] = [Command(("TYPE", to_bytes(key))) for key in names]
    now = [text(reply) for reply in await in_chunks(commands)] if commands else []
    still = {
        key: (kind, wrong[key][1])
        for key, kind in zip(names, now, strict=True)
        if kind not in {"none", wrong[key][1]}
    }
    return [_finding(look.commands, still)] if still else []


def _finding(commands: Commands, wrong: Mapping[str, tuple[str, str]]) -> Finding:
    """Return the finding about these keys, each with the type that it has and the one that it should have."""
    keys, names = commands.keys, list(wrong)
    shown = [f"{key} is a {kind}, no {wanted}" for key, (kind, wanted) in wrong.items()]
    queues = [key.removeprefix(keys.queue("")) for key in names if key.startswith(keys.queue(""))]
    return FOREIGN.found(
        f"No list in Redis, so no queue: {listed(queues)}."
        if len(queues) == len(names)
        else f"Of a wrong type: {listed(shown)}.",
        *(commands.aside(key, keys.bare(key)) for key in names[:MOST]),
        page=("stats", "keys"),
        keys={key: {"is": wrong[key][0], "should_be": wrong[key][1]} for key in names[:MOST]},
        count=len(names),
    )


async def _endless(look: Look) -> list[Finding]:
    names = list(look.keys.endless)
    commands: list[Command[Any]] = [Command(("PTTL", to_bytes(key))) for key in names]
    left = await in_chunks(commands) if commands else []
    still = [key for key, reply in zip(names, left, strict=True) if reply == -1]
    if not still:
        return []
    return [
        ENDLESS.found(
            f"{many(len(still), 'key')} without an end: {listed(still)}.",
            *(look.commands.redis("EXPIRE", key, look.keys.endless[key]) for key in still[:MOST]),
            page=("stats", "keys"),
            keys=still[:MOST],
            count=len(still),
        )
    ]
