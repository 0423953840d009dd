"""How an idle worker rests until its next look: at intervals, as Ruby's, or until it is told of a job."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pyresque.lightweight import random_fraction
from pyresque.ops import Call

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.clock import Clock
    from pyresque.ops import Op
    from pyresque.process.worker.host import Host
    from pyresque.settings import Settings

#: Seconds between two looks, at least, of a worker that would be told of a job.
LOOK = 5.0

#: Seconds between two looks, at most, of a worker that has paused queues: nobody says that a pause has ended.
PAUSED_LOOK = 1.0

#: Calls in a row that led to no job, others being faster, which are followed at once; and the longest pause before the next.
FREE_CALLS, LONGEST_PAUSE = 4, 0.1


class IdleWait:
    """One worker's rests. ``tend`` does what must not wait, and tells for how many seconds nothing must be done."""

    def __init__(self, clock: Clock, surroundings: Host, tend: Callable[[], Op[float]]) -> None:
        self.clock = clock
        self.surroundings = surroundings
        self.tend = tend
        self._calls = 0

    def found_work(self) -> None:
        """The last look was not in vain."""
        self._calls = 0

    async def take(
        self,
        seconds: float,
        queues: tuple[str, ...],
        over: Callable[[], bool],
        *,
        paused: bool = False,
    ) -> None:
        """Rest for so many seconds, or until it is over: by an order, or a job in one of these queues (their keys).

        With ``paused`` queues a rest lasts ``PAUSED_LOOK`` seconds at most.
        """
        now = self.clock.monotonic
        start = now()
        if self._calls > FREE_CALLS:
            # Many workers, one job: each is called, and the slower ones do not ask for the next call all at once.
            pause = LONGEST_PAUSE * random_fraction()
            await Call(partial(self.surroundings.sleep, pause), offload=True)
        if paused:
            seconds = min(seconds, PAUSED_LOOK)
        end = start + (seconds if paused else max(seconds, LOOK))
        while not over() and (left := end - now()) > 0:
            beat = await self.tend()
            look = start + seconds - now()
            wait = partial(self.surroundings.wait_for_jobs, queues, look, min(left, beat))
            if await Call(wait, offload=True):
                break
        self._calls = self._calls + 1 if not over() and now() < start + seconds else 0


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
