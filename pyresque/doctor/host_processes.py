"""Workers of this host and their processes, as a Ruby worker sees them by ``ps`` when it prunes; and the versions of Ruby's workers."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

from pyresque.doctor.finding import MOST, Finding, Kind, listed
from pyresque.doctor.workers import registered
from pyresque.errors import WorkerIdError
from pyresque.job.worker_registry import WorkerId
from pyresque.job_text import moment
from pyresque.printable import many
from pyresque.process.host.processes import NO_WORKER, is_worker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pyresque.doctor.look import Look

GONE: Final = Kind(
    "worker-without-process",
    "warning",
    "The worker of this host is dead, and a job that it has stays with it until it is pruned.",
)
TITLE: Final = Kind(
    "worker-title",
    "error",
    "A Ruby worker on this host finds workers by their process titles, and prunes this one although it lives: its job is recorded as failed.",
)
VERSIONS: Final = Kind(
    "ruby-too-old",
    "warning",
    "Resque before 1.27 sends no heartbeats, so that nobody outside its host can tell whether its workers live.",
)
KINDS: Final = (GONE, TITLE, VERSIONS)

#: The title of Ruby's worker: ``resque-2.6.0: Waiting for low``.
_RUBY: Final = re.compile(r"\bresque-(\d+)\.(\d+)(?:\.\w+)*: ")
OLDEST: Final = (1, 27)


async def check(look: Look) -> Iterable[Finding]:
    """Look at this host's processes."""
    lines = look.lines()
    if look.host is None or lines is None:
        return []
    beats = await look.heartbeats()
    now = (await look.now()).timestamp()
    limit = 2 * look.core.settings.heartbeat_interval
    gone: list[str] = []
    titles: dict[str, str] = {}
    for worker_id in _of_host(look.host.name, beats):
        line = lines.get(WorkerId.parse(worker_id).pid)
        at = moment(beats[worker_id])
        if line is not None and is_worker(line):
            continue
        if line is not None and at is not None and now - at.timestamp() <= limit:
            titles[worker_id] = line.strip()
        else:
            gone.append(worker_id)
    found: list[Finding] = []
    # one that has left meanwhile is not missed
    gone = await registered(look, gone)
    if gone:
        busy = set((await look.overview()).busy)
        jobs = [one for one in gone if one in busy]
        found.append(
            GONE.found(
                f"{many(len(gone), 'worker')} of this host without a process: {listed(gone)}.",
                look.commands.pyresque("workers", "prune", "--yes"),
                severity="error" if jobs else None,
                page=("workers",),
                workers=gone[:MOST],
                with_a_job=jobs[:MOST],
                host=look.host.name,
                count=len(gone),
            )
        )
    found += (_title(one, line) for one, line in titles.items())
    found += _versions(lines)
    return found


def _of_host(host: str, ids: Iterable[str]) -> Iterator[str]:
    for one in ids:
        try:
            if WorkerId.parse(one).machine == host:
                yield one
        except WorkerIdError:
            continue


def _title(worker_id: str, line: str) -> Finding:
    """A worker that lives, with another title. It is asked to end after its job, and started again under a name that fits."""
    pid = WorkerId.parse(worker_id).pid
    mend = [f"kill -QUIT {pid}"]
    if NO_WORKER in line:
        mend.append("unset RESQUE_PROCLINE_PREFIX")
    else:
        mend.append(f"(exec -a 'resque-1: {pid}' {' '.join(map(shlex.quote, line.split()))})")
    return TITLE.found(
        f"Process {pid} of the worker {worker_id} has no title of Resque's: {line[:200]}",
        *mend,
        page=("workers",),
        worker=worker_id,
        pid=pid,
        title=line[:200],
    )


def _versions(lines: Mapping[int, str]) -> Iterator[Finding]:
    """Yield a finding if a Ruby worker of this host is of an old version, as far as titles tell."""
    old: dict[str, list[int]] = {}
    for pid, line in lines.items():
        seen = _RUBY.search(line)
        if seen is not None and "pyresque" not in line and tuple(map(int, seen.groups())) < OLDEST:
            old.setdefault(seen.group().strip(": "), []).append(pid)
    if old:
        yield VERSIONS.found(
            f"Ruby's workers of this host run {listed(sorted(old))}.",
            "bundle update resque",
            versions={version: pids[:MOST] for version, pids in old.items()},
        )
