"""Tells in Redis what this worker is, and looks whether it is asked to quit: with each heartbeat, for all workers of the process."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pyresque import __version__
from pyresque.errors import RedisCommandError, RedisUnavailable
from pyresque.lightweight import rather_sooner
from pyresque.store.worker_notes import WorkerNotes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyresque.core import Core
    from pyresque.process.worker.liveness import Heartbeat

log = logging.getLogger("pyresque")

#: Seconds until the next look while no worker of the process is registered yet.
SOON = 1.0


class RemoteControl:
    """One process's note in Redis, and its ear for the wish that it quits.

    ``quit_process`` ends all workers of the process after their jobs, as the signal QUIT does.
    """

    def __init__(
        self,
        core: Core,
        heartbeats: Sequence[Heartbeat],
        python: str,
        quit_process: Callable[[], None],
    ) -> None:
        self.core = core
        self.heartbeats = heartbeats
        self.quit_process = quit_process
        self.note: dict[str, object] = {
            "version": __version__,
            "python": python,
            "executor": core.settings.executor,
            "together": len(heartbeats),
        }
        self.notes = WorkerNotes(core.keys)
        # With the first heartbeat: a thread that looked at once would keep a connection of its own from the start.
        self._due = core.clock.monotonic() + rather_sooner(core.settings.heartbeat_interval)
        self._quitting = self._ended = False

    def due_in(self) -> float:
        """Return the seconds until the next look."""
        return max(0.0, self._due - self.core.clock.monotonic())

    async def look_if_due(self) -> None:
        """Write the note and look for the wish, if it is time. A Redis that is away or refuses is asked again later."""
        if self.due_in() > 0:
            return
        ids = [one.worker_id for one in self.heartbeats if one.registered]
        wait = rather_sooner(self.core.settings.heartbeat_interval) if ids else SOON
        self._due = self.core.clock.monotonic() + wait
        if not ids:
            return
        try:
            wished = await self.notes.tell(ids, self.note)
        except (RedisUnavailable, RedisCommandError) as error:
            log.debug("the note of %s is not written this time: %s", ids[0], error)
            return
        if self._ended:
            await self.end()
        if wished and not self._quitting:
            self._quitting = True
            log.info("asked to quit, by a key in Redis")
            self.quit_process()

    async def end(self) -> None:
        """Delete the note, as these workers end; it expires where Redis is away."""
        self._ended = True
        try:
            await self.notes.forget([one.worker_id for one in self.heartbeats])
        except (RedisUnavailable, RedisCommandError) as error:
            log.debug("a note stays until it expires: %s", error)
