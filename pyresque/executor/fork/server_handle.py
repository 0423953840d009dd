"""The worker's end of the fork server: requests children, learns how they exited, and starts another server if one dies."""

from __future__ import annotations

import contextlib
import logging
import marshal
import os
import signal
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque.executor.fork.child_handle import ChildHandle
from pyresque.executor.fork.fast_path_child import CALL_BACK
from pyresque.executor.fork.server_process import (
    ALIVE,
    DESCRIPTORS,
    END,
    EXITED,
    FAST_PATH,
    FAST_PATH_ENDED,
    FORK,
    FORKED,
    LENT,
    MESSAGE,
    PREPARE,
    RELEASE,
    STATUS,
    WARMED,
    limit_reads,
    start,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.executor.fork.child_process import ChildOptions, PerformJob
    from pyresque.executor.fork.early_server import EarlyServer
    from pyresque.executor.fork.shared_page import SharedPage
    from pyresque.executor.fork.warm_up import WarmUps

log = logging.getLogger("pyresque")

#: Seconds in which the server must answer; a fork of a very great process takes a good part of one.
ANSWER = 30.0

#: The exit status of a child that nobody could wait for.
UNKNOWN = 0


class ServerHandle:
    """One fork server at a time. ``close_inherited`` closes, in the server, what the worker holds open."""

    def __init__(
        self,
        job_call: PerformJob,
        options: ChildOptions,
        page: SharedPage,
        close_inherited: Callable[[], None],
        early_server: EarlyServer | None = None,
        warm_ups: WarmUps | None = None,
    ) -> None:
        self._warm_ups = warm_ups
        self._warmed = b""  # what the server tells of them
        self._job_call = job_call
        self._options = options
        self._page = page
        self._close_inherited = close_inherited
        self._control: socket.socket | None = None
        #: The server's, 0 if there is none.
        self.pid = 0
        self._prepared = ""  # what children had to import, for the next server
        if early_server is not None:
            self._take_over(early_server.control, early_server.pid)
        self._requested: tuple[int, int, int] | None = (
            None  # the worker's ends of two pipes, and the slot
        )
        self._forked: tuple[int, int] | None = None  # the pid, or -1 and the number of the error
        self._fast_path_result: tuple[Any, ...] | None = None
        self._statuses: dict[int, int | None] = {}
        self._released: list[int] = []  # pids that the server does not know to be released

    @property
    def child_requested(self) -> bool:
        """Whether a child was requested and not received yet."""
        return self._requested is not None

    def request_child(self) -> None:
        """Have a child forked; ``receive_child`` returns it. Raises OSError."""
        if self._control is None:
            self._start()
        child_jobs, job_pipe = os.pipe()
        result_pipe, child_results = os.pipe()
        slot = self._page.new_slot()
        self._page.set_waiting(slot)
        try:
            assert self._control is not None  # noqa: S101 - it was started
            # All in one message: each message wakes the server.
            messages = [MESSAGE.pack(FORK, slot, 0), *self._release_messages()]
            descriptors = DESCRIPTORS.pack(child_jobs, child_results)
            self._control.sendmsg(messages, [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
        except OSError:
            os.close(job_pipe)
            os.close(result_pipe)
            self._abandon()
            raise
        finally:
            os.close(child_jobs)
            os.close(child_results)
        os.set_blocking(job_pipe, False)
        self._requested = (job_pipe, result_pipe, slot)

    def receive_child(self) -> ChildHandle:
        """The child that was requested. Raises OSError if it could not be forked, or the server died."""
        assert self._requested is not None  # noqa: S101 - the caller requested it
        job_pipe, result_pipe, slot = self._requested
        self._requested = None
        try:
            while self._forked is None:
                self._receive()
        except OSError:
            os.close(job_pipe)
            os.close(result_pipe)
            raise
        (pid, number), self._forked = self._forked, None
        if pid < 0:
            os.close(job_pipe)
            os.close(result_pipe)
            raise OSError(number, os.strerror(number))
        pipes = job_pipe, result_pipe
        return ChildHandle(pid, pipes, self._page, slot, self.exit_status_reader())

    def start_fast_path(self, body: bytes, connection: int, pipe: tuple[int, int]) -> None:
        """Start a run of the fast path; ``fast_path_result`` returns how it ended. Raises OSError."""
        if self._control is None:
            self._start()
        self.flush_released()
        control = self._control
        if control is None:
            raise ConnectionResetError("the fork server has ended")
        descriptors = LENT.pack(connection, *pipe)
        try:
            control.sendmsg(
                [MESSAGE.pack(FAST_PATH, len(body), 0)],
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)],
            )
            control.sendall(body)
        except OSError:
            self._abandon()
            raise

    def call_back(self) -> None:
        """Signal the server to end the fast path as soon as possible."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, CALL_BACK)

    def fast_path_result(self) -> tuple[Any, ...]:
        """Kind, detail, queue index, payload, record, turns, second, what is unwritten. Raises OSError if the server died."""
        while self._fast_path_result is None:
            self._receive()
        result, self._fast_path_result = self._fast_path_result, None
        return result

    def fileno(self) -> int:
        """The descriptor that is readable when the server has sent something, or is gone."""
        return -1 if self._control is None else self._control.fileno()

    def exit_status_reader(self) -> Callable[[int], int | None]:
        """A function that returns the exit status of a child of the present server, None while it lives; also after that server."""
        return partial(self._exit_status, self.pid)

    def _exit_status(self, server: int, pid: int) -> int | None:
        if server != self.pid:
            return status_without_server(pid)  # another server does not know that child
        try:
            self._send(MESSAGE.pack(STATUS, pid, 0))
            while pid not in self._statuses:
                self._receive()
            return self._statuses.pop(pid)
        except OSError:
            return status_without_server(pid)

    def release(self, child: ChildHandle) -> None:
        """Close a child's pipes and have the server reap it; the pid is sent with the next request, or by ``flush_released``."""
        child.close()
        self._released.append(child.pid)

    def prepare(self, lines: str) -> None:
        """Have the server prepare for its next children (``cheap_fork.prepare``); those that it has forked know nothing of that."""
        self._release_requested()
        if self._control is not None:
            self._prepared += f"\n{lines}"
            with contextlib.suppress(OSError):
                self._send_lines(lines)

    def flush_released(self) -> None:
        """Send the server the pids of released children."""
        if self._control is not None and self._released:
            with contextlib.suppress(OSError):
                self._send(b"".join(self._release_messages()))
        self._released.clear()

    def close(self) -> None:
        """Let every child exit, and the server too."""
        self._release_requested()
        if self._control is None:
            return
        with contextlib.suppress(OSError):
            self.flush_released()
            self._send(MESSAGE.pack(END, 0, 0))
            while self._control is not None:
                self._receive()
        self._abandon()

    def _release_requested(self) -> None:
        if self._requested is not None:
            with contextlib.suppress(OSError):
                self.release(self.receive_child())

    # -- the process

    def _start(self) -> None:
        started = start(
            *(self._job_call, self._options, self._page, self._close_inherited, self._warm_ups)
        )
        self._take_over(*started)
        if not self.await_warm_ups():
            self._start()
        elif self._prepared:
            self._send_lines(self._prepared)

    def _take_over(self, control: socket.socket, pid: int) -> None:
        limit_reads(control, ANSWER)
        self._control, self.pid = control, pid

    def await_warm_ups(self) -> bool:
        """Wait until the server has called the functions of ``@resque.warm_up``, and log what it tells of them.

        False if it does not come back from them: then it is ended, and the next one calls none.
        """
        if self._control is None or self._warm_ups is None or not self._warm_ups.any:
            return True
        try:
            while self._receive() != WARMED:
                continue
        except OSError:
            self._warm_ups = None
            log.warning(
                "the functions of @resque.warm_up have ended the fork server, or hold it up for longer than %d s: "
                "the next one calls none of them",
                ANSWER,
            )
            return False
        for line in self._warmed.decode("utf-8", "replace").splitlines():
            log.warning("%s", line)
        return True

    def _abandon(self) -> None:
        """Kill the server, if it still lives; the next request starts another one."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
            self.pid = 0
            self._released.clear()

    # -- messages

    def _release_messages(self) -> list[bytes]:
        messages = [MESSAGE.pack(RELEASE, pid, 0) for pid in self._released]
        self._released.clear()
        return messages

    def _send_lines(self, lines: str) -> None:
        body = lines.encode("utf-8", "replace")
        self._send(MESSAGE.pack(PREPARE, len(body), 0) + body)

    def _send(self, messages: bytes) -> None:
        if self._control is None:
            raise ConnectionResetError("there is no fork server")
        try:
            self._control.sendall(messages)
        except OSError:
            self._abandon()
            raise

    def _receive(self) -> bytes:
        """Read one message and keep what it says; returns its kind."""
        if self._control is None:
            raise ConnectionResetError("the fork server has ended")
        try:
            message = self._control.recv(MESSAGE.size, socket.MSG_WAITALL)
        except OSError:
            self._abandon()
            raise
        if len(message) < MESSAGE.size:
            self._abandon()
            raise ConnectionResetError("the fork server has ended")
        kind, number, other = MESSAGE.unpack(message)
        if kind == FORKED:
            self._forked = (number, other)
        elif kind == EXITED:
            self._statuses[number] = other
        elif kind == ALIVE:
            self._statuses[number] = None
        elif kind == FAST_PATH_ENDED:
            self._fast_path_result = marshal.loads(self._body(number))  # noqa: S302 - our server wrote it
        elif kind == WARMED:
            self._warmed = self._body(number)
        return bytes(kind)

    def _body(self, size: int) -> bytes:
        """Read what follows a message."""
        body = b""
        if size and self._control is not None:
            body = self._control.recv(size, socket.MSG_WAITALL)
        if len(body) < size:
            self._abandon()
            raise ConnectionResetError("the fork server has ended")
        return body


def status_without_server(pid: int) -> int | None:
    """UNKNOWN if a child has exited whose server is gone, None while it lives. A zombie may wait for ever to be reaped."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123 - pathlib stays unloaded
        return UNKNOWN if stat.read().rpartition(b")")[2].split()[0] == b"Z" else None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return UNKNOWN
    return None
