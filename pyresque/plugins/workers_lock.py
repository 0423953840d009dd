"""resque-workers-lock: jobs that share a lock are performed one at a time (``extend Resque::Plugins::Workers::Lock``).

Keys: ``workerslock:<class>-<Ruby's inspect of the arguments>``, or one for each name that ``lock_workers`` returns, hold ``true`` and
expire. Moments: taken before perform, all or none; if one is held, the job is enqueued again a second later, on its class's queue,
and counts as done. Deleted after perform, and after any failure, of a killed job too.

Where Ruby leaves the locks until they expire, this plugin deletes them: after DontPerform of another hook. Where Ruby deletes every
lock of every queue when any queue is removed, this plugin deletes none: they belong to jobs at work.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from pyresque.errors import DontPerform
from pyresque.job.plugin import Plugin, and_then
from pyresque.ops import Call
from pyresque.plugins.options import PluginKeyError, function, ruby_version, seconds
from pyresque.plugins.spellings import spelling
from pyresque.store.locks import release, take_all
from pyresque.store.queues import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from pyresque.job.plugin import Inner, PluginJob

#: Seconds after which a lock expires.
TIMEOUT: Final = 3600


class WorkersLock(Plugin):
    """resque-workers-lock: jobs that share a lock are performed one at a time.

    ``lock_workers``: a function of the arguments that returns a name, a list of names, or None for no lock. ``timeout``: seconds after
    which a lock expires, or a function of the arguments. ``requeue_delay``: seconds after which a job that found a lock held is
    enqueued again. ``ruby``: whose inspect spells the arguments, "3.3" or "3.4".

    >>> resque.declare("GridJob", queue="work", plugins=[WorkersLock(lock_workers=lambda region, *rest: region)])
    """

    gem = "resque-workers-lock"

    def __init__(
        self,
        *,
        lock_workers: Callable[..., str | Iterable[str] | None] | None = None,
        timeout: timedelta | float | Callable[..., float] = TIMEOUT,
        requeue_delay: timedelta | float = 1,
        ruby: Literal["3.3", "3.4"] = "3.3",
    ) -> None:
        """Raises JobOptionError."""
        self.lock_workers = function("lock_workers", lock_workers)
        self.timeout: Any = timeout if callable(timeout) else seconds("timeout", timeout)
        self.requeue_delay = seconds("requeue_delay", requeue_delay) or 0
        self.ruby = ruby_version(ruby)

    async def keys(self, job: PluginJob) -> list[bytes]:
        """Return the keys of a job's locks. Raises PluginKeyError."""
        names: Any = f"{job.name}-{spelling(job.args, self.ruby)}"
        if self.lock_workers is not None:
            names = await Call(partial(self.lock_workers, *job.args), offload=True)
        if names is None:
            return []
        listed = (
            list(names) if isinstance(names, Iterable) and not isinstance(names, str) else [names]
        )
        if not all(isinstance(name, str) for name in listed):
            raise PluginKeyError(
                f"the function lock_workers= returned {names!r}: it must return names of locks"
            )
        return [to_bytes(job.context.keys.workers_lock(name)) for name in listed]

    async def before_perform_workers_lock(self, job: PluginJob) -> None:
        """Take the locks; if one is held, enqueue the job again for later, and leave it undone."""
        keys, timeout = await self.keys(job), self.timeout
        if not keys:
            return
        if callable(timeout):
            found = await Call(partial(timeout, *job.args), offload=True)
            timeout = seconds("timeout", found) or 0
        job.state[self] = await take_all(keys, timeout)
        if not job.state[self]:
            queue = job.entry.queue or job.queue
            wait, delayed = self.requeue_delay, job.context.delayed
            await delayed.enqueue_in_with_queue(queue, wait, job.name, *job.payload_args)
            raise DontPerform

    async def around_perform_workers_lock(self, job: PluginJob, inner: Inner) -> tuple[bool, Any]:
        """Release the locks after the job, however it ends."""
        return await and_then(inner(), partial(self._release, job))

    async def on_failure_workers_lock(self, job: PluginJob, error: BaseException) -> None:
        """Release the locks: a later before_perform hook raised."""
        if job.state.get(self):
            await self._release(job)

    async def lost(self, job: PluginJob, error: BaseException) -> None:
        """Release the locks of a job whose process died. No failure hook of the class can prevent that."""
        await self._release(job)

    async def always_workers_lock(self, job: PluginJob) -> None:
        """Release the locks where another hook left the job undone. Ruby leaves them."""
        if job.state.get(self):
            await self._release(job)

    async def returned(self, job: PluginJob) -> None:
        """Release the locks of a job that is redelivered. One that was not begun holds none."""
        if job.since:
            await self._release(job)

    async def _release(self, job: PluginJob) -> None:
        job.state[self] = False
        keys = await self.keys(job)
        if keys:
            await release(keys)
