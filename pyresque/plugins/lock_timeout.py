"""resque-lock-timeout: one job of equal arguments is performed at a time (``extend Resque::Plugins::LockTimeout``).

Keys: ``lock:<class>:<arguments joined by ->`` while the job is performed, and with ``loner`` ``loner:lock:<class>:<arguments>`` while it
is queued. Each holds ``true``, or with a timeout the time at which it is void, in seconds since 1970; it has no time to live.

Moments: the running lock is taken around perform; if it is held, the job is done without a word. Then the loner lock is deleted
either way. After the job the running lock is deleted, unless its time was over: it may be another job's then. A lock of a job whose
process died is deleted by the worker that notes it, or by whoever prunes. The loner lock is taken by a before_enqueue hook, so also when
the scheduler moves a delayed job; a running lock refuses the job, too.

Where Ruby leaves a loner lock for ever, this plugin deletes it: after dequeue, where another hook refuses the job, where the process
died before it took the running lock, and where Ruby enqueued with symbols.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from pyresque.job.plugin import Plugin, and_then
from pyresque.ops import Call
from pyresque.plugins.options import flag, function, key_text, ruby_version, seconds
from pyresque.plugins.spellings import joined, joinings
from pyresque.store.locks import held, release, take, take_until, write
from pyresque.store.queues import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from pyresque.job.plugin import Inner, PluginJob


class LockTimeout(Plugin):
    """resque-lock-timeout: one job of equal arguments is performed at a time.

    ``timeout``: seconds after which a lock is void, or a function of the arguments; 0 and below: never. ``loner``: an equal job is not
    enqueued while one is queued or performed. ``identifier``: a function of the arguments that returns the key's last part, or None to
    leave it out; ``lock_key``: one that returns the whole key. ``on_lock_failed``, ``on_loner_refused`` and ``on_expired`` are functions of
    the arguments. ``ruby``: whose inspect spells hashes, "3.3" or "3.4".

    >>> resque.declare("SyncJob", queue="work", plugins=[LockTimeout(timeout=120, loner=True)])
    """

    gem = "resque-lock-timeout"

    def __init__(
        self,
        *,
        timeout: timedelta | float | Callable[..., float] = 0,
        loner: bool = False,
        identifier: Callable[..., str | None] | None = None,
        lock_key: Callable[..., str] | None = None,
        on_lock_failed: Callable[..., object] | None = None,
        on_loner_refused: Callable[..., object] | None = None,
        on_expired: Callable[..., object] | None = None,
        ruby: Literal["3.3", "3.4"] = "3.3",
    ) -> None:
        """Raises JobOptionError."""
        self.timeout: Any = timeout if callable(timeout) else seconds("timeout", timeout)
        self.loner = flag("loner", loner)
        self.identifier = function("identifier", identifier)
        self.lock_key = function("lock_key", lock_key)
        self.on_lock_failed = function("on_lock_failed", on_lock_failed)
        self.on_loner_refused = function("on_loner_refused", on_loner_refused)
        self.on_expired = function("on_expired", on_expired)
        self.ruby = ruby_version(ruby)

    # -- keys

    def key(self, job: PluginJob) -> bytes:
        """Return the key of the running lock. Raises PluginKeyError."""
        return self._keys(job)[0]

    def loner_key(self, job: PluginJob) -> bytes:
        """Return the key of the loner lock. Raises PluginKeyError."""
        return self._loner(job, self._names(job)[0])

    def _keys(self, job: PluginJob) -> list[bytes]:
        return [to_bytes(job.context.keys.of(name)) for name in self._names(job)]

    def _loner_keys(self, job: PluginJob) -> list[bytes]:
        return [self._loner(job, name) for name in self._names(job)]

    @staticmethod
    def _loner(job: PluginJob, name: str) -> bytes:
        return to_bytes(job.context.keys.lock_timeout_loner(name))

    def _names(self, job: PluginJob) -> list[str]:
        """Return the names that a lock of this job may have, the one that a new lock gets first."""
        if self.lock_key is not None:
            return [key_text("lock_key", self.lock_key, *job.args)]
        keys = job.context.keys
        if self.identifier is not None:
            made = key_text("identifier", self.identifier, *job.args, may_be_none=True)
            return [keys.lock_timeout(job.name, made)]
        own = joined(job.args, self.ruby)
        others = [text for text in joinings(job.args) if text != own]
        return [keys.lock_timeout(job.name, text) for text in (own, *others)]

    async def _seconds(self, args: Sequence[Any]) -> int:
        if not callable(self.timeout):
            return int(self.timeout or 0)
        found = await Call(partial(self.timeout, *args), offload=True)
        return seconds("timeout", found) or 0

    # -- taking

    async def _take(self, job: PluginJob, key: bytes) -> tuple[bool, int]:
        """Take a lock; return whether it was free, and when it is void (0: never)."""
        timeout = await self._seconds(job.args)
        if timeout <= 0:
            return await take(key), 0
        now = int(job.context.clock.time())
        return await take_until(key, now, now + timeout), now + timeout

    async def refresh(self, resque: Any, target: Any, /, *args: Any) -> None:
        """Lengthen the running lock from inside the job: ``resque.run(lock.refresh(resque, "SyncJob", *args))``.

        As in Ruby the end that is looked at when the lock is released stays the first one.
        """
        registry = resque.core.registry
        job = registry.bound_to_job(registry.describe(target), None, args).plugin_job
        timeout = await self._seconds(job.args)
        if timeout > 0:
            await write(self.key(job), int(job.context.clock.time()) + timeout)

    # -- hooks

    async def before_enqueue_lock(self, job: PluginJob) -> bool:
        """Take the loner lock; False, and the job is not enqueued, where an equal one is queued or performed."""
        if not self.loner:
            return True
        timeout, now = await self._seconds(job.args), int(job.context.clock.time())
        running = await held(self.key(job), now if timeout > 0 else None)
        job.state[self] = not running and (await self._take(job, self.loner_key(job)))[0]
        if not job.state[self] and self.on_loner_refused is not None:
            await Call(partial(self.on_loner_refused, *job.args), offload=True)
        return bool(job.state[self])

    async def around_perform_lock(self, job: PluginJob, inner: Inner) -> tuple[bool, Any]:
        """Perform the job with the running lock, or leave it undone."""
        taken, void_at = await self._take(job, self.key(job))
        if self.loner:
            await release(self._loner_keys(job))
            job.state[self] = True
        if taken:
            return await and_then(inner(), partial(self._release, job, void_at))
        if self.on_lock_failed is not None:
            await Call(partial(self.on_lock_failed, *job.args), offload=True)
        return False, None

    async def _release(self, job: PluginJob, void_at: int) -> None:
        if void_at and void_at < int(job.context.clock.time()):
            if self.on_expired is not None:
                await Call(partial(self.on_expired, *job.args), offload=True)
            return
        await release([self.key(job)])

    async def always_lock(self, job: PluginJob) -> None:
        """Delete the loner lock where a before_perform hook ended the job. Ruby leaves it."""
        if self.loner and not job.state.get(self):
            await release(self._loner_keys(job))

    # -- moments

    async def refused(self, job: PluginJob) -> None:
        """Delete the loner lock that this call took: another hook kept the job out. Ruby leaves it."""
        if job.state.get(self):
            await release([self.loner_key(job)])

    async def dequeued(self, job: PluginJob) -> None:
        """Delete the loner lock of a job that is removed from its queue. Ruby leaves it."""
        if self.loner:
            await release(self._loner_keys(job))

    async def returned(self, job: PluginJob) -> None:
        """Delete the running lock of a job that is redelivered: it would refuse the job. One that was not begun holds none."""
        if job.since:
            await release(self._keys(job))

    async def lost(self, job: PluginJob, error: BaseException) -> None:
        """Delete the locks of a job whose process died, maybe before it took the running lock. No failure hook of the class can prevent that."""
        await release([*self._keys(job), *(self._loner_keys(job) if self.loner else ())])
