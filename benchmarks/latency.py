"""From push to start, at light load: how long an idle worker takes to see a job, and a fork to begin it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contenders import OURS
from benchmarks.stage import stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.contenders import Contender
    from benchmarks.measure import Bench, Figures

#: Pushes of a round.
PUSHES = 150


def latency(ways: Mapping[str, str]) -> Callable[[Bench], Figures]:
    """Milliseconds, the median; these sides, each with the way its worker runs."""

    def one(bench: Bench, side: Contender) -> float:
        return quantile(waits(bench, side, ways[side.name]), 0.5)

    def take(bench: Bench) -> Figures:
        return bench.each([*ways], partial(one, bench))

    return take


def tail(way: str) -> Callable[[Bench], Figures]:
    """Ours: the 99th percentile beside three times the median."""

    def take(bench: Bench) -> Figures:
        seen: list[float] = []

        def one(side: Contender) -> float:
            seen.extend(waits(bench, side, way))
            return quantile(seen, 0.99)

        figures = dict(bench.each([OURS], one))
        return {**figures, "three times our p50": 3 * quantile(seen, 0.5)} if figures else {}

    return take


def waits(bench: Bench, side: Contender, way: str) -> list[float]:
    """Milliseconds that each of the pushed jobs waited."""
    many = bench.some(PUSHES, 5)
    with stage(side, bench.url) as scene:
        scene.prepare([])
        scene.start(side.ways[way], 1)
        pushed = scene.ask("push", str(many), scene.path("begun")).split()
        begun = scene.await_stamps("begun", many)
        return [1000 * (at[0] - float(put)) for put, at in zip(pushed, begun, strict=True)]


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
