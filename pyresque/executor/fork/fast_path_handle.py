"""The worker's end of the fast path: decides when one begins, watches it, and calls it back."""

from __future__ import annotations

import contextlib
import marshal
import os
import select
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from pyresque.errors import ConnectError, PyresqueError, RedisUnavailable
from pyresque.executor.fast_path import CurrentRecord, FastPathEnd
from pyresque.executor.fork.child_handle import ChildHandle, drain
from pyresque.executor.fork.fast_path_process import ENDED, WORKING
from pyresque.executor.fork.server_handle import status_without_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.executor.fast_path import FastPathSetup
    from pyresque.executor.fork.server_handle import ServerHandle
    from pyresque.executor.fork.shared_page import SharedPage
    from pyresque.ops import Op

#: Seconds up to which a job is a short one. A longer one ends the fast path: the worker watches it.
SHORT = 0.1

#: Seconds between two looks at the fast path; until a call-back is sent again that had no effect.
LOOK, RETRY = 1.0, 0.02

#: Seconds that the last turn may take once the worker is to stop.
LAST_TURN = 2.0

#: A run of fewer turns did not pay: the next one begins after twice as many short jobs, up to this many.
FEW, MOST = 4, 64

#: How a run ended whose fork server died (beside the kinds of ``fast_path_process.py``).
LOST = "lost"


class LentConnection(Protocol):
    """A connection to Redis that the worker lends to the fork server."""

    where: str

    def fileno(self) -> int:
        """Return the socket's file descriptor."""

    def stale(self) -> bool:
        """Whether Redis has closed the connection."""

    def go_on(self, heard: bytes) -> object:
        """Read the rest of a reply that begins with these bytes, which the fork server has read."""

    def settle(self) -> None:
        """Wait until Redis has carried out whatever was sent here."""

    def break_off(self, seconds: float) -> None:
        """End what the fork server has awaited for so long on the connection."""

    def close(self) -> None:
        """Close the connection."""


