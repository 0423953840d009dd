"""The worker's end of one child: sends it jobs, reads their outcomes, signals it. No call blocks without a limit."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import time
from typing import TYPE_CHECKING

from pyresque.errors import DirtyExit
from pyresque.executor.base import DONE, NOT_STARTED, Outcome
from pyresque.executor.fork.child_process import (
    JOB,
    LINGER,
    PIECE,
    RESULT,
    run_child,
    serve_jobs,
)
from pyresque.executor.fork.child_signals import WORKER_SIGNALS, ChildSignals
from pyresque.executor.fork.result import death_of, outcome_of
from pyresque.job_copies import fork, leave
from pyresque.standard_streams import flush
from pyresque.store.queues import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyresque.executor.fork.child_process import ChildOptions, PerformJob
    from pyresque.executor.fork.shared_page import SharedPage

log = logging.getLogger("pyresque")

#: Seconds after which a wait ends although nothing woke it: a signal may have come just before it.
LOOK = 1.0

#: Seconds until the first look once the child has closed its pipe, which is the last thing that it does; each further look waits
#: twice as long, because a child may close what it inherited and go on.
SOON = 0.0005

#: Bytes read at a time of a result that did not come at once.
MOST = 1 << 20

#: Seconds up to which a job is a short one, and how often to poll for its end before going to sleep.
SHORT, POLLS = 0.0002, 100


class ChildHandle:
    """One forked process: its pipes, its exit status, and the signals that it is to be sent."""

    def __init__(
        self,
        pid: int,
        pipes: tuple[int | None, int],
        page: SharedPage,
        slot: int,
        exit_status: Callable[[int], int | None],
    ) -> None:
        """``pipes``: the ends for jobs (None: the child has its job) and for results. ``exit_status``: of a pid; None: it lives."""
        self.pid = pid
        self._exit_status = exit_status
        self.forked_at = time.monotonic()
        self.jobs_sent = 0
        self.leaving = False
        self.seconds = 0.0  # that the last job took
        self.imported = ""  # names of the modules that it had to import, one a line
        self.group = False  # whether it leads a process group, which is killed with it
        self.linger = LINGER  # seconds that it may take to end
        self._ends = False  # whether it is known to have nothing left to do but to end
        self._job_pipe: int | None = pipes[0]
        self._result_pipe: int | None = pipes[1]
        self._page = page
        self._slot = slot
        self._unsent: bytes | memoryview = b""
        self._received = bytearray()
        self._outcome: Outcome | None = None
        self._status: int | None = None
        self._scheduled: list[tuple[float, int]] = []
        self._limit: tuple[float, BaseException] | None = None
        self._look = LOOK

    @classmethod
    def fork(
        cls,
        job_call: PerformJob,
        options: ChildOptions,
        page: SharedPage,
        others: Iterable[ChildHandle] = (),
    ) -> ChildHandle:
        """Fork a child that waits for jobs; in it the pipes of the other children are closed. Raises OSError."""
        child_jobs, job_pipe = os.pipe()
        result_pipe, child_results = os.pipe()
        slot = page.new_slot()
        page.set_waiting(slot)
        flush()
        # Before the child has its own handlers a signal would run the worker's in it.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, WORKER_SIGNALS)
        try:
            pid = fork()
        except OSError:
            for end in (child_jobs, job_pipe, result_pipe, child_results):
                os.close(end)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            raise
        if pid == 0:
            try:
                os.close(job_pipe)
                os.close(result_pipe)
                for other in others:
                    other.close()
                signals = ChildSignals(
                    page, term_child=options.term_child, trusted_only=options.trusted_only
                )
                signals.slot = slot
                signals.take()
                pipes = child_jobs, child_results
                run_child(lambda: serve_jobs(job_call, options, pipes, page, signals), options)
            finally:
                leave(1)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(child_jobs)
        os.close(child_results)
        os.set_blocking(job_pipe, False)
        return cls(pid, (job_pipe, result_pipe), page, slot, _own_exit_status)

    def send_job(
        self, queue: str, raw: bytes, *, last: bool, is_call: bool = False, title: str = ""
    ) -> None:
        """Send a job, the last one or not; ``is_call``: ``raw`` is a call, no payload; ``title``: the child's process title.

        A dead child takes no job: then ``wait`` returns NOT_STARTED.
        """
        self.jobs_sent += 1
        self._outcome = None
        self._page.set_waiting(self._slot)
        name, shown = to_bytes(queue), to_bytes(title)
        self._unsent = JOB.pack(len(name), len(shown), len(raw), last, is_call) + name + shown + raw
        self._send()

    def wait(self, seconds: float, wakeup: int) -> Outcome | None:
        """Wait at most that long for the job's outcome; None: it has not ended. ``wakeup`` is readable after a signal."""
        if self._result_pipe is None:
            if self._reap():
                return self._last_outcome()
            self._look = min(2 * self._look, LOOK)
        self._poll(min(seconds, self._look, self._next_signal()), wakeup)
        if self._outcome is None:
            if self._page.finished(self._slot):
                self._await_end()
            self._send_due_signals()
            return self._last_outcome() if self._reap() else None
        return self._outcome

    def wait_exit(self, seconds: float, wakeup: int) -> bool:
        """Wait at most that long for the end of the process, whose last job has ended. Returns whether it has exited."""
        self._await_end()
        if not self._reap():
            if self._result_pipe is None:
                self._look = min(2 * self._look, LOOK)
            self._poll(min(seconds, self._look, self._next_signal()), wakeup)
            self._send_due_signals()
        return self._reap()

    def has_started(self) -> bool:
        """Whether the child has begun its job, as the shared page says."""
        return self._page.started(self._slot)

    def hung_up(self) -> bool:
        """Whether the child has closed its pipe, so that it takes no other job."""
        return self._result_pipe is None or _readable(self._result_pipe)

    def has_exited(self) -> bool:
        """Whether the child has exited; its exit status is read then."""
        return self._reap()

    def warn_of_early_end(self) -> None:
        """Log how a child ended that was forked ahead and got no job."""
        if self.jobs_sent == 0 and self.has_exited() and self._status:
            log.warning("a child ended before it had a job: %s", death_of(self.pid, self._status))

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has exited."""
        if self._status is None:
            if self.group and number == signal.SIGKILL:
                # Until the child itself is reaped, no other process can have its group.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, number)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def schedule_signal(self, after: float, number: int) -> None:
        """Send a signal after ``seconds``, unless the child has exited by then."""
        self._scheduled.append((time.monotonic() + after, number))

    def kill_after(self, seconds: float, error: BaseException) -> None:
        """Kill it if the present job takes longer than that; the job's outcome is then this error."""
        self._limit = (time.monotonic() + seconds, error)

    @property
    def signal_scheduled(self) -> bool:
        """Whether a signal is still to be sent."""
        return bool(self._scheduled)

    def close_input(self) -> None:
        """Close the pipe for jobs: the child exits when it waits for one."""
        if self._job_pipe is not None:
            os.close(self._job_pipe)
            self._job_pipe = None
            self._unsent = b""

    def close(self) -> None:
        """Close both pipes."""
        self.close_input()
        if self._result_pipe is not None:
            os.close(self._result_pipe)
            self._result_pipe = None

    # -- the pipes

    def _send(self) -> None:
        try:
            while self._unsent and self._job_pipe is not None:
                sent = os.write(self._job_pipe, self._unsent)
                self._unsent = memoryview(self._unsent)[sent:]
        except BlockingIOError:
            return  # the pipe is full; ``wait`` sends the rest
        except BrokenPipeError:
            self.close_input()

    def _poll(self, seconds: float, wakeup: int) -> None:
        """Wait until a pipe is ready, and serve it."""
        poll = select.poll()
        poll.register(wakeup, select.POLLIN)
        if self._result_pipe is not None:
            poll.register(self._result_pipe, select.POLLIN)
        if self._unsent and self._job_pipe is not None:
            poll.register(self._job_pipe, select.POLLOUT)
        if self.jobs_sent > 1 and self.seconds < SHORT:
            # A child that performs many short jobs answers before the system could put us to sleep and wake us.
            for _ in range(POLLS):
                if poll.poll(0):
                    break
        ready = [fd for fd, _ in poll.poll(max(0.0, seconds) * 1000)]
        if wakeup in ready:
            drain(wakeup)
        if self._job_pipe in ready:
            self._send()
        if self._result_pipe in ready:
            self._receive()

    def _receive(self) -> None:
        if self._result_pipe is None:
            return
        piece = os.read(self._result_pipe, MOST if self._received else PIECE)
        if not piece:
            os.close(self._result_pipe)
            self._result_pipe = None
            self._look = SOON
            return
        self._received += piece
        if len(self._received) < RESULT.size:
            return
        leaving, seconds, size, names = RESULT.unpack_from(self._received)
        if len(self._received) < RESULT.size + size + names:
            return
        body, self._received = bytes(self._received[RESULT.size :]), bytearray()
        self.leaving, self.seconds, self._limit = leaving, seconds, None
        self.imported = body[size:].decode("utf-8", "replace")
        self._outcome = outcome_of(body[:size]) if size else DONE

    # -- signals and the exit

    def _reap(self) -> bool:
        if self._status is None:
            self._status = self._exit_status(self.pid)
            if self._status is None:
                return False
            while self._result_pipe is not None and _readable(self._result_pipe):
                self._receive()
            self.close()
        return True

    def _await_end(self) -> None:
        """Kill it if it has not ended in time: a hook may hang, or have stopped the process."""
        if not self._ends:
            self._ends = True
            late = DirtyExit(f"Child process was killed: it did not end within {self.linger:g} s")
            self.kill_after(self.linger, late)

    def _next_signal(self) -> float:
        times = [at for at, _ in self._scheduled]
        if self._limit is not None:
            times.append(self._limit[0])
        return min(times) - time.monotonic() if times else LOOK

    def _send_due_signals(self) -> None:
        now = time.monotonic()
        due = [number for at, number in self._scheduled if at <= now]
        self._scheduled = [one for one in self._scheduled if one[0] > now]
        for number in due:
            self._page.announce_term(self._slot)
            self.send_signal(number)
        if self._limit is not None and self._limit[0] <= now:
            if self._ends and self._status is None:
                log.warning(
                    "child %d is killed: %g s after its last job it has not ended; "
                    "a child_exit hook or an atexit function hangs or has stopped it",
                    *(self.pid, self.linger),
                )
                self._limit = (now + self.linger, self._limit[1])
            self.send_signal(signal.SIGKILL)

    def _last_outcome(self) -> Outcome:
        """The outcome of the job of a process that has exited (the four cases of ``child_process.py``)."""
        if self._outcome is not None:
            return self._outcome
        if self._page.finished(self._slot):
            self.leaving = True
            return DONE
        if not self.has_started():
            if self._status:
                log.warning(
                    "a job goes back into its queue, for its child ended before the job began: %s",
                    death_of(self.pid, self._status),
                )
            return NOT_STARTED
        if self._limit is not None and self._limit[0] <= time.monotonic():
            return Outcome(process_error=self._limit[1])
        return Outcome(process_error=DirtyExit(death_of(self.pid, self._status or 0)))


def drain(wakeup: int) -> bool:
    """Empty a pipe whose bytes only wake its reader; False if either end is closed."""
    try:
        while os.read(wakeup, 4096):
            pass
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _own_exit_status(pid: int) -> int | None:
    """The exit status of a child of this process; None while it lives."""
    try:
        exited, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return 0  # the application has waited for it
    return status if exited else None


def _readable(pipe: int) -> bool:
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return bool(poll.poll(0))
