"""The fork server: a process that does nothing but fork children, so that a worker need not.

It is forked from the worker before the first job, so what it has loaded is what the worker has. Between two forks it touches
next to nothing, and so copies next to nothing; and it forks while the worker talks to Redis. It ends with the worker.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import time
from typing import TYPE_CHECKING, NoReturn

from pyresque.executor.child_signals import ChildSignals
from pyresque.executor.life import Attempt, Rules, live
from pyresque.executor.light import LightForks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyresque.executor.board import Board

#: Kind, a number and another one.
MESSAGE = struct.Struct("=cii")

# The worker asks: fork (place; the child's two pipes come along), how did this pid end, I need it no more, end with all.
FORK, HOW, DONE_WITH, END = b"f", b"h", b"d", b"e"
# The server answers: this pid was born (or -1 and the error's number), it ended with this status, it lives.
BORN, ENDED, ALIVE = b"b", b"s", b"a"

#: Seconds that a child may take to end once nobody needs it; milliseconds until the server looks for such children
#: when nothing is asked.
LINGER, IDLE = 5.0, 200

#: The two ends of pipes that come along, and the room that they need.
PIPES = struct.Struct("@ii")
SPACE = socket.CMSG_SPACE(PIPES.size)

#: One request for memory of each kind that the allocator tells apart.
SIZES = (600, 1000, 2000, 5000, 10_000, 60_000, 120_000)


def serve(
    control: socket.socket,
    attempt: Attempt,
    rules: Rules,
    board: Board,
    mask: Iterable[int],
) -> NoReturn:
    """The server's whole life. ``mask`` is what to go back to, the signals of ORDERS being held up until now."""
    try:
        server = _Server(control, attempt, rules, board)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        server.serve()
    finally:
        os._exit(0)


class _Server:
    def __init__(
        self,
        control: socket.socket,
        attempt: Attempt,
        rules: Rules,
        board: Board,
    ) -> None:
        self._control = control
        self._attempt = attempt
        self._rules = rules
        self._board = board
        # A child's from its first moment on; to the server itself they are no orders.
        self._signals = ChildSignals(
            board, term_child=rules.term_child, patient=rules.patient, keeper=os.getpid()
        )
        self._signals.take()
        self._light = LightForks()
        self._living: set[int] = set()
        self._leaving: dict[int, float] = {}
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def serve(self) -> None:
        # The allocator puts what was freed while everything was loaded in order at the next requests for more: here once,
        # not in each child, where every page that it touches would be copied.
        for size in SIZES:
            bytearray(size)
        control = self._control
        while True:
            if self._leaving and not self._poll.poll(IDLE):
                self._see_off()
                continue
            message, extra, _, _ = control.recvmsg(MESSAGE.size, SPACE)
            if len(message) < MESSAGE.size:
                return  # the worker is gone; a child that performs a job goes on, as in Ruby
            kind, number, _ = MESSAGE.unpack(message)
            if kind == FORK:
                self._fork(number, PIPES.unpack(extra[0][2]))
                self._see_off()
            elif kind == HOW:
                self._tell_how(number)
            elif kind == DONE_WITH:
                self._leaving[number] = time.monotonic() + LINGER
            elif kind == END:
                self._end()
                return

    def _answer(self, kind: bytes, number: int, other: int) -> None:
        self._control.sendall(MESSAGE.pack(kind, number, other))

    def _fork(self, place: int, pipes: tuple[int, int]) -> None:
        self._signals.place = place
        try:
            pid = os.fork()
        except OSError as error:
            self._answer(BORN, -1, error.errno or 0)
        else:
            if pid == 0:
                os.close(self._control.fileno())
                self._light.restore()
                live(self._attempt, self._rules, pipes, self._board, self._signals)
            self._living.add(pid)
            self._answer(BORN, pid, 0)
        for pipe in pipes:
            os.close(pipe)

    def _tell_how(self, pid: int) -> None:
        status = self._reaped(pid)
        if status is None:
            self._answer(ALIVE, pid, 0)
        else:
            self._answer(ENDED, pid, status)

    def _reaped(self, pid: int) -> int | None:
        if pid not in self._living:
            return 0
        ended, status = os.waitpid(pid, os.WNOHANG)
        if not ended:
            return None
        self._living.discard(pid)
        self._leaving.pop(pid, None)
        return status

    def _see_off(self) -> None:
        """Bury those that nobody needs any more; one that takes too long to end is helped on."""
        now = time.monotonic()
        for pid, until in list(self._leaving.items()):
            if self._reaped(pid) is not None:
                self._leaving.pop(pid, None)
            elif until < now:
                os.kill(pid, signal.SIGKILL)

    def _end(self) -> None:
        """Wait for every child, and help on those that take too long."""
        until = time.monotonic() + LINGER
        self._leaving = dict.fromkeys(self._living, until)
        while self._living:
            self._see_off()
            time.sleep(0.001)
