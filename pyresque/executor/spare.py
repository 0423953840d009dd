"""Whether to fork a child ahead, while the present one works, so that the next job need not wait for its fork.

It takes the fork off a job's way, and costs copied pages and a second process at a time: whether that pays depends on the
cores that are free, the size of the heap and the jobs. So both ways are tried again and again, and the better one is taken.
"""

from __future__ import annotations

#: Jobs of one round, and how many of them try each way; the first of each still sees the other way's child.
ROUND, TRIAL = 400, 12


class ForkAhead:
    """The decision for each job: ``always``, ``never``, or ``auto``, which measures."""

    def __init__(self, choice: str) -> None:
        self.choice = choice
        self._jobs = 0
        self._without: list[float] = []
        self._ahead: list[float] = []
        self._pays = True

    def worth_it(self) -> bool:
        """Whether to fork the next child while the present job runs."""
        if self.choice != "auto":
            return self.choice == "always"
        place = self._jobs % ROUND
        if place < TRIAL:
            return False
        return True if place < 2 * TRIAL else self._pays

    def took(self, seconds: float) -> None:
        """How long the present job took beyond its own work: the fork, the ways there and back."""
        place = self._jobs % ROUND
        self._jobs += 1
        if 0 < place < TRIAL:
            self._without.append(seconds)
        elif TRIAL < place < 2 * TRIAL:
            self._ahead.append(seconds)
        elif place == 2 * TRIAL:
            self._pays = _middle(self._ahead) < _middle(self._without)
            self._without.clear()
            self._ahead.clear()


def _middle(times: list[float]) -> float:
    """The median: one job that took long decides nothing."""
    return sorted(times)[len(times) // 2]