class FastPathHandle:
    """Starts and watches runs of the fast path for one worker. ``connect``: as ForkExecutor's."""

    def __init__(
        self,
        server: ServerHandle,
        page: SharedPage,
        wakeup: int,
        connect: Callable[[], LentConnection | None],
    ) -> None:
        self._server = server
        self._page = page
        self._wakeup = wakeup
        self._connect = connect
        self._connection: LentConnection | None = None
        self._short_jobs = 0
        self._wanted_jobs = 1
        #: Whether a run is under way, or its last child has not been taken over yet.
        self.running = False
        self._turn_ends_at = 0.0

    def due(self) -> bool:
        """Whether enough short jobs in a row were performed by the worker."""
        return self._short_jobs >= self._wanted_jobs

    def note_job(self, seconds: float) -> None:
        """Count a job that the worker performed, which took that long."""
        self._short_jobs = self._short_jobs + 1 if seconds < SHORT else 0

    def note_idle(self) -> None:
        """Count anew: no job follows."""
        self._short_jobs = 0

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def complete_reply(self, beginning: bytes) -> object:
        """The reply that begins with these bytes, or the error in its place."""
        assert self._connection is not None  # noqa: S101 - it was lent
        try:
            return self._connection.go_on(beginning)
        except PyresqueError as error:
            if isinstance(error, RedisUnavailable):
                self.close()
            return error

    def broken(self, why: str) -> RedisUnavailable:
        """Close a connection that broke in the fork server; returns the error."""
        if self._turn_ends_at:
            why = f"no reply within {LAST_TURN:g} s, and this process is to end"
        where = "" if self._connection is None else f" at {self._connection.where}"
        self.close()
        return RedisUnavailable(f"Redis{where}: {why}")

    def connection(self) -> LentConnection | None:
        """Return the connection; open one if there is none, a child spoiled it, or Redis has closed it. None if none can be lent."""
        if self._connection is not None and (self._page.borrowed or self._connection.stale()):
            self.close()
        if self._connection is None:
            with contextlib.suppress(RedisUnavailable, ConnectError):
                self._connection = self._connect()
        return self._connection

    async def run(
        self,
        slot: int,
        setup: FastPathSetup,
        current: CurrentRecord,
        upkeep: Callable[[], Op[float]],
        show_child: Callable[[int], None],
    ) -> FastPathEnd | None:
        """Let the fork server perform the current job and those that follow it, until it ends that or is called back.

        None if that is not possible; then nothing has happened. ``show_child`` is called about once a second with the pid of
        the current child. Any signal to the worker calls the fork server back.
        """
        connection = self.connection()
        if connection is None:
            self._wait_longer()
            return None
        error_pipe, child_errors = os.pipe()
        self._page.start_fast_path(slot)
        try:
            body = marshal.dumps(((slot, *setup), tuple(current)))
            pipe = error_pipe, child_errors
            self._server.start_fast_path(body, connection.fileno(), pipe)
        except OSError:
            os.close(error_pipe)
            self._wait_longer()
            return None
        finally:
            os.close(child_errors)
        self.running = True
        end = await self._watch(upkeep, show_child, current, error_pipe)
        if end.turns < FEW:
            self._wait_longer()
        else:
            self._short_jobs, self._wanted_jobs = 0, 1
        return end

    def _wait_longer(self) -> None:
        """The last run did not pay: let twice as many short jobs go by before the next one."""
        self._short_jobs, self._wanted_jobs = 0, min(2 * self._wanted_jobs, MOST)

    def child(self, end: FastPathEnd, slot: int) -> ChildHandle | None:
        """The child of the job that the fast path left unfinished; it may have exited. None if there is no such job."""
        exit_status: Callable[[int], int | None]
        if end.kind == WORKING:
            (pid, _), exit_status = end.detail, self._server.exit_status_reader()
        elif end.kind == ENDED:
            pid, status = end.detail
            exit_status = partial(_known_status, status)
        elif end.kind == LOST and end.detail:
            pid, exit_status = end.detail, status_without_server
        else:
            os.close(end.error_pipe)
            return None
        child = ChildHandle(pid, (None, end.error_pipe), self._page, slot, exit_status)
        child.jobs_sent = 1
        return child

    async def _watch(
        self,
        upkeep: Callable[[], Op[float]],
        show_child: Callable[[int], None],
        current: CurrentRecord,
        error_pipe: int,
    ) -> FastPathEnd:
        """Wait for the end of a run; meanwhile run upkeep, show the child, and call back after a signal or a long job."""
        page, server, turns = self._page, self._server, -1
        failure: BaseException | None = None
        poll = select.poll()
        poll.register(self._wakeup, select.POLLIN)
        poll.register(server.fileno(), select.POLLIN)
        while True:
            try:
                seconds = LOOK if failure is not None else min(await upkeep(), LOOK)
                if page.called_back:
                    self._call_back()
                    seconds = min(seconds, RETRY)
                ready = [fd for fd, _ in poll.poll(max(0.0, seconds) * 1000)]
                if self._wakeup in ready:
                    drain(self._wakeup)
                    page.call_back()
                if server.fileno() in ready:
                    break
                if not ready and not page.called_back:
                    turns = self._look(turns, show_child)
            except GeneratorExit:
                page.call_back()
                server.call_back()
                raise
            except BaseException as error:  # noqa: BLE001 - the worker's own; first it must know what the fast path leaves
                failure = failure or error
                page.call_back()
        try:
            kind, detail, queue_index, raw, record, *rest = server.fast_path_result()
        except OSError:
            return self._lost(current, error_pipe, failure)
        left = CurrentRecord(queue_index, raw, record)
        taken, second, unwritten = rest
        return FastPathEnd(
            kind, detail, left, taken, second, error_pipe, failure, unwritten=unwritten
        )

    def _call_back(self) -> None:
        """Signal the fork server, but not in a turn, after which it looks by itself: each signal would begin its wait for Redis anew.

        Once the worker is to stop, a turn ends after LAST_TURN seconds: Redis hangs.
        """
        page, now = self._page, monotonic()
        if not page.in_turn:
            self._server.call_back()
        elif page.stopping and self._connection is not None:
            self._turn_ends_at = self._turn_ends_at or now + LAST_TURN
            if now >= self._turn_ends_at:
                self._connection.break_off(LAST_TURN)

    def _look(self, turns: int, show_child: Callable[[int], None]) -> int:
        """Show the current child; call back if the job is the one of the last look. Returns the turns so far."""
        now, child, _ = self._page.fast_path_state()
        if now == turns:
            self._page.call_back()
        if child:
            show_child(child)
        return now

    def _lost(
        self, current: CurrentRecord, error_pipe: int, failure: BaseException | None
    ) -> FastPathEnd:
        """The end of a run whose fork server died. Redis carries out its last command before anybody reads ``worker:<id>``."""
        turns, child, in_turn = self._page.fast_path_state()
        if self._connection is not None and in_turn:  # else its child may use the connection
            with contextlib.suppress(RedisUnavailable):
                self._connection.settle()
        self.close()
        return FastPathEnd(LOST, child, current, turns, 0, error_pipe, failure, in_turn)


def _known_status(status: int, pid: int) -> int:  # noqa: ARG001 - as a reader of exit statuses
    return status
