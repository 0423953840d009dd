"""resque-job-stats: counters, durations and a history of each class (``extend Resque::Plugins::JobStats``).

Keys, each below ``stats:jobs:<class>:``: the counters ``enqueued``, ``performed`` and ``failed``; ``timeseries:enqueued:<day>:<hour>`` and
``...:<day>:<hour>:<minute>`` and the same of ``performed``, which expire after 25 hours and 61 minutes; the lists ``duration`` (seconds) and
``history`` (JSON), the latest first. Moments: after_enqueue, around and after perform, on_failure; of a killed job, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.clock import local, utc
from pyresque.errors import JobOptionError
from pyresque.failure.report import report
from pyresque.job.plugin import Plugin
from pyresque.plugins.history import whole
from pyresque.ruby import time as ruby_time
from pyresque.ruby.inspect import to_s
from pyresque.store.job_stats import count, push_newest
from pyresque.user_errors import as_raised, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyresque.job.plugin import Inner, PluginJob

#: Ruby's modules of the gem; ``extend Resque::Plugins::JobStats`` is all of them.
PARTS: Final = ("enqueued", "performed", "failed", "duration", "timeseries", "history")

#: How many durations and how many jobs the lists keep, plus one: Ruby trims to the index.
MOST: Final = 100

#: The counters of a minute and of an hour: the date's format, and the seconds after which they expire.
SERIES: Final = (("%d:%H:%M", 3660), ("%d:%H", 90000))


class JobStats(Plugin):
    """resque-job-stats: counters, durations and a history of each class.

    ``parts``: Ruby's modules, where the class has not all of them. ``durations`` and ``histories``: the index up to which the lists are
    kept (Ruby: ``@durations_recorded``, ``@histories_recordable``).

    >>> resque.declare("Report", queue="reports", plugins=[JobStats()])
    """

    gem = "resque-job-stats"

    def __init__(
        self,
        parts: Iterable[str] = PARTS,
        *,
        durations: int = MOST,
        histories: int = MOST,
    ) -> None:
        """Raises JobOptionError."""
        if not hasattr(type(parts), "__iter__"):
            raise JobOptionError(f"parts={parts!r} is no list of {', '.join(PARTS)}")
        self.parts = frozenset((parts,) if isinstance(parts, str) else map(str, parts))
        unknown = self.parts.difference(PARTS)
        if unknown:
            raise JobOptionError(f"parts={sorted(unknown)} are none of {', '.join(PARTS)}")
        self.durations = whole("durations", durations)
        self.histories = whole("histories", histories)

    async def after_enqueue_job_stats(self, job: PluginJob) -> None:
        """Count the enqueue."""
        await self._count(job, "enqueued", series=True)

    async def after_perform_job_stats(self, job: PluginJob) -> None:
        """Count the success."""
        await self._count(job, "performed", series=True)

    async def on_failure_job_stats(
        self,
        job: PluginJob,
        error: BaseException,
    ) -> None:
        """Count the failure."""
        await self._count(job, "failed", series=False)

    async def around_perform_job_stats(self, job: PluginJob, inner: Inner) -> tuple[bool, Any]:
        """Perform, then write down how long it took and how it ended."""
        clock = job.context.clock
        run_at, began = ruby_time.to_s(local(clock)), clock.time()
        try:
            ran = await inner()
        except GeneratorExit:
            raise
        except BaseException as error:
            lines = report(error).backtrace
            text = text_of(as_raised(error))
            failed = {"success": False, "exception": {"name": text, "backtrace": list(lines)}}
            await self._remember(job, failed, run_at, clock.time() - began)
            raise
        seconds = clock.time() - began
        if "duration" in self.parts:
            key = self._key(job, "duration")
            await push_newest(key, to_s(float(seconds)).encode(), self.durations + 1)
        await self._remember(job, {"success": True}, run_at, seconds)
        return ran

    async def _remember(
        self, job: PluginJob, ended: dict[str, Any], run_at: str, seconds: float
    ) -> None:
        if "history" in self.parts:
            element = {
                **ended,
                "args": job.payload_args,
                "run_at": run_at,
                "duration": float(seconds),
            }
            encoded = job.context.codec.encode(element)
            await push_newest(self._key(job, "history"), encoded, self.histories + 1)

    async def _count(self, job: PluginJob, what: str, *, series: bool) -> None:
        keys: list[tuple[str, int | None]] = []
        if what in self.parts:
            keys.append((self._key(job, what), None))
        if series and "timeseries" in self.parts:
            now = utc(job.context.clock)
            keys += [
                (self._key(job, f"timeseries:{what}:{now.strftime(form)}"), ttl)
                for form, ttl in SERIES
            ]
        if keys:
            await count(keys)

    @staticmethod
    def _key(job: PluginJob, name: str) -> str:
        return job.context.keys.job_stats(job.name, name)
