"""How long an idle worker waits between two looks (INTERVAL and its kin, as Ruby 3.0 reads them)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyresque.settings import Settings


@dataclass(frozen=True, slots=True)
class Interval:
    """Seconds: where waiting starts, after a job, at most, and how much longer after each look that found nothing."""

    first: float = 5.0
    after_work: float = 5.0
    most: float = 5.0
    step: float = 0.1

    @classmethod
    def of(cls, settings: Settings) -> Interval:
        """From the settings; what is missing is the interval itself, 0.1 for the step."""
        return cls.between(
            settings.interval,
            settings.min_interval,
            settings.max_interval,
            settings.backoff_interval,
        )

    @classmethod
    def between(
        cls,
        interval: float,
        min_interval: float | None = None,
        max_interval: float | None = None,
        backoff_interval: float | None = None,
    ) -> Interval:
        """The same from single values."""
        most = interval if max_interval is None else max_interval
        least = min(interval if min_interval is None else min_interval, most)
        step = min(0.1 if backoff_interval is None else backoff_interval, most)
        return cls(max(least, min(interval, most)), least, most, step)

    @property
    def burst(self) -> bool:
        """Whether to leave rather than wait: an interval of 0."""
        return self.first == 0

    def longer(self, wait: float) -> float:
        """The wait after one that found nothing."""
        return min(wait + self.step, self.most)
