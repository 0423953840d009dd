"""The fork server: a process that does nothing but fork children, so that a worker need not.

It is forked before the first job from the worker, or from what is to be the worker and has loaded the application alone. Between
two forks it touches next to nothing, and so copies next to nothing; and it forks while the worker talks to Redis. It ends with
the worker.
"""

from __future__ import annotations

import marshal
import os
import struct
import time

from pyresque.executor.fork import cheap_fork
from pyresque.executor.fork.cheap_fork import freeze_memory, set_title, skip_stdlib_fork_hooks
from pyresque.executor.fork.child_job import JobCall as Performing
from pyresque.executor.fork.child_process import JOB, PIECE, REHEARSALS, live, serve as serve_jobs
from pyresque.executor.fork.child_signals import ORDERS, ChildSignals
from pyresque.executor.fork.fast_path_process import WORKING, FastPathRun
from pyresque.executor.fork.shared_page import SLOTS
from pyresque.job.hooks import WorkerHooks
from pyresque.job.registry import Registry
from pyresque.job_copies import fork, leave
from pyresque.standard_streams import flush

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import socket
    from collections.abc import Callable
    from typing import NoReturn

    from pyresque.executor.fork.child_job import ChildOptions
    from pyresque.executor.fork.child_process import PerformJob
    from pyresque.executor.fork.shared_page import SharedPage

else:
    import _signal as signal
    import _socket as socket

#: Kind, a number and another one.
MESSAGE = struct.Struct("=cii")


# The worker asks: fork (place; the child's two pipes come along), how did this pid end, I need it no more, load these modules
# (so many bytes of names follow), end with all, work a shift (so many bytes tell what to do; a line to Redis comes along, and
# the end of a pipe).
FORK, HOW, DONE_WITH, LOAD, END, SHIFT = b"f", b"h", b"d", b"l", b"e", b"w"


# The server answers: this pid was born (or -1 and the error's number), it ended with this status, it lives; the shift is over
# (so many bytes tell how).
BORN, ENDED, ALIVE, OVER = b"b", b"s", b"a", b"o"


#: Seconds that a child may take to end once nobody needs it; seconds until the server looks for such children when nothing
#: is asked.
LINGER, IDLE = 5.0, 0.2


#: The two ends of pipes that come along, and the room that they need.
PIPES = struct.Struct("@ii")


SPACE = socket.CMSG_SPACE(PIPES.size) if hasattr(socket, "CMSG_SPACE") else 0  # nothing forks there


#: One request for memory of each kind that the allocator tells apart.
SIZES = (600, 1000, 2000, 5000, 10_000, 60_000, 120_000)


#: What the process is called.
TITLE = "pyresque: forks for %d"


