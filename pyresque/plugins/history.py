"""resque-history: the jobs that were performed last (``extend Resque::Plugins::History``).

Key: ``resque_history`` is a list of JSON objects, the latest first: class, arguments, the time of the end, and the whole seconds that
the job took, or the error's text. Moments: after perform, and on_failure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.clock import local
from pyresque.errors import JobOptionError
from pyresque.job.plugin import Plugin
from pyresque.ruby import time as ruby_time
from pyresque.store.job_stats import push_newest
from pyresque.user_errors import as_raised, text_of

if TYPE_CHECKING:
    from pyresque.job.plugin import Inner, PluginJob

#: How many jobs the list keeps.
MOST: Final = 500


def whole(name: str, given: object) -> int:
    """Return a whole number from 0 on. Raises JobOptionError."""
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise JobOptionError(f"{name}={given!r} is no whole number from 0 on")
    return given


class History(Plugin):
    """resque-history. ``most``: how many jobs the list keeps (Ruby: ``@max_history``).

    >>> resque.job("Report", queue="reports", plugins=[History(most=100)])
    """

    gem = "resque-history"

    def __init__(self, *, most: int = MOST) -> None:
        """Raises JobOptionError."""
        self.most = whole("most", most)

    async def around_perform_history(self, job: PluginJob, inner: Inner) -> tuple[bool, Any]:
        """Perform, then write down how long it took."""
        began = job.context.clock.time()
        ran = await inner()
        took = int(job.context.clock.time() - began)
        await self._write(job, {"args": job.payload_args, "time": _now(job), "execution": took})
        return ran

    async def on_failure_history(self, job: PluginJob, error: BaseException) -> None:
        """Write down the error."""
        text = text_of(as_raised(error))
        await self._write(job, {"time": _now(job), "args": job.payload_args, "error": text})

    async def _write(self, job: PluginJob, values: dict[str, Any]) -> None:
        element = job.context.codec.encode({"class": job.name, **values})
        await push_newest(job.context.keys.history, element, self.most)


def _now(job: PluginJob) -> str:
    return ruby_time.to_s(local(job.context.clock))
