"""pyresque's jobs of many kinds, and the program that enqueues them: ``ours_kinds KIND WAY FEW MANY FOLDER NAPS``."""

from __future__ import annotations

import os
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import jobs
from pyresque import Resque, plugins

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.plugins import Plugin

resque = Resque(os.environ["BENCH_URL"])
for name in ("nap", "stamp"):
    resque.job(name, queue="bench")(getattr(jobs, name))

PLUGINS: dict[str, Plugin] = {
    "Loner": plugins.Loner(),
    "Lock": plugins.Lock(),
    "LockTimeout": plugins.LockTimeout(),
    "WorkersLock": plugins.WorkersLock(),
    "Retry": plugins.Retry(limit=3),
    "JobStats": plugins.JobStats(),
    "History": plugins.History(),
    "Restriction": plugins.Restriction(per_year=10**9),
    "Status": plugins.Status(),
}


def before_perform_look(*args: object) -> None:
    """Run before each job."""


def after_perform_look(*args: object) -> None:
    """Run after each job."""


async def before_perform_wait(*args: object) -> None:
    """Run before each job."""


async def after_perform_wait(*args: object) -> None:
    """Run after each job."""


def fail(*args: object) -> None:
    """Raise an error."""
    raise ValueError("no luck")


async def fail_awaited(*args: object) -> None:
    """Raise an error."""
    raise ValueError("no luck")


async def noop_awaited(*args: object, **options: object) -> None:
    """Do nothing."""


def noop(*args: object, **options: object) -> None:
    """Do nothing."""


def register(
    way: str,
    work: Callable[..., Any],
    failing: Callable[..., Any],
    hooks: list[Callable[..., Any]],
) -> None:
    """Register each kind under the name KIND-WAY."""

    def copy() -> Callable[..., Any]:
        """A function of its own: a name may have one, and hooks belong to the function."""
        from types import FunctionType

        made = FunctionType(work.__code__, work.__globals__, work.__name__)
        made.__kwdefaults__ = work.__kwdefaults__
        return made

    def job(kind: str, function: Callable[..., Any], **options: Any) -> None:
        resque.job(f"{kind}-{way}", queue="bench", **options)(function)

    job("plain", copy())
    job("hooks", copy(), hooks=hooks)
    job("timed", copy(), timeout=30)
    job("raising", failing)
    for kind, plugin in PLUGINS.items():
        job(kind, copy(), plugins=[plugin])
    resque.active_job(f"Active{way}", queue="bench")(copy())


register("sync", noop, fail, [before_perform_look, after_perform_look])
register("async", noop_awaited, fail_awaited, [before_perform_wait, after_perform_wait])


def fill(kind: str, way: str, few: int, many: int, folder: Path, naps: int) -> None:
    """Enqueue naps, then jobs of that kind between two stamps; no job is equal to another one."""
    numbers = count()
    way = "async" if way == "async" else "sync"

    def push(more: int) -> None:
        for number, _ in zip(numbers, range(more), strict=False):
            if kind == "active":
                resque.active_job(f"Active{way}", queue="bench").enqueue(number)
            elif kind == "Status":
                resque.enqueue(f"{kind}-{way}", number=number)
            else:
                resque.enqueue(f"{kind}-{way}", number)

    resque.enqueue_many(("nap", 0.05, str(folder / "naps")) for _ in range(naps))
    push(few)
    resque.enqueue("stamp", str(folder / "start"))
    push(many)
    resque.enqueue("stamp", str(folder / "end"))


if __name__ == "__main__":
    kind_wanted, way_wanted, *rest = sys.argv[1:]
    fill(kind_wanted, way_wanted, int(rest[0]), int(rest[1]), Path(rest[2]), int(rest[3]))