def start(
    attempt: PerformJob, rules: ChildOptions, board: SharedPage, let_go: Callable[[], None]
) -> tuple[socket.socket, int]:
    """Fork a server; what to speak to it by, and its pid. ``let_go`` closes, in it, what the worker holds open. Raises OSError."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    flush()
    # Until it has its own, a signal would be taken as the worker takes it.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ORDERS)
    try:
        pid = fork()
        if pid == 0:
            try:
                here.close()
                let_go()
                server = _Server(there, attempt, rules, board)
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
                server.serve()
            finally:
                leave(0)
    except OSError:
        here.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        there.close()
    return here, pid


class _Server:
    def __init__(
        self, control: socket.socket, attempt: PerformJob, rules: ChildOptions, board: SharedPage
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
        self._parent = os.getppid()
        self._rehearsed = False
        self._living: set[int] = set()
        self._leaving: dict[int, float] = {}

    def serve(self) -> NoReturn:
        """The server's whole life."""
        self._prepare()
        control, leaving, watchful = self._control, self._leaving, False
        while True:
            if watchful != bool(leaving):
                watchful = bool(leaving)
                bound(control, IDLE if watchful else 0.0)
            try:
                message, extra, _, _ = control.recvmsg(MESSAGE.size, SPACE)
            except BlockingIOError:
                self._see_off()
                continue
            if len(message) < MESSAGE.size:
                leave(0)  # the worker is gone; a child that performs a job goes on, as in Ruby
            kind, number, _ = MESSAGE.unpack(message)
            if kind == FORK:
                self._fork(number, PIPES.unpack(extra[0][2]))
                if leaving:
                    self._see_off()
            elif kind == DONE_WITH:
                leaving[number] = time.monotonic() + LINGER
            elif kind == SHIFT:
                self._shift(number, PIPES.unpack(extra[0][2]))
            else:
                self._do(kind, number)

    def _do(self, kind: bytes, number: int) -> None:
        """What is asked now and then."""
        if kind == HOW:
            self._tell_how(number)
        elif kind == LOAD:
            self._load(number)
        elif kind == END:
            self._end()

    def _prepare(self) -> None:
        """Make ready for forks: whatever is done or touched now, no child has to do or be given a copy of."""
        skip_stdlib_fork_hooks()
        taking, giving = os.pipe()
        hearing, telling = os.pipe()
        call = marshal.dumps(("Rehearsal", (1, "x")))
        title = (TITLE % self._parent).encode()
        job = JOB.pack(4, len(title), len(call), True, True) + b"none" + title + call
        self._signals.place = SLOTS - 1  # which no child will have for a long time
        performing = Performing(_rehearsal(), WorkerHooks(), _no_means)
        for _ in range(REHEARSALS):
            os.write(giving, job)
            serve_jobs(performing, self._rules, (taking, telling), self._board, self._signals)
            os.read(hearing, PIECE)
            self._signals.take()
            flush()
        for end in (taking, giving, hearing, telling):
            os.close(end)
        # The allocator puts what was freed while everything was loaded in order at the next requests for more: here once,
        # not in each child, where every page that it touches would be copied.
        for size in SIZES:
            bytearray(size)

    def _load(self, size: int) -> None:
        names = self._control.recv(size, socket.MSG_WAITALL)
        cheap_fork.preload_modules(names.decode("utf-8", "replace"))
        import gc  # noqa: PLC0415 - what is loaded now stays, as at the start

        gc.collect()
        gc.freeze()
        skip_stdlib_fork_hooks()

    def _answer(self, kind: bytes, number: int, other: int) -> None:
        self._control.sendall(MESSAGE.pack(kind, number, other))

    def _fork(self, place: int, pipes: tuple[int, int]) -> None:
        self._signals.place = place
        try:
            pid = fork()
        except OSError as error:
            self._answer(BORN, -1, error.errno or 0)
        else:
            if pid == 0:
                os.close(self._control.fileno())
                attempt, rules, board = self._attempt, self._rules, self._board
                live(lambda: serve_jobs(attempt, rules, pipes, board, self._signals), rules)
            self._living.add(pid)
            self._answer(BORN, pid, 0)
        os.close(pipes[0])
        os.close(pipes[1])

    def _shift(self, size: int, ends: tuple[int, int]) -> None:
        line, telling = ends
        told = self._control.recv(size, socket.MSG_WAITALL)
        plan, standing = marshal.loads(told)  # noqa: S302 - it comes from our parent
        close = self._control.fileno()

        def let_go() -> None:
            os.close(close)
            if self._rules.group:
                os.setpgid(0, 0)

        shift = FastPathRun(
            self._attempt,  # type: ignore[arg-type] # the worker has no shifts with another one
            self._board,
            self._signals,
            line,
            telling,
            plan,
            self._parent,
            let_go,
            self._see_off,
        )
        if not self._rehearsed:
            self._rehearsed = True
            shift.rehearse(_rehearsal().find("Rehearsal"))
            set_title(TITLE % self._parent)
            self._signals.take()
        end, at, raw, record = shift.work(*standing)
        if end[0] == WORKING:
            self._living.add(end[1])
        os.close(line)
        os.close(telling)
        over = marshal.dumps((*end, at, raw, record, shift.turns, shift.turning.second))
        self._control.sendall(MESSAGE.pack(OVER, len(over), 0) + over)

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

    def _end(self) -> NoReturn:
        """Wait for every child, and help on those that take too long."""
        until = time.monotonic() + LINGER
        self._leaving = dict.fromkeys(self._living, until)
        while self._living:
            self._see_off()
            time.sleep(0.001)
        leave(0)


def _rehearsal() -> Registry:
    registry = Registry()
    registry.add(_nothing, name="Rehearsal")
    return registry


def _no_means() -> NoReturn:
    raise AssertionError("the rehearsal is a plain job")


def _nothing(*args: object) -> None:
    """The job that is rehearsed."""


def bound(control: socket.socket, seconds: float) -> None:
    """Let the system end a wait after so many seconds; 0: never."""
    whole = int(seconds)
    limit = struct.pack("@ll", whole, int((seconds - whole) * 1e6))
    control.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)


class EarlyServer:
    """The server: what to speak to it by, its pid, and the board that it shares with the worker."""

    def __init__(self, control: socket.socket, pid: int, board: SharedPage) -> None:
        self.control = control
        self.pid = pid
        self.board = board

    def close(self) -> None:
        """End the server where no worker has: none came of it."""
        self.control.close()
        try:
            if os.waitpid(self.pid, os.WNOHANG) == (0, 0):
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
        except ChildProcessError:
            return  # it has been waited for


def start_early(
    attempt: PerformJob, rules: ChildOptions, board: SharedPage, let_go: Callable[[], None]
) -> EarlyServer:
    """Make the server. ``let_go`` closes, in it, what this process holds open. Raises OSError."""
    freeze_memory()
    return EarlyServer(*start(attempt, rules, board, let_go), board)
