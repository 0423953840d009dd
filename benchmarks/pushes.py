"""Jobs a second that a client enqueues; and what bare forks reach."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.contenders import OURS, ROOT
from benchmarks.stage import stage
from benchmarks.throughput import rate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.contenders import Contender
    from benchmarks.measure import Bench, Figures


def pushes(verb: str, many: int, sides: Sequence[str]) -> Callable[[Bench], Figures]:
    """``one``: one by one; ``bulk``: each in the fastest way it has for many at once."""

    def take(bench: Bench) -> Figures:
        return bench.each(sides, lambda side: one(bench, side))

    def one(bench: Bench, side: Contender) -> float:
        number = bench.some(many, 50)
        with stage(side, bench.url) as scene:
            return number / float(scene.ask(verb, str(number)))

    return take


def against_bare_forks(bench: Bench) -> Figures:
    """Our forked jobs beside forks of a small Python that does nothing else."""
    many = bench.some(1500, 20)

    def ours(side: Contender) -> float:
        return rate(bench, side, "fork", ("noop", [0, "x"]), 1, many)

    figures = dict(bench.each([OURS], ours))
    command = (sys.executable, "-m", "benchmarks.peers.bare_app", "forks", str(many))
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return {**figures, "bare fork and wait": many / float(done.stdout)}
