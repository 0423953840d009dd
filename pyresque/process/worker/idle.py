"""How an idle worker waits: until its next look at the queues, as Ruby's does, or until the host reports a job."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from pyresque.lightweight import dataclass, within
from pyresque.ops import Call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyresque.clock import Clock
    from pyresque.ops import Op
    from pyresque.settings import Settings

#: Seconds between two looks, at least, of a worker whose host reports jobs.
LOOK = 5.0

#: Seconds between two looks, at most, of a worker that has paused queues: nobody reports that a pause has ended.
PAUSED_LOOK = 1.0

#: A worker that was woken this many times in a row for a job that others took waits before it looks again: up to this many seconds.
VAIN_WAKE_UPS, LONGEST_PAUSE = 4, 0.1


class Host(Protocol):
    """What a worker needs of the system that it runs on. If an awaiting driver carries the worker, its waits are awaited."""

    def title(self, text: str) -> None:
        """Set the process title."""

    def sleep(self, seconds: float) -> Awaitable[None] | None:
        """Wait that long, or until a signal comes."""

    def wait_for_jobs(
        self, queues: tuple[str, ...], look: float, most: float
    ) -> bool | Awaitable[bool]:
        """Wait until it is time to look for a job, and return True; or for ``most`` seconds or until a signal, and return False.

        ``queues`` are the keys of lists. It is time as soon as one of them seems to hold a job; after ``look`` seconds if
        the host would not notice that.
        """

    def busy(self) -> None:
        """The worker has taken a job: what waits for jobs on its behalf need not for now."""

    def worker_pids(self) -> frozenset[int] | None:
        """The processes of this host that are Resque workers by their title; None if the system does not say."""


class IdleWait:
    """Waits for one worker. ``upkeep`` runs before each wait and returns for how many seconds it need not run again."""

    def __init__(self, clock: Clock, host: Host, upkeep: Callable[[], Op[float]]) -> None:
        self.clock = clock
        self.host = host
        self.upkeep = upkeep
        self._vain_wake_ups = 0

    def found_job(self) -> None:
        """The last look at the queues found a job."""
        self._vain_wake_ups = 0

    async def run(
        self,
        seconds: float,
        queues: tuple[str, ...],
        over: Callable[[], bool],
        *,
        paused: bool = False,
    ) -> None:
        """Wait for that many seconds, or until ``over()``, or until one of these queues (their keys) seems to hold a job.

        With ``paused`` queues a wait lasts PAUSED_LOOK seconds at most.
        """
        now = self.clock.monotonic
        start = now()
        if self._vain_wake_ups > VAIN_WAKE_UPS:
            # One job wakes many workers. Without this the slower ones would all ask for the next report at once.
            await Call(partial(self.host.sleep, within(LONGEST_PAUSE)), offload=True)
        if paused:
            seconds = min(seconds, PAUSED_LOOK)
        end = start + (seconds if paused else max(seconds, LOOK))
        while not over() and (left := end - now()) > 0:
            upkeep_due = await self.upkeep()
            look = start + seconds - now()
            wait = partial(self.host.wait_for_jobs, queues, look, min(left, upkeep_due))
            if await Call(wait, offload=True):
                break
        self._vain_wake_ups = (
            self._vain_wake_ups + 1 if not over() and now() < start + seconds else 0
        )


@dataclass(frozen=True, slots=True)
class Interval:
    """Seconds that an idle worker waits: at first, after a job, at most, and how much longer after each look in vain."""

    first: float = 5.0
    after_work: float = 5.0
    most: float = 5.0
    step: float = 0.1

    @classmethod
    def of(cls, settings: Settings) -> Interval:
        """From the settings ``interval``, ``min_interval``, ``max_interval`` and ``backoff_interval``."""
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
        """From single values; a missing bound is the interval itself, a missing step 0.1."""
        most = interval if max_interval is None else max_interval
        least = min(interval if min_interval is None else min_interval, most)
        step = min(0.1 if backoff_interval is None else backoff_interval, most)
        return cls(max(least, min(interval, most)), least, most, step)

    @property
    def burst(self) -> bool:
        """Whether the worker leaves rather than waits: an interval of 0."""
        return self.first == 0

    def longer(self, wait: float) -> float:
        """The wait after one of ``wait`` seconds that found nothing."""
        return min(wait + self.step, self.most)
