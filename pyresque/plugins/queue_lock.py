"""resque-queue-lock: a job is not enqueued while an equal one is queued (``extend Resque::Plugins::Queue::Lock``).

Key: ``queuelock:<class>-<Ruby's inspect of the arguments, as JSON gives them>`` holds the time of the enqueue as a text. It has no time to
live. Moments: taken by a before_enqueue hook; deleted before perform, and by a before_dequeue hook.

Where Ruby leaves a key for ever, this plugin deletes it: with its queue, where another hook refuses the job, where a before_perform hook
ended the job, and where its process died before perform.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pyresque.clock import local
from pyresque.job.plugin import Plugin
from pyresque.plugins.options import function, key_text, ruby_version
from pyresque.plugins.spellings import spelling, spellings
from pyresque.ruby import time as ruby_time
from pyresque.store.locks import release, take
from pyresque.store.marks import unmark_lost
from pyresque.store.queues import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.job.plugin import Inner, PluginJob


class QueueLock(Plugin):
    """resque-queue-lock: a job is not enqueued while an equal one is queued.

    ``lock``: a function of the arguments that returns the key (Ruby: ``queue_lock``). ``ruby``: whose inspect spells the arguments of a new
    key, "3.3" or "3.4"; keys of either are deleted.

    >>> resque.declare("PiledJob", queue="work", plugins=[QueueLock()])
    """

    gem = "resque-queue-lock"

    def __init__(
        self, *, lock: Callable[..., str] | None = None, ruby: Literal["3.3", "3.4"] = "3.3"
    ) -> None:
        """Raises JobOptionError."""
        self.lock = function("lock", lock)
        self.ruby = ruby_version(ruby)

    def key(self, job: PluginJob) -> bytes:
        """Return the key that a new lock gets. Raises PluginKeyError."""
        if self.lock is not None:
            return to_bytes(job.context.keys.of(key_text("lock", self.lock, *job.args)))
        return to_bytes(job.context.keys.queue_lock(job.name, spelling(job.args, self.ruby)))

    def keys(self, job: PluginJob) -> list[bytes]:
        """Return every key that a lock of this job may have."""
        if self.lock is not None:
            return [self.key(job)]
        return [to_bytes(job.context.keys.queue_lock(job.name, one)) for one in spellings(job.args)]

    async def before_enqueue_queue_lock(self, job: PluginJob) -> bool:
        """Take the lock; False, and the job is not enqueued, where it is held."""
        now = ruby_time.to_s(local(job.context.clock))
        job.state[self] = await take(self.key(job), now)
        return bool(job.state[self])

    async def around_perform_queue_lock(self, job: PluginJob, inner: Inner) -> tuple[bool, Any]:
        """Delete the lock, then perform."""
        await release(self.keys(job))
        job.state[self] = True
        return await inner()

    async def before_dequeue_queue_lock(self, job: PluginJob) -> None:
        """Delete the lock."""
        await release(self.keys(job))

    async def always_queue_lock(self, job: PluginJob) -> None:
        """Delete the lock where a before_perform hook ended the job. Ruby leaves it."""
        if not job.state.get(self):
            await release(self.keys(job))

    async def refused(self, job: PluginJob) -> None:
        """Delete the lock that this call took: another hook kept the job out. Ruby leaves it."""
        if job.state.get(self):
            await release([self.key(job)])

    async def lost(self, job: PluginJob, error: BaseException) -> None:
        """Delete the lock where the worker died before it did, and no equal job is queued."""
        if job.job is not None:
            queue = to_bytes(job.context.keys.queue(job.queue))
            for key in self.keys(job):
                await unmark_lost(key, None, queue, job.job.raw)

    async def dequeued(self, job: PluginJob) -> None:
        """Delete the lock of a job that is removed from its queue."""
        await release(self.keys(job))
