"""The verbs that remove jobs from queues, each an operation: dequeue, destroy, remove_queue."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from pyresque.errors import RedisCommandError, RedisUnavailable
from pyresque.job import hooks
from pyresque.job.job import Codec, Job, read_job, same_value
from pyresque.job.plugin import moment
from pyresque.job.registry import Registry, validate
from pyresque.job.sending import wire_args
from pyresque.user_errors import text_of

if TYPE_CHECKING:
    from pyresque.job.job_class import JobClass
    from pyresque.job.registry import Target
    from pyresque.store.queues import QueueTable, RemovedQueue

log = logging.getLogger("pyresque")

#: Jobs in one page of a queue.
PAGE: Final = 500


class Dequeue:
    """Removes jobs from the queues of one application."""

    def __init__(self, table: QueueTable, codec: Codec, registry: Registry) -> None:
        self.table = table
        self.codec = codec
        self.registry = registry

    async def dequeue(self, job: Target, /, *args: Any, **kwargs: Any) -> int | None:
        """Remove a class's jobs from its own queue, those with these arguments or, without any, all; how many.

        None if a before_dequeue hook said no. Ruby does not distinguish "no arguments" from "any" either.

        >>> resque.dequeue("Archive", 36)
        1
        """
        entry = self.registry.describe(job)
        where = validate(entry, None)
        sent = wire_args(entry, args, kwargs)
        if entry.plugins:
            entry = self.registry.bound_to_job(entry, where, sent)
        if not await hooks.allowed(entry, entry.hooks.before_dequeue, *sent):
            return None
        destroyed = await self._destroy(where, entry, sent)
        await hooks.run(entry, entry.hooks.after_dequeue, *sent)
        return destroyed

    async def destroy(self, queue: str, job: Target, /, *args: Any, **kwargs: Any) -> int:
        """Remove a class's jobs from a queue, without hooks (Ruby: ``Job.destroy``); how many.

        A payload matches when its bytes do, as in Ruby, or its meaning: another encoder may have written it.
        """
        entry = self.registry.describe(job)
        return await self._destroy(queue, entry, wire_args(entry, args, kwargs))

    async def _destroy(self, queue: str, entry: JobClass, args: list[Any]) -> int:
        wanted = self.codec.decode(self.codec.encode(args)) if args else None
        if entry.plugins or (entry.carrier is not None and self.registry.with_plugins):
            await self._dequeued(queue, entry, wanted)
        return await self.table.remove_chosen(
            queue, lambda raw: self._matches(read_job(self.codec, queue, raw), entry, wanted)
        )

    async def _dequeued(self, queue: str, entry: JobClass, wanted: object) -> None:
        """Run the plugins' moment for each job that is about to be removed: a job without a mark does less harm than the reverse."""
        key, start = self.table.keys.queue(queue), 0
        while page := await self.table.slice(key, start, start + PAGE - 1):
            for raw in page:
                job = read_job(self.codec, queue, raw)
                bound = self.registry.with_plugins_of(job)
                if bound is not None and self._matches(job, entry, wanted):
                    await self._moment(bound)
            start += PAGE

    async def leaving(self, queue: str, raw: bytes) -> None:
        """Run the plugins' moment of a job that an operator removes from its queue, by its bytes."""
        entry = self.registry.with_plugins_of(read_job(self.codec, queue, raw))
        if entry is not None:
            await self._moment(entry)

    async def remove_queue(self, queue: str) -> RemovedQueue:
        """Delete a queue with all it holds.

        >>> resque.remove_queue("mailers")
        RemovedQueue(known=1, held=1)
        """
        if self.registry.with_plugins:
            await self._queue_removed(queue)
        return await self.table.remove(queue)

    async def _queue_removed(self, queue: str) -> None:
        """Run the plugins' moments: one for the queue, or one for each of its jobs."""
        for plugin in self.registry.plugins():
            await plugin.queue_removed(self.registry.plugin_context(), queue)
        key, start = self.table.keys.queue(queue), 0
        while page := await self.table.slice(key, start, start + PAGE - 1):
            for raw in page:
                entry = self.registry.with_plugins_of(read_job(self.codec, queue, raw))
                if entry is not None:
                    await self._moment(entry, unless="queue_removed")
            start += PAGE

    @staticmethod
    async def _moment(entry: JobClass, unless: str = "") -> None:
        """Run the moment of one job. A lock whose key cannot be named keeps neither this job nor others in the queue."""
        try:
            await moment(entry, "dequeued", unless=unless)
        except (GeneratorExit, RedisUnavailable, RedisCommandError):
            raise
        except Exception as error:  # noqa: BLE001 - a key function may raise anything
            log.warning(
                "a job of %s is removed, and its lock or mark stays: %s", entry.name, text_of(error)
            )

    @staticmethod
    def _matches(job: Job, entry: JobClass, wanted: object) -> bool:
        found = None if job.fault is not None else entry.args_of(job)
        return found is not None and (wanted is None or same_value(found[0], wanted))
