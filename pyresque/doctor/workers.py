"""Workers that are silent or gone, and what is left of workers that are not registered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.doctor.finding import MOST, Finding, Kind, listed
from pyresque.errors import WorkerIdError
from pyresque.job.worker_registry import WorkerId
from pyresque.job_text import moment
from pyresque.ops import Command, in_chunks
from pyresque.printable import many
from pyresque.process.host.processes import is_worker
from pyresque.store.queues import to_bytes
from pyresque.store.workers import START

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from pyresque.doctor.commands import Commands
    from pyresque.doctor.look import Look

SILENT: Final = Kind(
    "worker-silent",
    "warning",
    "A worker without a heartbeat is dead, or cannot reach Redis; a job that it has stays with it until it is pruned.",
)
NEVER_BEAT: Final = Kind(
    "worker-without-heartbeat",
    "warning",
    "Nobody prunes a dead worker of another host that has never sent a heartbeat: its entry, and a job that it has, stay for ever. "
    "Resque before 1.27 sends none: look at its host before you remove it, or its job counts as failed while it is performed.",
)
RECORD: Final = Kind(
    "record-without-worker",
    "error",
    "The job of a worker that is not registered is in no queue and in no failed list: only a pruning of its worker brings it back.",
)
LEFT: Final = Kind(
    "left-by-worker",
    "note",
    "Heartbeats and start times of workers that are not registered are never deleted by anybody.",
)
NO_ID: Final = Kind(
    "worker-id-unreadable",
    "warning",
    "Ruby's workers and dashboards fail at a member of the set of workers that is not host:pid:queues.",
)
KINDS: Final = (SILENT, NEVER_BEAT, RECORD, LEFT, NO_ID)

#: Heartbeats without a worker that are kept.
KEPT: Final = 1000


async def check(look: Look) -> Iterable[Finding]:
    """Look at the registered workers, then at what is there without one."""
    found, beats = await look.overview(), await look.heartbeats()
    now = (await look.now()).timestamp()
    limit = look.core.settings.prune_interval
    told = {one: beat for one, beat in beats.items() if beat is not None or not _lives(look, one)}
    return [
        *silent(told, found.busy, now, limit, look.commands),
        *_without_id(look, found.workers),
        *await _records(look, set(found.workers)),
        *await _left(look),
    ]


def silent(
    beats: Mapping[str, str | None],
    busy: Collection[str],
    now: float,
    limit: float,
    commands: Commands,
) -> Iterator[Finding]:
    """Yield findings about workers whose heartbeat is older than ``limit`` seconds, or that have none."""
    at_work, late, never = set(busy), [], []
    # thousands of workers beat in the same few seconds
    times = {beat: moment(beat) for beat in set(beats.values())}
    for worker_id, beat in beats.items():
        at = times[beat]
        if at is None:  # nobody prunes by a text that is no time, either
            never.append(worker_id)
        elif now - at.timestamp() > limit:
            late.append(worker_id)
    if late:
        jobs = [one for one in late if one in at_work]
        yield SILENT.found(
            f"{many(len(late), 'worker')} sent no heartbeat for {limit / 60:g} minutes.",
            commands.pyresque("workers", "prune", "--yes"),
            severity="error" if jobs else None,
            page=("workers",),
            workers={one: beats[one] for one in late[:MOST]},
            with_a_job=jobs[:MOST],
            count=len(late),
        )
    if never:
        yield NEVER_BEAT.found(
            f"{many(len(never), 'worker')} never sent a heartbeat.",
            commands.pyresque("workers", "remove", "--yes", "--", *never[:MOST]),
            page=("workers",),
            workers=never[:MOST],
            with_a_job=[one for one in never if one in at_work][:MOST],
            count=len(never),
        )


def _lives(look: Look, worker_id: str) -> bool:
    """Return whether a worker is a process of this host."""
    lines = look.lines()
    if look.host is None or lines is None:
        return False
    try:
        one = WorkerId.parse(worker_id)
    except WorkerIdError:
        return False
    return one.machine == look.host.name and is_worker(lines.get(one.pid, ""))


def _without_id(look: Look, ids: Iterable[str]) -> Iterator[Finding]:
    wrong = []
    for one in ids:
        try:
            WorkerId.parse(one)
        except WorkerIdError:
            wrong.append(one)
    if wrong:
        key = look.core.keys.workers
        yield NO_ID.found(
            f"In the set of workers, but no worker ids: {listed(wrong)}.",
            look.commands.redis("SREM", key, *wrong[:MOST]),
            page=("workers",),
            members=wrong[:MOST],
            count=len(wrong),
            key=key,
        )


async def _records(look: Look, ids: Collection[str]) -> list[Finding]:
    """Look for records of workers that are not registered; each is asked for again, as such a worker may have begun meanwhile."""
    keys = look.core.keys
    lost = await _still_without(look, sorted(look.keys.records.difference(ids)), keys.worker)
    if not lost:
        return []
    mend = [look.commands.redis("SADD", keys.workers, *lost[:MOST])]
    mend.append(look.commands.pyresque("workers", "remove", "--yes", "--", *lost[:MOST]))
    return [
        RECORD.found(
            f"{many(len(lost), 'job')} in the hands of workers that are not registered: {listed(lost)}.",
            *mend,
            page=("stats", "keys"),
            workers=lost[:MOST],
            count=len(lost),
            key=keys.worker(lost[0]),
        )
    ]


async def _still_without(look: Look, ids: list[str], key: Any) -> list[str]:
    """Return those that have such a key and are not registered."""
    commands: list[Command[Any]] = []
    for one in ids:
        commands += (
            Command(("EXISTS", to_bytes(key(one)))),
            Command(("SISMEMBER", look.core.keys.workers, to_bytes(one))),
        )
    replies = await in_chunks(commands, lenient=True)
    pairs = zip(ids, replies[::2], replies[1::2], strict=True)
    return [one for one, there, known in pairs if there == 1 and known == 0]


async def _left(look: Look) -> list[Finding]:
    keys, table = look.core.keys, look.core.worker_registry.table
    ids = set((await look.overview()).workers)
    cursor: bytes | None = START
    beats: list[str] = []
    while cursor is not None and len(beats) < KEPT:
        after, page = await table.heartbeats_from(cursor)
        beats += [one for one in page if one not in ids]
        cursor = None if after == START else after
    known = set(await registered(look, beats))
    beats = [one for one in beats if one not in known]
    started = sorted(look.keys.started.difference(ids))
    started = await _still_without(look, started, keys.worker_started)
    mend = []
    if beats:
        mend.append(look.commands.redis("HDEL", keys.heartbeats, *beats[:MOST]))
    if started:
        mend.append(look.commands.redis("DEL", *map(keys.worker_started, started[:MOST])))
    if not mend:
        return []
    return [
        LEFT.found(
            f"{many(len(beats), 'heartbeat')} and {many(len(started), 'start time')} of workers that are not registered.",
            *mend,
            page=("stats", "keys"),
            heartbeats=beats[:MOST],
            start_times=started[:MOST],
            count=len(beats) + len(started),
            key=keys.heartbeats,
        )
    ]


async def registered(look: Look, ids: Sequence[str]) -> list[str]:
    """Return those of these ids that are registered now."""
    key = look.core.keys.workers
    commands: list[Command[Any]] = [Command(("SISMEMBER", key, to_bytes(one))) for one in ids]
    known = await in_chunks(commands) if commands else []
    return [one for one, member in zip(ids, known, strict=True) if member]
