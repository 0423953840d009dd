"""What a measurement is, what it must reach, and the run that it is taken in."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.contenders import OURS, Contender
from benchmarks.stage import GivenUpError

#: What each side reached, in one round.
Figures = Mapping[str, float]


@dataclass
class Bench:
    """One run: its Redis, who takes part, how much of everything, and how fast each side was seen to be."""

    url: str
    sides: Mapping[str, Contender]
    scale: float = 1.0
    round: int = 0
    paces: dict[tuple[str, str], float] = field(default_factory=dict)

    def each(self, names: Sequence[str], take: Callable[[Contender], float]) -> dict[str, float]:
        """Let every side that is here take its turn, in another order each round; one that gives up is left out."""
        here = [self.sides[name] for name in names if name in self.sides]
        turn = self.round % len(here) if here else 0
        figures = {}
        for side in here[turn:] + here[:turn]:
            try:
                figures[side.name] = take(side)
            except GivenUpError as fault:
                print(f"{side.name} gave up: {fault}", file=sys.stderr)
        return figures

    def some(self, many: int, least: int = 1) -> int:
        """So many, more or fewer by the scale."""
        return max(least, int(many * self.scale))


@dataclass(frozen=True)
class Bound:
    """Our ratio to the best of these must be at least that, as the median over the rounds."""

    peers: tuple[str, ...]
    at_least: float


@dataclass(frozen=True)
class Measure:
    """One row of the table. ``take`` measures one round of it."""

    key: str
    title: str
    unit: str
    take: Callable[[Bench], Figures]
    bounds: tuple[Bound, ...] = ()
    more_is_better: bool = True


@dataclass(frozen=True)
class Result:
    """A measure and what its rounds gave."""

    measure: Measure
    rounds: Sequence[Figures]

    def names(self) -> list[str]:
        """Every side that reached a figure, ours first."""
        seen = dict.fromkeys(name for figures in self.rounds for name in figures)
        return sorted(seen, key=lambda name: name != OURS)

    def median(self, name: str) -> float | None:
        """The middle of what that side reached."""
        reached = [figures[name] for figures in self.rounds if name in figures]
        return statistics.median(reached) if reached else None

    def ratio(self, peers: Sequence[str]) -> float | None:
        """How many times as good as the best of these we are: the median of the rounds' own ratios."""
        ratios = []
        for figures in self.rounds:
            theirs = [figures[name] for name in peers if name in figures]
            if not theirs or OURS not in figures:
                continue
            ours = figures[OURS]
            more = self.measure.more_is_better
            above, below = (ours, max(theirs)) if more else (min(theirs), ours)
            if below:
                ratios.append(above / below)
        return statistics.median(ratios) if ratios else None
