"""Unregister workers that are dead: by their heartbeats, and by the processes of this host (Ruby: ``Worker#prune_dead_workers``)."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from pyresque.clock import local
from pyresque.errors import DecodeError, WorkerIdError
from pyresque.failure.dead_workers import unregister_dead
from pyresque.failure.interrupted import finish_prunings
from pyresque.job.worker_registry import WorkerId
from pyresque.ruby import time as ruby_time
from pyresque.store.workers import START
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from pyresque.core import Core
    from pyresque.process.worker.queue_list import QueueList

log = logging.getLogger("pyresque")


class Pruner:
    """Unregisters dead workers on behalf of a living one, ``me``."""

    def __init__(
        self,
        core: Core,
        me: WorkerId,
        queue_list: QueueList,
        worker_pids: Callable[[], frozenset[int] | None],
    ) -> None:
        self.core = core
        self.me = me
        self.queue_list = queue_list
        self.worker_pids = worker_pids
        self.wrong_key_log = WrongKeyLog()

    async def prune(self) -> list[str] | None:
        """Prune, and return the ids that were; None if another worker has pruned within the heartbeat interval.

        Ruby prunes any worker whose last heartbeat is older than the prune interval; and on this host a worker of the
        same queues (or any, if we take ``*``) whose process is gone.
        """
        if not await self.acquire():
            return None
        pruned: list[str] = []
        search = self.search()
        while (dead := await search.more()) is not None:
            pruned += await self.unregister(dead)
        if self.core.registry.with_plugins:
            await finish_prunings(self.core.lost_jobs, self.core.settings.prune_interval)
        return pruned

    async def acquire(self) -> bool:
        """Take the lock of the one worker that prunes, for a heartbeat interval; False if another has it."""
        seconds = max(1, int(self.core.settings.heartbeat_interval))
        return await self.core.worker_registry.table.acquire_pruning(str(self.me), seconds)

    def search(self) -> DeadWorkers:
        """A search for the workers to prune."""
        return DeadWorkers(
            self.core, self.me, self.queue_list, self.worker_pids, self.wrong_key_log
        )

    async def unregister(self, dead: Mapping[str, str | None]) -> list[str]:
        """Unregister these, each if its heartbeat is still the one that the search saw; the ids of those that were."""
        return await unregister_dead(self.core.lost_jobs, dead, self.wrong_key_log)


class DeadWorkers:
    """Finds dead workers as Ruby's ``Worker#prune_dead_workers`` does, page by page: by heartbeats first, then by processes."""

    def __init__(
        self,
        core: Core,
        me: WorkerId,
        queue_list: QueueList,
        worker_pids: Callable[[], frozenset[int] | None],
        wrong_key_log: WrongKeyLog,
    ) -> None:
        self.core = core
        self.me = me
        self.queue_list = queue_list
        self.worker_pids = worker_pids
        self.wrong_key_log = wrong_key_log
        self.seen = 0
        self._beats: bytes | None = START
        self._ids: bytes | None = START
        self._alive: frozenset[int] | None = frozenset()
        self._now: datetime | None = None

    async def total(self) -> int:
        """How many heartbeats and workers there are to go through."""
        return sum(
            self.wrong_key_log.replies_or(await self.core.worker_registry.table.counting(), 0)
        )

    async def more(self) -> dict[str, str | None] | None:
        """The dead of the next page: id and expired heartbeat (None: its process is gone). None when all were seen."""
        if self._beats is not None:
            return {**await self.expired(self._beats)}
        if self._ids is not None:
            return dict.fromkeys(await self._without_process(self._ids))
        return None

    async def _time(self) -> datetime:
        """The server's time when the search began, by which all heartbeats are judged, however long the search takes.

        By a later time a living worker's heartbeat, read at the beginning, might be too old. And a heartbeat that was not too old for
        ``expired`` might be so for ``_without_process``, which would leave its worker to ``expired``.
        """
        if self._now is None:
            self._now = await self.core.worker_registry.table.server_time()
        return self._now

    async def expired(self, cursor: bytes) -> dict[str, str]:
        """Workers whose last heartbeat is too old, with its text. A worker whose heartbeat is not a date is left alone."""
        table = self.core.worker_registry.table
        after, beats = await self.wrong_key_log.value_or(table.heartbeats_from(cursor), (START, {}))
        self._beats = None if after == START else after
        self.seen += len(beats)
        now = await self._time()
        expired: dict[str, str] = {}
        for worker_id, text in beats.items():
            try:
                if self._too_old(text, now):
                    expired[worker_id] = text
            except DecodeError as error:
                log.warning(
                    "heartbeat of %s cannot be read, so it is not judged: %s", worker_id, error
                )
        return expired

    async def _without_process(self, cursor: bytes) -> list[str]:
        """Workers of this host whose process is gone, but for those whose heartbeat has expired, as in Ruby."""
        table = self.core.worker_registry.table
        after, ids = await self.wrong_key_log.value_or(table.ids_from(cursor), (START, []))
        self._ids = None if after == START else after
        self.seen += len(ids)
        gone = self._gone([worker_id for worker_id in ids if self._is_ours(worker_id)])
        if not gone:
            return []
        none: list[str | None] = [None] * len(gone)
        beats = await self.wrong_key_log.value_or(table.heartbeats_of(gone), none)
        now = await self._time()
        return [one for one, beat in zip(gone, beats, strict=True) if not self._expired(beat, now)]

    def _gone(self, ids: list[str]) -> list[str]:
        """The ids that have no process. Processes are listed after the ids were read: a worker that registers in between is alive."""
        for afresh in (False, True):
            if afresh and ids:
                self._alive = self.worker_pids()
            alive = self._alive
            if alive is None:
                return []
            ids = [one for one in ids if WorkerId.parse(one).pid not in alive]
        return ids

    def _is_ours(self, worker_id: str) -> bool:
        try:
            other = WorkerId.parse(worker_id)
        except WorkerIdError:
            log.warning("%r in the set of workers is no worker id; it is left alone", worker_id)
            return False
        # Ruby compares what stands between the second colon and the next one.
        queues = {queue for queue in ",".join(other.queues).split(":")[0].split(",") if queue}
        ours = self.queue_list.takes_all or queues == set(self.queue_list.patterns)
        return ours and other.machine == self.me.machine

    def _expired(self, heartbeat: str | None, now: datetime) -> bool:
        try:
            return heartbeat is not None and self._too_old(heartbeat, now)
        except DecodeError:
            return False

    def _too_old(self, heartbeat: str, now: datetime) -> bool:
        age = now - ruby_time.parse_time(heartbeat, local(self.core.clock).tzinfo)
        limit = timedelta(seconds=self.core.settings.prune_interval)
        return timedelta(seconds=int(age.total_seconds())) > limit
