"""What each side's scheduler would run: the files of both, and the entries in Redis, which count on both sides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyresque.errors import DecodeError, ScheduleError
from pyresque.schedule.entries import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyresque.core import Core
    from pyresque.schedule.yaml_file import FileEntry
    from pyresque.store.schedules import LockInfo


@dataclass(frozen=True, slots=True)
class Kept:
    """What Redis holds of recurring jobs, and who leads. ``owned``: the leader is a scheduler of pyresque."""

    configs: Mapping[str, bytes]
    last_runs: Mapping[str, str]
    changed: frozenset[str]
    lock: LockInfo | None
    owned: bool
    node_lock: bool


@dataclass(frozen=True, slots=True)
class Side:
    """An entry as one side's scheduler reads it: its configuration, and the parsed entry or its fault."""

    config: Any
    entry: Entry | None
    fault: ScheduleError | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """One name on both sides; None where a side has no such entry. ``written`` is the entry of Ruby's file, ``kept`` that it is in Redis."""

    name: str
    ruby: Side | None
    python: Side | None
    written: FileEntry | None = None
    kept: bool = False
    #: The entry of a file that Redis's of the same name hides.
    hidden: Any = field(default=None, compare=False)


async def read_kept(core: Core) -> Kept:
    """Read what Redis holds; nothing is written. A key of a wrong type counts as empty, and is logged."""
    recurring, table = core.recurring, core.recurring.table
    guard = recurring.wrong_key_log
    return Kept(
        await guard.value_or(table.all(), {}),
        await guard.value_or(table.last_runs(), {}),
        frozenset(await guard.value_or(table.changed_names(), [])),
        await guard.value_or(core.lock.info(), None),
        await core.lock.owned(),
        await table.node_leads(),
    )


def pairs(
    core: Core, ruby: Sequence[FileEntry], python: Sequence[FileEntry], kept: Kept
) -> list[Pair]:
    """Join both sides by name: the order of Ruby's file, then Python's, then Redis's."""
    files = ({one.name: one for one in ruby}, {one.name: one for one in python})
    names = dict.fromkeys([*files[0], *files[1], *kept.configs])
    return [_pair(core, name, files[0].get(name), files[1].get(name), kept) for name in names]


def _pair(
    core: Core, name: str, ruby: FileEntry | None, python: FileEntry | None, kept: Kept
) -> Pair:
    raw = kept.configs.get(name)
    if raw is not None:
        side = _decoded(core, name, raw)
        hidden = ruby or python
        return Pair(name, side, side, ruby, True, None if hidden is None else hidden.config)
    return Pair(
        name,
        None if ruby is None else read_side(core, name, ruby.config),
        None if python is None else read_side(core, name, python.config),
        ruby,
    )


def _decoded(core: Core, name: str, raw: bytes) -> Side:
    try:
        config = core.codec.decode(raw)
    except DecodeError as error:
        return Side(None, None, ScheduleError(name, (str(error),)))
    return read_side(core, name, config)


def read_side(core: Core, name: str, config: Any) -> Side:
    """Parse a configuration; a wrong one becomes a side with a fault."""
    try:
        return Side(config, Entry.read(name, config, core.clock))
    except ScheduleError as fault:
        return Side(config, None, fault)
