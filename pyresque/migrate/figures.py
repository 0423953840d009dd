"""A count that is exact or an estimate from a sample, with its error: the bounds of the 95 % interval."""

from __future__ import annotations

from math import ceil, sqrt
from typing import Any, Final

#: How many standard deviations the 95 % interval has on each side.
Z: Final = 1.96


class Figure:
    """How many jobs there are of something: ``seen`` of them were read; ``estimate`` is what that means for the whole lists.

    Each list is sampled by itself. For one of ``size`` elements of which ``read`` were read, and ``found`` of these were such jobs, the
    estimate grows by ``size * found / read``, and the variance by that of a share in a sample without replacement (Agresti-Coull).
    """

    __slots__ = ("estimate", "seen", "variance")

    def __init__(self) -> None:
        self.seen = 0
        self.estimate = 0.0
        self.variance = 0.0

    def add(self, found: int, read: int, size: int) -> None:
        """Add what one list says."""
        if read <= 0:
            return
        size = max(size, read)
        self.seen += found
        self.estimate += size * found / read
        if read < size:
            share = (found + 2) / (read + 4)
            self.variance += size * size * share * (1 - share) / read * (1 - read / size)

    def include(self, other: Figure) -> None:
        """Add another figure, of other lists."""
        self.seen += other.seen
        self.estimate += other.estimate
        self.variance += other.variance

    @property
    def error(self) -> float:
        """Half the width of the 95 % interval; 0 for a figure that is exact."""
        return Z * sqrt(self.variance)

    @property
    def low(self) -> int:
        """The lower bound: never less than was seen."""
        return max(self.seen, int(self.estimate - self.error))

    @property
    def high(self) -> int:
        """The upper bound."""
        return max(self.seen, ceil(self.estimate + self.error))

    def to_dict(self) -> dict[str, Any]:
        """Return the figure as JSON."""
        return {
            "seen": self.seen,
            "estimate": round(self.estimate),
            "low": self.low,
            "high": self.high,
        }

    def __str__(self) -> str:
        """``1200`` for one that is exact, ``~1200 ±90`` for an estimate."""
        if not self.variance:
            return str(round(self.estimate))
        return f"~{round(self.estimate)} ±{ceil(self.error)}"

    def __bool__(self) -> bool:
        """Whether there is any."""
        return self.seen > 0


def may_be_missed(read: int, size: int) -> int:
    """Return how many elements of a list may be of a kind of which none was read, with 95 % confidence (the rule of three)."""
    return 0 if read >= size or read <= 0 else ceil(3 * size / read)
