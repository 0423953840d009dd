"""resque-lonely_job: one job of a queue is performed at a time (``extend Resque::Plugins::LonelyJob``).

Key: ``lonely_job:<queue>`` holds the time at which the lock is void, five days and a second after it was taken, in seconds since 1970. It
has no time to live. Moments: taken before perform; if it is held, the job waits ``requeue_interval``, goes to the end of its
queue, and counts as done. Deleted after perform.

Where Ruby bars the queue for five days, this plugin does not: after a job whose process died, and after DontPerform or an error of a
before_perform hook.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pyresque.errors import DontPerform
from pyresque.job.plugin import Plugin, and_then
from pyresque.ops import Sleep
from pyresque.plugins.options import function, key_text, pause
from pyresque.store.locks import release, release_taken_since, take_until
from pyresque.store.queues import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from pyresque.job.plugin import Inner, PluginJob

#: Seconds after which a lock is void.
TIMEOUT: Final = 5 * 24 * 3600 + 1


class LonelyJob(Plugin):
    """resque-lonely_job.

    ``requeue_interval``: seconds for which a job waits that finds the lock held. ``redis_key``: a function of the arguments that returns the
    key (Ruby: the method ``redis_key``).

    >>> resque.declare("StrictlySerialJob", queue="serial", plugins=[LonelyJob()])
    """

    gem = "resque-lonely_job"

    def __init__(
        self,
        *,
        requeue_interval: timedelta | float = 1,
        redis_key: Callable[..., str] | None = None,
    ) -> None:
        """Raises JobOptionError."""
        self.requeue_interval = pause("requeue_interval", requeue_interval)
        self.redis_key = function("redis_key", redis_key)

    def key(self, job: PluginJob) -> bytes:
        """Return the key of the lock. As in Ruby it names the class's queue, not the one that the job came from."""
        keys = job.context.keys
        if self.redis_key is not None:
            return to_bytes(keys.of(key_text("redis_key", self.redis_key, *job.args)))
        return to_bytes(keys.lonely_job(job.entry.queue or job.queue))

    async def before_perform(self, job: PluginJob) -> None:
        """Take the lock; if it is held, wait, enqueue the job again, and leave it undone."""
        now, key = int(job.context.clock.time()), self.key(job)
        job.state[self] = await take_until(key, now + 1, now + TIMEOUT)
        if not job.state[self]:
            await Sleep(self.requeue_interval)
            await job.context.jobs.enqueue_to(
                job.entry.queue or job.queue, job.name, *job.payload_args
            )
            raise DontPerform

    async def around_perform(self, job: PluginJob, inner: Inner) -> tuple[bool, Any]:
        """Release the lock after the job, however it ends."""
        job.state[self] = False
        return await and_then(inner(), partial(release, [self.key(job)]))

    async def always_lonely_job(self, job: PluginJob) -> None:
        """Release the lock where a before_perform hook ended the job. Ruby leaves it."""
        if job.state.get(self):
            await release([self.key(job)])

    async def lost(self, job: PluginJob, error: BaseException) -> None:
        """Release the lock of a job whose process died: one that was taken since the job began, so not another job's. Ruby leaves it."""
        await release_taken_since(self.key(job), job.since + TIMEOUT)

    async def returned(self, job: PluginJob) -> None:
        """Release the lock of a job that is redelivered."""
        if job.since:
            await release_taken_since(self.key(job), job.since + TIMEOUT)
