"""resque-lock: a job is not enqueued while an equal one is queued or performed (``extend Resque::Plugins::Lock``).

Key: ``lock:<class>-<Ruby's inspect of the arguments>`` holds the time at which the lock is void, in seconds since 1970. It has no time
to live. The before_enqueue hook sets the key, also when the scheduler moves a delayed job. The around_perform hook deletes it, after
success and failure.

Where Ruby leaves a lock behind for an hour, this plugin releases it: after a job whose process died, after DontPerform or an error of a
before_perform hook, after dequeue, and if Ruby enqueued with symbols, which are texts by the time that the job is performed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from pyresque.job.plugin import Plugin, and_then
from pyresque.plugins.options import function, key_text, ruby_version, seconds
from pyresque.plugins.spellings import spelling, spellings
from pyresque.store.locks import release, take_until
from pyresque.store.queues import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from pyresque.job.plugin import Inner, PluginJob

#: Seconds after which a lock is void.
TIMEOUT = 3600


class Lock(Plugin):
    """resque-lock: a job is not enqueued while an equal one is queued or performed.

    ``lock``: a function of the arguments that returns the key (Ruby: the method ``lock``). ``timeout``: seconds after which a lock is
    void. ``ruby``: the version whose inspect spells the arguments of a new lock, "3.3" for all up to 3.3, or "3.4"; they differ in
    hashes. Locks of either are released.

    >>> resque.declare("UpdateNetworkGraph", queue="graphs", plugins=[Lock(timeout=600)])
    """

    gem = "resque-lock"

    def __init__(
        self,
        *,
        lock: Callable[..., str] | None = None,
        timeout: timedelta | float = TIMEOUT,
        ruby: Literal["3.3", "3.4"] = "3.3",
    ) -> None:
        """Raises JobOptionError."""
        self.lock = function("lock", lock)
        self.timeout = seconds("timeout", timeout) or 0
        self.ruby = ruby_version(ruby)

    def key(self, job: PluginJob) -> bytes:
        """Return the key that a new lock gets. Raises PluginKeyError."""
        if self.lock is not None:
            return to_bytes(job.context.keys.of(key_text("lock", self.lock, *job.args)))
        return to_bytes(job.context.keys.lock(job.name, spelling(job.args, self.ruby)))

    def keys(self, job: PluginJob) -> list[bytes]:
        """Return every key that a lock of this job may have."""
        if self.lock is not None:
            return [self.key(job)]
        return [to_bytes(job.context.keys.lock(job.name, one)) for one in spellings(job.args)]

    async def before_enqueue_lock(self, job: PluginJob) -> bool:
        """Take the lock; False, and the job is not enqueued, where it is held and not void."""
        now, key = int(job.context.clock.time()), self.key(job)
        taken = job.state[self] = await take_until(key, now, now + self.timeout + 1)
        return taken

    async def refused(self, job: PluginJob) -> None:
        """Release the lock that this call took: another hook kept the job out. Ruby leaves it."""
        if job.state.get(self):
            await release([self.key(job)])

    async def around_perform_lock(self, job: PluginJob, inner: Inner) -> tuple[bool, Any]:
        """Release the lock after the job, however it ends."""
        job.state[self] = True
        return await and_then(inner(), partial(release, self.keys(job)))

    async def always_lock(self, job: PluginJob) -> None:
        """Release the lock where a before_perform hook ended the job. Ruby leaves it."""
        if not job.state.get(self):
            await release(self.keys(job))

    async def lost(self, job: PluginJob, error: BaseException) -> None:
        """Release the lock of a job whose process died."""
        await release(self.keys(job))

    async def dequeued(self, job: PluginJob) -> None:
        """Release the lock of a job that is removed from its queue."""
        await release(self.keys(job))
