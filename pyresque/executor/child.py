"""A forked child and the pipe it tells its outcome through; the parent's side of it never blocks without a bound."""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import sys
import time
from typing import TYPE_CHECKING, NoReturn

import msgpack

from pyresque.errors import DirtyExit
from pyresque.executor.base import DONE, Outcome
from pyresque.failure.report import ErrorReport

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds after which the parent looks again although nothing woke it: a signal may have come just before the wait.
LOOK = 1.0

#: Seconds after which it first looks again once the child closed its pipe, which is the last thing before its end; each
#: further look waits twice as long, because a child may close what it inherited and go on.
SOON = 0.0005


class Child:
    """One forked process: what it told, whether it has ended, and the orders that are out against it."""

    def __init__(self, pid: int, pipe: int) -> None:
        self.pid = pid
        self._pipe: int | None = pipe
        self._unpacker = msgpack.Unpacker(raw=False, strict_map_key=False)
        self._told: Outcome | None = None
        self._status: int | None = None
        self._orders: list[tuple[float, int]] = []
        self._look = LOOK

    @classmethod
    def fork(cls, life: Callable[[], Outcome], *, run_at_exit: bool) -> Child:
        """Fork; the child lives that function, tells its outcome and ends."""
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            _live(life, writing, run_at_exit=run_at_exit)
        os.close(writing)
        return cls(pid, reading)

    def wait(self, seconds: float, wakeup: int) -> Outcome | None:
        """Wait at most that long; the outcome once the child has ended, else None. ``wakeup`` is readable after a signal."""
        if self._reap():
            return self._outcome()
        if self._pipe is None:
            self._look = min(2 * self._look, LOOK)
        watched = [wakeup] if self._pipe is None else [wakeup, self._pipe]
        readable, _, _ = select.select(
            watched, [], [], max(0.0, min(seconds, self._look, self._next_order()))
        )
        if wakeup in readable:
            drain(wakeup)
        if self._pipe in readable:
            self._listen()
        self._carry_out_orders()
        return self._outcome() if self._reap() else None

    def signal(self, number: int) -> None:
        """Send a signal; one that has ended is not signalled."""
        if self._status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def order(self, after: float, number: int) -> None:
        """Send a signal after so many seconds, unless the child has ended by then."""
        self._orders.append((time.monotonic() + after, number))

    @property
    def ordered(self) -> bool:
        """Whether an order is out."""
        return bool(self._orders)

    def close(self) -> None:
        """Let go of the pipe."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    def _listen(self) -> None:
        if self._pipe is None:
            return
        heard = os.read(self._pipe, 65536)
        if not heard:
            self.close()
            self._look = SOON
            return
        self._unpacker.feed(heard)
        for told in self._unpacker:
            self._told = _outcome(told)

    def _reap(self) -> bool:
        if self._status is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                pid, status = (
                    self.pid,
                    0,
                )  # somebody else waited for it; what it told is all there is
            if pid == 0:
                return False
            self._status = status
            while self._pipe is not None and select.select([self._pipe], [], [], 0)[0]:
                self._listen()
            self.close()
        return True

    def _next_order(self) -> float:
        return min((at - time.monotonic() for at, _ in self._orders), default=LOOK)

    def _carry_out_orders(self) -> None:
        now = time.monotonic()
        due = [number for at, number in self._orders if at <= now]
        self._orders = [order for order in self._orders if order[0] > now]
        for number in due:
            self.signal(number)

    def _outcome(self) -> Outcome:
        if self._told is not None:
            return self._told
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


def drain(wakeup: int) -> None:
    """Empty a pipe that only wakes."""
    with contextlib.suppress(BlockingIOError):
        while os.read(wakeup, 4096):
            pass


def _live(life: Callable[[], Outcome], writing: int, *, run_at_exit: bool) -> NoReturn:
    """The child's whole life; nothing climbs out of it."""
    try:
        outcome = life()
        report = outcome.report
        frame = msgpack.packb(
            None if report is None else [report.exception, report.error, list(report.backtrace)]
        )
        while frame:
            frame = frame[os.write(writing, frame) :]
        if run_at_exit:
            atexit._run_exitfuncs()  # noqa: SLF001 - the interpreter's own way; os._exit does not go through it
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)


def _outcome(told: list[object] | None) -> Outcome:
    if told is None:
        return DONE
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
