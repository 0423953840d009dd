"""resque-loner: a job is not queued while an equal one is (``include Resque::Plugins::UniqueJob``).

Key: ``loners:queue:<queue>:job:<MD5 of class and arguments>`` holds ``1`` while the job is queued; its time to live is ``ttl``.

Moments: the mark is set in the step that pushes the job, by enqueue, requeue, and the scheduler. The worker that takes the job
deletes it before anything of the job runs, or lets it expire after ``lock_after_execution``. It is deleted for each job that
``dequeue`` removes, and with its queue. A delayed job has no mark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.job.plugin import Plugin
from pyresque.lightweight import md5_hex
from pyresque.plugins.options import function, key_text, seconds
from pyresque.ruby.json import encode
from pyresque.store.marks import Mark, delete_marks, mark_again, unmark, unmark_lost
from pyresque.store.queues import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from pyresque.job.plugin import PluginJob
    from pyresque.job.plugin_context import PluginContext


class Unique(Plugin):
    """What resque-loner and resque_solo share: the second one began as a copy of the first."""

    refused_as_enqueued = False

    def __init__(
        self,
        *,
        ttl: timedelta | float | None = None,
        lock_after_execution: timedelta | float | None = None,
        redis_key: Callable[[PluginJob], str] | None = None,
    ) -> None:
        """Raises JobOptionError."""
        self.ttl = seconds("ttl", ttl)
        self.lock_after_execution = seconds("lock_after_execution", lock_after_execution) or None
        self.redis_key = function("redis_key", redis_key)

    def key(self, job: PluginJob) -> bytes:
        """Return the key of a job's mark. Raises PluginKeyError."""
        digest = (
            digest_of(job) if self.redis_key is None else key_text("redis_key", self.redis_key, job)
        )
        return to_bytes(self.key_of(job.context, job.queue, digest))

    def key_of(self, context: PluginContext, queue: str, digest: str) -> str:
        """Return the key of a digest."""
        raise NotImplementedError

    def mark(self, job: PluginJob) -> Mark | None:
        """Return the mark that keeps equal jobs out."""
        return Mark(self.key(job), self.ttl, self.refused_as_enqueued)

    async def taken(self, job: PluginJob) -> None:
        """Delete the mark, or let it expire."""
        await unmark(self.key(job), self.lock_after_execution)

    async def dequeued(self, job: PluginJob) -> None:
        """Delete the mark, or let it expire: Ruby's dequeue only shortens it, too."""
        await unmark(self.key(job), self.lock_after_execution)

    async def returned(self, job: PluginJob) -> None:
        """Set the mark again: the job is queued again."""
        await mark_again(Mark(self.key(job), self.ttl))

    async def lost(self, job: PluginJob, error: BaseException) -> None:
        """Delete the mark where the worker died before it did, and no equal job is queued."""
        if job.job is not None:
            queue = to_bytes(job.context.keys.queue(job.queue))
            await unmark_lost(self.key(job), self.lock_after_execution, queue, job.job.raw)

    async def queue_removed(self, context: PluginContext, queue: str) -> None:
        """Delete the marks of the queue. Ruby takes the queue's name for a pattern, so that ``w*`` loses the marks of others."""
        await delete_marks(self.key_of(context, queue, ""))


def digest_of(job: PluginJob) -> str:
    """Return the MD5 of class and arguments as JSON. A hash among the arguments becomes its sorted pairs first, as in Ruby."""
    args: list[Any] = [sorted(arg.items()) if isinstance(arg, dict) else arg for arg in job.args]
    text = encode({"class": job.name, "args": [_pairs(arg) for arg in args]})
    return md5_hex(text)


def _pairs(arg: Any) -> Any:
    return (
        [list(one) if isinstance(one, tuple) else one for one in arg]
        if isinstance(arg, list)
        else arg
    )


class Loner(Unique):
    """resque-loner's ``UniqueJob``. A job that is kept out counts as enqueued: True, and after_enqueue hooks run, as in Ruby.

    ``ttl``: seconds after which the mark expires, however long the job waits; None: never. ``lock_after_execution``: seconds, from the
    moment a worker takes the job, for which an equal one is kept out. ``redis_key``: a function of the PluginJob that returns what
    distinguishes jobs, in place of the digest (Ruby: the method ``redis_key``).

    >>> resque.declare("UniqueOne", queue="work", plugins=[Loner()])
    """

    gem = "resque-loner"
    refused_as_enqueued = True

    def key_of(self, context: PluginContext, queue: str, digest: str) -> str:
        """Return the key of a digest."""
        return context.keys.loner(queue, digest)
