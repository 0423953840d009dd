"""pyresque's jobs with plugins, and the program that enqueues them: ``ours_plugins KIND FEW MANY FOLDER NAPS``."""

from __future__ import annotations

import os
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import jobs
from pyresque import Resque, plugins

if TYPE_CHECKING:
    from pyresque.plugins import Plugin

resque = Resque(os.environ["BENCH_URL"])
for name in ("nap", "stamp"):
    resque.job(name, queue="bench")(getattr(jobs, name))

KINDS: dict[str, list[Plugin]] = {
    "plain": [],
    "Loner": [plugins.Loner()],
    "Lock": [plugins.Lock()],
    "LockTimeout": [plugins.LockTimeout()],
    "WorkersLock": [plugins.WorkersLock()],
    "Retry": [plugins.Retry(limit=3)],
    "JobStats": [plugins.JobStats()],
    "History": [plugins.History()],
    "Restriction": [plugins.Restriction(per_year=10**9)],
    "Status": [plugins.Status()],
}
for kind, given in KINDS.items():
    resque.job(kind, queue="bench", plugins=given)(lambda *args, **options: None)


def fill(kind: str, few: int, many: int, folder: Path, naps: int) -> None:
    """Enqueue naps, then jobs of that kind between two stamps; no job is equal to another one."""
    numbers = count()

    def push(more: int) -> None:
        for number, _ in zip(numbers, range(more), strict=False):
            if kind == "Status":
                resque.enqueue(kind, number=number)
            else:
                resque.enqueue(kind, number)

    resque.enqueue_many(("nap", 0.05, str(folder / "naps")) for _ in range(naps))
    push(few)
    resque.enqueue("stamp", str(folder / "start"))
    push(many)
    resque.enqueue("stamp", str(folder / "end"))


if __name__ == "__main__":
    wanted, *numbers_given = sys.argv[1:]
    fill(
        wanted,
        int(numbers_given[0]),
        int(numbers_given[1]),
        Path(numbers_given[2]),
        int(numbers_given[3]),
    )
