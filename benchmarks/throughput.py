"""Jobs a second, between a stamp near the head of the queue and one at its tail; and how that holds with a long queue."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import OURS
from benchmarks.stage import GivenUpError, stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.contenders import Contender
    from benchmarks.measure import Bench, Figures

#: Seconds that each side's jobs are to take, once its pace is known.
SPAN = 3.0

#: Jobs of the first round of a measure, and a limit for all: some sides fill their queues slowly.
FIRST, MOST = 400, 60_000


def throughput(
    ways: Mapping[str, str], job: tuple[str, list[Any]], *, workers: int = 1, slots: int = 1
) -> Callable[[Bench], Figures]:
    """The measurement of these sides, each in its way, with jobs of this kind, by that many worker processes."""
    least = max(40, 10 * workers * slots)  # else a stamp may overtake the other one

    def take(bench: Bench) -> Figures:
        return bench.each([*ways], partial(one, bench))

    def one(bench: Bench, side: Contender) -> float:
        way = ways[side.name]
        key = (f"{way}{workers}{job}", side.name)
        pace = bench.paces.get(key)
        if pace is None:
            # Found out before the first round that counts.
            pace = rate(bench, side, way, job, workers, bench.some(FIRST, least))
        many = min(MOST, max(least, int(pace * SPAN * bench.scale)))
        bench.paces[key] = rate(bench, side, way, job, workers, many)
        return bench.paces[key]

    return take


def rate(
    bench: Bench,
    side: Contender,
    way: str,
    job: tuple[str, list[Any]],
    workers: int,
    many: int,
) -> float:
    """Jobs a second of that side."""
    with stage(side, bench.url) as scene:
        # An idle worker may be in the middle of a pause: when the first tenth is done all are at work.
        name, args = job
        scene.prepare(
            [
                (name, args, max(20, many // 10)),
                ("stamp", [scene.path("start")], 1),
                (name, args, many),
                ("stamp", [scene.path("end")], 1),
            ]
        )
        scene.start(side.ways[way], workers)
        scene.release()
        end, start = scene.await_stamps("end")[0][0], scene.await_stamps("start")[0][0]
        if end <= start:  # its prefetching worker kept the start back
            raise GivenUpError("its jobs did not begin in their order; let it have more of them")
        return many / (end - start)


def growth(way: str) -> Callable[[Bench], Figures]:
    """Ours with 200,000 jobs queued, and with never more than 1,000: the same stretches of jobs are timed."""

    def take(bench: Bench) -> Figures:
        each, stretches = 1000, bench.some(20, 2)
        waiting = bench.some(200_000, 3000) - each * stretches
        long = _stretches(bench, way, each, stretches, max(0, waiting))
        short = _stretches(bench, way, each, stretches, None)
        return {OURS: long, "at most 1,000 queued": short}

    return take


def _stretches(bench: Bench, way: str, each: int, stretches: int, behind: int | None) -> float:
    side = bench.sides[OURS]
    with stage(side, bench.url) as scene:
        marks = [("stamp", [scene.path(name)], 1) for name in ("from", "to")]
        few = each // 20
        stretch = [
            ("noop", [0, "x"], few),
            marks[0],
            ("noop", [0, "x"], each - 2 * few),
            marks[1],
            ("noop", [0, "x"], few - 2),
        ]
        rest = [("noop", [0, "x"], behind)] if behind else []
        scene.prepare([*stretch * stretches, *rest])
        scene.start(side.ways[way], 1)
        if behind is None:
            for number in range(stretches):
                scene.release(each)
                scene.await_stamps("to", number + 1)
        else:
            scene.release()
        ends = scene.await_stamps("to", stretches)
        starts = scene.stamps("from")
        spent = sum(end[0] - start[0] for start, end in zip(starts, ends, strict=True))
        return (each - 2 * few) * stretches / spent
