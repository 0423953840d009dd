"""What each plugin costs a worker: jobs a second of a plain job, and beside it of a job with the plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contenders import OURS, PLUGIN_PROGRAM
from benchmarks.stage import ASIDE, NAPS, stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.measure import Bench, Figures

#: The classes of ``peers/ours_plugins.py``; the plain one is ours, the others stand beside it.
KINDS = (
    *("plain", "Loner", "Lock", "LockTimeout", "WorkersLock", "Retry", "Status"),
    *("JobStats", "History", "Restriction"),
)

#: Jobs that are timed: a plain one takes a second or so for them.
JOBS = {"inline": 8000, "fork": 1200}


def costs(way: str) -> Callable[[Bench], Figures]:
    """The measurement of all kinds in one way, in another order each round."""

    def take(bench: Bench) -> Figures:
        turn = bench.round % len(KINDS)
        many = bench.some(JOBS[way], 40)
        reached = {kind: rate(bench, way, kind, many) for kind in KINDS[turn:] + KINDS[:turn]}
        return {OURS: reached.pop("plain"), **{f"with {kind}": reached[kind] for kind in reached}}

    return take


def rate(bench: Bench, way: str, kind: str, many: int) -> float:
    """Jobs a second of that kind: so many between two stamps."""
    side = bench.sides[OURS]
    with stage(side, bench.url) as scene:
        words = (kind, str(max(20, many // 10)), str(many), str(scene.folder), str(NAPS))
        scene.ask(*words, by=PLUGIN_PROGRAM)
        scene.redis.rename(side.queue, ASIDE)
        scene.start(side.ways[f"plugins-{way}"], 1)
        scene.release()
        end, start = scene.await_stamps("end")[0][0], scene.await_stamps("start")[0][0]
        return many / (end - start)
