"""resque-restriction: so many jobs are performed in a period, or at a time (``extend Resque::Plugins::Restriction``).

Keys: ``restriction:<identifier>:<period>`` holds how many jobs are left of a limit; ``<period>`` is the number of the period since 1970, a
month, a year, or ``*`` for jobs at a time, and a value of the first argument may stand before it. It expires a period after its first
job. ``queue:restriction_<queue>`` holds the jobs that are over a limit.

Moments: a job is counted before it is performed. If one of its limits is reached, it goes to the restriction queue and counts as done.
A worker that takes a job from a restriction queue leaves it there while a limit is reached. What a job took of a limit at a time is given
back after it, however it ends.

Where Ruby takes from a limit for a job that is refused, or raises a limit after a job that was never counted, this plugin does not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pyresque.clock import local
from pyresque.errors import DontPerform, JobOptionError
from pyresque.job.plugin import Plugin
from pyresque.plugins.options import function, key_text
from pyresque.plugins.spellings import joined
from pyresque.store.limits import Limit, give_back, take_limits
from pyresque.store.queues import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.job.plugin import PluginJob

#: A queue whose name begins with this is a restriction queue.
PREFIX: Final = "restriction"

#: The seconds of each period, after which its counter expires.
SECONDS: Final = {
    "per_second": 1,
    "per_minute": 60,
    "per_hour": 3600,
    "per_day": 24 * 3600,
    "per_week": 7 * 24 * 3600,
    "per_month": 31 * 24 * 3600,
    "per_year": 366 * 24 * 3600,
}
CONCURRENT: Final = "concurrent"


class Restriction(Plugin):
    """resque-restriction. Limits are named as in Ruby: ``per_minute``, ``per_300`` (seconds), ``concurrent``, ``per_day_and_user_id``.

    ``restriction_identifier``: a function of the arguments that returns what stands for the class in the counters' keys.
    ``max_queue_peek``: how many jobs of a restriction queue a worker looks at, at most, for one that may be performed.

    >>> resque.declare("InvitationJob", queue="mail", plugins=[Restriction(per_day=1000, per_300=30)])
    """

    gem = "resque-restriction"

    def __init__(
        self,
        *,
        restriction_identifier: Callable[..., str] | None = None,
        max_queue_peek: int | None = None,
        **limits: int,
    ) -> None:
        """Raises JobOptionError."""
        self.restriction_identifier = function("restriction_identifier", restriction_identifier)
        for name, most in limits.items():
            if _period(name) != CONCURRENT and _seconds(name) is None:
                raise JobOptionError(
                    f"{name}={most!r}: no limit has that name; write per_minute, per_hour, per_300, concurrent, per_day_and_user_id"
                )
            _check(name, most, 0)
        if max_queue_peek is not None:
            _check("max_queue_peek", max_queue_peek, 1)
        self.max_queue_peek = max_queue_peek
        self.limits = limits

    def of(self, job: PluginJob) -> list[Limit]:
        """Return the limits of a job at this moment. Raises PluginKeyError."""
        name = job.name
        if self.restriction_identifier is not None:
            name = key_text("restriction_identifier", self.restriction_identifier, *job.args)
        keys, found = job.context.keys, []
        for limit, most in self.limits.items():
            _, _, by = limit.partition("_and_")
            first = job.args[0] if job.args else None
            value = first.get(by.partition("_and_")[0]) if by and isinstance(first, dict) else None
            parts = [] if value is None else [joined([value])]
            key = keys.restriction(name, *parts, self._now(limit, job))
            found.append(Limit(to_bytes(key), most, _seconds(limit)))
        return found

    @staticmethod
    def _now(limit: str, job: PluginJob) -> str:
        """Return the period in which a limit counts now."""
        period, clock = _period(limit), job.context.clock
        if period == CONCURRENT:
            return "*"
        if period == "per_month":
            return f"{local(clock):%Y-%m}"
        if period == "per_year":
            return f"{local(clock):%Y}"
        return str(int(clock.time()) // (_seconds(limit) or 1))

    def barred_by(self, job: PluginJob) -> list[bytes]:
        """Return the counters of a job in a restriction queue: it stays there while nothing is left of one."""
        return [limit.key for limit in self.of(job)] if job.queue.startswith(PREFIX) else []

    async def before_perform_restriction(self, job: PluginJob) -> None:
        """Count the job; if a limit is reached, put it into the restriction queue, and leave it undone."""
        if job.context.jobs.inline or job.job is None or not self.limits:
            return
        limits, own = self.of(job), job.entry.queue or job.queue
        queue = own if own.startswith(f"{PREFIX}_") and not job.entry.queue else f"{PREFIX}_{own}"
        if not await take_limits(job.context.keys, limits, queue, job.job.raw):
            raise DontPerform
        job.state[self] = [limit for limit in limits if limit.seconds is None]

    async def always_restriction(self, job: PluginJob) -> None:
        """Give back what the job took of limits at a time."""
        taken = job.state.pop(self, None)
        if taken:
            await give_back(taken)

    async def lost(self, job: PluginJob, error: BaseException) -> None:
        """Give back what a job whose process died took of limits at a time."""
        await self._died(job)

    async def returned(self, job: PluginJob) -> None:
        """Give back what a job that is redelivered took of limits at a time."""
        if job.since:
            await self._died(job)

    async def _died(self, job: PluginJob) -> None:
        taken = [limit for limit in self.of(job) if limit.seconds is None]
        if taken:
            await give_back(taken)


def _check(name: str, given: object, least: int) -> None:
    if isinstance(given, bool) or not isinstance(given, int) or given < least:
        raise JobOptionError(f"{name}={given!r} is no number of jobs, {least} or more")


def _period(limit: str) -> str:
    return limit.partition("_and_")[0]


def _seconds(limit: str) -> int | None:
    """Return the seconds of a limit's period; None for one that has none."""
    period = _period(limit)
    if re.fullmatch(r"per_[0-9]+", period):
        return int(period[4:]) or None
    return SECONDS.get(period)
