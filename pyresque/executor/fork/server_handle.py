"""The worker's side of the fork server: asks it for children, learns how they ended, and starts it anew should it die."""

from __future__ import annotations

import contextlib
import marshal
import os
import signal
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque.executor.fork import cheap_fork
from pyresque.executor.fork.child_handle import ChildHandle
from pyresque.executor.fork.fast_path_process import CALL
from pyresque.executor.fork.server_process import (
    ALIVE,
    BORN,
    DONE_WITH,
    END,
    ENDED,
    FORK,
    HOW,
    LOAD,
    MESSAGE,
    OVER,
    PIPES,
    SHIFT,
    bound,
    start,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.executor.fork.child_job import ChildOptions
    from pyresque.executor.fork.child_process import PerformJob
    from pyresque.executor.fork.server_process import EarlyServer
    from pyresque.executor.fork.shared_page import SharedPage

#: Seconds in which the server must answer; a fork of a very great process takes a good part of one.
ANSWER = 30.0

#: The status of a child that nobody could wait for.
UNKNOWN = 0


class ServerHandle:
    """One server at a time. ``let_go`` closes, in the server, what the worker holds open; ``seed`` is a server that runs."""

    def __init__(
        self,
        attempt: PerformJob,
        rules: ChildOptions,
        board: SharedPage,
        let_go: Callable[[], None],
        seed: EarlyServer | None = None,
    ) -> None:
        self._attempt = attempt
        self._rules = rules
        self._board = board
        self._let_go = let_go
        self._control: socket.socket | None = None
        self._pid = 0
        self._late = ""  # what children found missing, which the next server will have
        if seed is not None:
            self._take_over(seed.control, seed.pid)
        self._asked: tuple[int, int, int] | None = None  # the pipes' ends here, and the place
        self._born: tuple[int, int] | None = None  # the pid, or -1 and the error's number
        self._over: tuple[Any, ...] | None = None
        self._statuses: dict[int, int | None] = {}
        self._done: list[
            int
        ] = []  # children that nobody needs, and the server does not know of yet

    @property
    def asked(self) -> bool:
        """Whether a child is on its way."""
        return self._asked is not None

    def ask(self) -> None:
        """Have a child forked; ``take`` brings it. Raises OSError."""
        if self._control is None:
            self._start()
        taking, giving = os.pipe()
        hearing, telling = os.pipe()
        place = self._board.place()
        self._board.begin(place, begun=False)
        try:
            assert self._control is not None  # noqa: S101 - it was started
            # One message for several things: each would wake the server.
            words = [MESSAGE.pack(FORK, place, 0), *self._farewells()]
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, PIPES.pack(taking, telling))
            self._control.sendmsg(words, [rights])
        except OSError:
            os.close(giving)
            os.close(hearing)
            self._lost()
            raise
        finally:
            os.close(taking)
            os.close(telling)
        os.set_blocking(giving, False)
        self._asked = (giving, hearing, place)

    def take(self) -> ChildHandle:
        """The child that was asked for. Raises OSError where it could not be forked, or the server died."""
        assert self._asked is not None  # noqa: S101 - the caller asked
        giving, hearing, place = self._asked
        self._asked = None
        try:
            while self._born is None:
                self._hear()
        except OSError:
            os.close(giving)
            os.close(hearing)
            raise
        (pid, number), self._born = self._born, None
        if pid < 0:
            os.close(giving)
            os.close(hearing)
            raise OSError(number, os.strerror(number))
        return ChildHandle(pid, (giving, hearing), self._board, place, self.teller())

    def shift(self, body: bytes, line: int, telling: int) -> None:
        """Begin a shift, of which the body tells (``server_process.py``); ``over`` tells how it ended. Raises OSError."""
        if self._control is None:
            self._start()
        self.say_who_is_done()
        control = self._control
        if control is None:
            raise ConnectionResetError("the fork server has ended")
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, PIPES.pack(line, telling))
        try:
            control.sendmsg([MESSAGE.pack(SHIFT, len(body), 0)], [rights])
            control.sendall(body)
        except OSError:
            self._lost()
            raise

    def call(self) -> None:
        """Call it back: it is to end as soon as may be."""
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, CALL)

    def over(self) -> tuple[Any, ...]:
        """What is told at its end. Raises OSError where the server died."""
        while self._over is None:
            self._hear()
        over, self._over = self._over, None
        return over

    def fileno(self) -> int:
        """What becomes readable when the server says something, or is gone."""
        return -1 if self._control is None else self._control.fileno()

    def teller(self) -> Callable[[int], int | None]:
        """What tells the status that a child of the present server ended with, None while it lives; also when that server is gone."""
        return partial(self._how, self._pid)

    def _how(self, server: int, pid: int) -> int | None:
        if server != self._pid:
            return gone(pid)  # its successor knows nothing of it
        try:
            self._say(HOW, pid)
            while pid not in self._statuses:
                self._hear()
            return self._statuses.pop(pid)
        except OSError:
            return gone(pid)

    def done_with(self, child: ChildHandle) -> None:
        """Leave it to the server to bury it, which is told so with the next request or by ``say_who_is_done``."""
        child.close()
        self._done.append(child.pid)

    def load(self, names: str) -> None:
        """Have children find these modules loaded from now on; those that are there already do not."""
        if self._asked is not None:
            with contextlib.suppress(OSError):
                self.done_with(self.take())
        if self._control is not None:
            self._late += f"\n{names}"
            told = names.encode()
            with contextlib.suppress(OSError):
                self._send(MESSAGE.pack(LOAD, len(told), 0) + told)

    def say_who_is_done(self) -> None:
        """Let the server bury now whom nobody needs."""
        if self._control is not None and self._done:
            with contextlib.suppress(OSError):
                self._send(b"".join(self._farewells()))
        self._done.clear()

    def close(self) -> None:
        """Let every child end, and the server too."""
        if self._asked is not None:
            with contextlib.suppress(OSError):
                self.done_with(self.take())
        if self._control is None:
            return
        with contextlib.suppress(OSError):
            self.say_who_is_done()
            self._say(END, 0)
            while self._control is not None:
                self._hear()
        self._lost()

    # -- the process

    def _start(self) -> None:
        cheap_fork.preload_modules(self._late)
        self._take_over(*start(self._attempt, self._rules, self._board, self._let_go))

    def _take_over(self, control: socket.socket, pid: int) -> None:
        bound(control, ANSWER)
        self._control, self._pid = control, pid

    def _lost(self) -> None:
        """The server is gone, or is made to be; the next child is asked of a new one."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._pid, 0)
            self._pid = 0
            self._done.clear()

    # -- talk

    def _farewells(self) -> list[bytes]:
        words = [MESSAGE.pack(DONE_WITH, pid, 0) for pid in self._done]
        self._done.clear()
        return words

    def _say(self, kind: bytes, number: int) -> None:
        self._send(MESSAGE.pack(kind, number, 0))

    def _send(self, words: bytes) -> None:
        if self._control is None:
            raise ConnectionResetError("there is no fork server")
        try:
            self._control.sendall(words)
        except OSError:
            self._lost()
            raise

    def _hear(self) -> None:
        """Take one message in."""
        if self._control is None:
            raise ConnectionResetError("the fork server has ended")
        try:
            message = self._control.recv(MESSAGE.size, socket.MSG_WAITALL)
        except OSError:
            self._lost()
            raise
        if len(message) < MESSAGE.size:
            self._lost()
            raise ConnectionResetError("the fork server has ended")
        kind, number, other = MESSAGE.unpack(message)
        if kind == BORN:
            self._born = (number, other)
        elif kind == ENDED:
            self._statuses[number] = other
        elif kind == ALIVE:
            self._statuses[number] = None
        elif kind == OVER:
            told = self._control.recv(number, socket.MSG_WAITALL)
            if len(told) < number:
                self._lost()
                raise ConnectionResetError("the fork server has ended")
            self._over = marshal.loads(told)  # noqa: S302 - it comes from our server


def gone(pid: int) -> int | None:
    """What can be told of a child whose server is gone: whether it lives. A dead one may wait for ever to be buried."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123 - as lean as can be
        return UNKNOWN if stat.read().rpartition(b")")[2].split()[0] == b"Z" else None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return UNKNOWN
    return None
