"""A forked child as its parent sees it: given jobs, told how they ended; the parent never blocks without a bound."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
from typing import TYPE_CHECKING

from pyresque.errors import DirtyExit
from pyresque.executor.base import DONE, NOT_STARTED, UNDONE, Outcome
from pyresque.executor.fork.child_process import JOB, PIECE, RESULT, live, serve
from pyresque.executor.fork.child_signals import ORDERS, ChildSignals
from pyresque.failure.report import ErrorReport
from pyresque.job_copies import fork, leave
from pyresque.standard_streams import flush
from pyresque.store.queues import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyresque.executor.fork.child_job import ChildOptions
    from pyresque.executor.fork.child_process import PerformJob
    from pyresque.executor.fork.shared_page import SharedPage

#: Seconds after which the parent looks again although nothing woke it: a signal may have come just before the wait.
LOOK = 1.0

#: Seconds after which it first looks again once the child closed its pipe, which is the last thing before its end; each
#: further look waits twice as long, because a child may close what it inherited and go on.
SOON = 0.0005

#: Bytes read at a time of what did not come at once.
MUCH = 1 << 20

#: Seconds up to which a job is a short one, and how often to look for its end before going to sleep over it.
QUICK, GLANCES = 0.0002, 100


class ChildHandle:
    """One forked process: what it told, whether it has ended, and the orders that are out against it."""

    def __init__(
        self,
        pid: int,
        pipes: tuple[int | None, int],
        board: SharedPage,
        place: int,
        how: Callable[[int], int | None],
    ) -> None:
        """``pipes`` are the ends for giving, None where it has its job, and hearing; ``how`` tells with which status a pid ended, None while it lives."""
        self.pid = pid
        self._how = how
        self.born = time.monotonic()
        self.given = 0
        self.leaving = False
        self.seconds = 0.0  # that the last job took
        self.loaded = ""  # names of modules that it had to load for itself, one a line
        self.group = False  # whether it leads a process group, which is killed with it
        self._giving: int | None = pipes[0]
        self._hearing: int | None = pipes[1]
        self._board = board
        self._place = place
        self._unsent: bytes | memoryview = b""
        self._heard = bytearray()
        self._told: Outcome | None = None
        self._status: int | None = None
        self._orders: list[tuple[float, int]] = []
        self._limit: tuple[float, BaseException] | None = None
        self._look = LOOK

    @classmethod
    def fork(
        cls,
        attempt: PerformJob,
        rules: ChildOptions,
        board: SharedPage,
        strangers: Iterable[ChildHandle] = (),
    ) -> ChildHandle:
        """Fork a child that waits for jobs. It lets go of the pipes of the other children. Raises OSError."""
        taking, giving = os.pipe()
        hearing, telling = os.pipe()
        place = board.place()
        board.begin(place, begun=False)
        flush()
        # An order that reached the child before its signals are its own would be carried out as if it were the parent.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ORDERS)
        try:
            pid = fork()
        except OSError:
            for end in (taking, giving, hearing, telling):
                os.close(end)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            raise
        if pid == 0:
            try:
                os.close(giving)
                os.close(hearing)
                for stranger in strangers:
                    stranger.close()
                signals = ChildSignals(board, term_child=rules.term_child, patient=rules.patient)
                signals.place = place
                signals.take()
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
                live(lambda: serve(attempt, rules, (taking, telling), board, signals), rules)
            finally:
                leave(1)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(taking)
        os.close(telling)
        os.set_blocking(giving, False)
        return cls(pid, (giving, hearing), board, place, _waited)

    def give(
        self, queue: str, raw: bytes, *, last: bool, ready: bool = False, title: str = ""
    ) -> None:
        """Give it a job, the last one or not; ``ready``: a call in place of the payload; ``title``: the process's from then on.

        One that has died takes it no more: ``wait`` says that it never began.
        """
        self.given += 1
        self._told = None
        self._board.begin(self._place, begun=False)
        name, shown = to_bytes(queue), to_bytes(title)
        self._unsent = JOB.pack(len(name), len(shown), len(raw), last, ready) + name + shown + raw
        self._send()

    def wait(self, seconds: float, wakeup: int) -> Outcome | None:
        """Wait at most that long; how the job ended, or None so far. ``wakeup`` is readable after a signal.

        UNBEGUN where the child ended before it began.
        """
        if self._hearing is None:
            if self._reap():
                return self._outcome()
            self._look = min(2 * self._look, LOOK)
        self._poll(min(seconds, self._look, self._next_order()), wakeup)
        if self._told is None:
            self._carry_out_orders()
            return self._outcome() if self._reap() else None
        return self._told

    def linger(self, seconds: float, wakeup: int) -> bool:
        """Wait at most that long for its end, its job being told; whether it has ended."""
        if not self._reap():
            if self._hearing is None:
                self._look = min(2 * self._look, LOOK)
            self._poll(min(seconds, self._look, self._next_order()), wakeup)
            self._carry_out_orders()
        return self._reap()

    def broken(self) -> bool:
        """Whether it has hung up: it is no good for another job."""
        return self._hearing is None or _readable(self._hearing)

    def ended(self) -> bool:
        """Whether the process is gone for good."""
        return self._reap()

    def signal(self, number: int) -> None:
        """Send a signal; one that has ended is not signalled."""
        if self._status is None:
            if self.group and number == signal.SIGKILL:
                # Before the child itself is buried: as long as it is not, the group is nobody else's.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, number)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def order(self, after: float, number: int) -> None:
        """Send a signal after so many seconds, unless the child has ended by then."""
        self._orders.append((time.monotonic() + after, number))

    def limit(self, after: float, error: BaseException) -> None:
        """Kill it if the present job lasts longer than that; the error tells why."""
        self._limit = (time.monotonic() + after, error)

    @property
    def ordered(self) -> bool:
        """Whether an order is out."""
        return bool(self._orders)

    def dismiss(self) -> None:
        """Give it no more jobs: when it waits for one, it ends."""
        if self._giving is not None:
            os.close(self._giving)
            self._giving = None
            self._unsent = b""

    def close(self) -> None:
        """Let go of both pipes, too."""
        self.dismiss()
        if self._hearing is not None:
            os.close(self._hearing)
            self._hearing = None

    # -- the pipes

    def _send(self) -> None:
        try:
            while self._unsent and self._giving is not None:
                sent = os.write(self._giving, self._unsent)
                self._unsent = memoryview(self._unsent)[sent:]
        except BlockingIOError:
            return  # the pipe is full; ``wait`` sends the rest
        except BrokenPipeError:
            self.dismiss()

    def _poll(self, seconds: float, wakeup: int) -> None:
        """Wait for any of the pipes, and see to it."""
        poll = select.poll()
        poll.register(wakeup, select.POLLIN)
        if self._hearing is not None:
            poll.register(self._hearing, select.POLLIN)
        if self._unsent and self._giving is not None:
            poll.register(self._giving, select.POLLOUT)
        if self.given > 1 and self.seconds < QUICK:
            # A child that serves many short jobs answers before the system could put us to sleep and wake us again.
            for _ in range(GLANCES):
                if poll.poll(0):
                    break
        ready = [fd for fd, _ in poll.poll(max(0.0, seconds) * 1000)]
        if wakeup in ready:
            drain(wakeup)
        if self._giving in ready:
            self._send()
        if self._hearing in ready:
            self._listen()

    def _listen(self) -> None:
        if self._hearing is None:
            return
        heard = os.read(self._hearing, MUCH if self._heard else PIECE)
        if not heard:
            os.close(self._hearing)
            self._hearing = None
            self._look = SOON
            return
        self._heard += heard
        if len(self._heard) < RESULT.size:
            return
        leaving, seconds, size, names = RESULT.unpack_from(self._heard)
        if len(self._heard) < RESULT.size + size + names:
            return
        told, self._heard = bytes(self._heard[RESULT.size :]), bytearray()
        self.leaving, self.seconds, self._limit = leaving, seconds, None
        self.loaded = told[size:].decode("utf-8", "replace")
        self._told = _outcome(json.loads(told[:size])) if size else DONE

    # -- its end

    def _reap(self) -> bool:
        if self._status is None:
            self._status = self._how(self.pid)
            if self._status is None:
                return False
            while self._hearing is not None and _readable(self._hearing):
                self._listen()
            self.close()
        return True

    def _next_order(self) -> float:
        times = [at for at, _ in self._orders]
        if self._limit is not None:
            times.append(self._limit[0])
        return min(times) - time.monotonic() if times else LOOK

    def _carry_out_orders(self) -> None:
        now = time.monotonic()
        due = [number for at, number in self._orders if at <= now]
        self._orders = [order for order in self._orders if order[0] > now]
        for number in due:
            self._board.order(self._place)
            self.signal(number)
        if self._limit is not None and self._limit[0] <= now:
            self.signal(signal.SIGKILL)

    def _outcome(self) -> Outcome:
        if self._told is not None:
            return self._told
        if self._board.finished(self._place):
            self.leaving = True
            return DONE
        if not self._board.begun(self._place):
            return NOT_STARTED
        if self._limit is not None and self._limit[0] <= time.monotonic():
            return Outcome(dirty=self._limit[1])
        status = self._status or 0
        if os.WIFSIGNALED(status):
            return Outcome(
                dirty=DirtyExit(
                    f"Child process received unhandled signal {_status_text(self.pid, status)}"
                )
            )
        code = os.waitstatus_to_exitcode(status)
        return Outcome(
            dirty=DirtyExit(
                f"Child process exited with status {code} before it told how the job went: pid {self.pid}"
            )
        )


def drain(wakeup: int) -> bool:
    """Empty a pipe that only wakes; whether it is whole, and nobody has closed either end."""
    try:
        while os.read(wakeup, 4096):
            pass
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _waited(pid: int) -> int | None:
    """How a child of this very process ended."""
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return 0  # somebody else waited for it; what it told is all there is
    return status if ended else None


def _readable(pipe: int) -> bool:
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return bool(poll.poll(0))


def _outcome(told: list[object]) -> Outcome:
    if not told:
        return UNDONE
    exception, error, backtrace = told
    lines = backtrace if isinstance(backtrace, list) else []
    return Outcome(
        report=ErrorReport(str(exception), str(error), tuple(str(line) for line in lines))
    )


def _status_text(pid: int, status: int) -> str:
    """As Ruby's ``Process::Status#to_s``."""
    number = os.WTERMSIG(status)
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"SIG{number}"
    core = " (core dumped)" if os.WCOREDUMP(status) else ""
    return f"pid {pid} {name} (signal {number}){core}"
