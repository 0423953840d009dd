"""The fast path in the fork server: fork a child for each job, wait for it, and reserve the next one from Redis itself. Light.

Theory of operation. Usually a job costs two wake-ups of the worker: it sends the job to a child, then it finishes the job and
reserves another. On the fast path the worker sleeps. It lends its connection to Redis to the fork server, which runs this loop:

    fork a child for the job -> waitid() -> turn.lua: finish it, reserve the next -> fork ...

waitid() is interrupted by SIGURG where the child has finished its job: while the child gives its memory back the loop goes on.

What the child does is in ``fast_path_child.py``. Its result frame, if it writes one, is for the worker, which reads it afterwards; but
if the job ended well, and its plugins write something at its end (``job/job_end.py``), the fork server reads the frame, and has its
turn write that. A job that is pushed is for the worker: Redis may refuse it.

The loop does only what is done for every plain job (``job/plain.py``), or for a job whose hooks, limits and the rest are all the
child's (``plain.forkable``). Anything else ends it, and the worker goes on in its usual way from the record that the loop returns.
The ways to end, each with what belongs to it:

- LEFT: the job in ``worker:<id>`` has not begun: the worker must act first, the worker has called back, or fork() failed.
- WORKING (pid, seconds): the worker called back while the child works, so long since the fork; from now on the worker waits for it.
- ENDED (pid, status): the child has exited without finishing its job; its error is in the pipe, or the process died. Or it did not
  return the connection that the server had lent to it.
- ANSWERED (bytes): Redis replied something else than a job: no job, the pause key, an error. The worker's client reads on.
- BROKEN (text): the connection broke, or no reply came in time. The worker finds out whether the turn was run.

The worker calls back by a flag in the shared page and by the signal SIGURG, which interrupts waitid(). It does so after any signal
to itself, and when a job takes longer than about a second.

If the fork server is killed, the worker knows from the shared page how many turns there were, which child works, and whether a turn
was under way. The page is therefore written in an order that is true at every moment: the child writes its own pid before it does
anything, IN_TURN is set before the command is sent, and the count of turns clears both afterwards.
"""

from __future__ import annotations

import os
from time import monotonic, perf_counter, sleep, time

from pyresque import signal_handlers
from pyresque.executor.fork.child_process import LINGER
from pyresque.executor.fork.fast_path_child import CALL_BACK, FastPathChild
from pyresque.executor.fork.fast_path_writes import PluginWrites
from pyresque.job.direct import direct_job
from pyresque.job.plain import acts_when_taken, child_allows, forkable, plain_call
from pyresque.job_copies import fork, leave
from pyresque.ruby.json_fast import decode_at_once
from pyresque.store.reserve_raw import RawReserver, on_the_wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, TypeAlias

    from pyresque.executor.fork.child_signals import ChildSignals
    from pyresque.executor.fork.job_call import JobCall
    from pyresque.executor.fork.lent_clients import LentClients
    from pyresque.executor.fork.shared_page import SharedPage
    from pyresque.job.job_class import JobClass

    #: One of the kinds below, and what belongs to it.
    End: TypeAlias = tuple[str, Any]
else:
    import _signal as signal

#: How a run ends; see above.
LEFT, WORKING, ENDED, ANSWERED, BROKEN = "left", "working", "ended", "answered", "broken"

#: Seconds between two looks at a child that is about to exit.
GLANCE = 0.0002


class CalledBackError(BaseException):
    """Raised by the handler of CALL_BACK, which the worker or the child sends, while the fork server waits for a child and at no other time."""


class FastPathRun:
    """One run of the fast path.

    connection: the descriptor that the worker lends. pipe: where children write, its end to read and its end to write. setup: the slot in the shared page, then
    the fields of ``FastPathSetup``. worker: its pid. close_inherited: closes in a child what is the fork server's. reap: reaps
    other children, once a second. end: what a child calls last. lent: the clients whose connections children borrow.
    """

    def __init__(
        self,
        job_call: JobCall,
        page: SharedPage,
        signals: ChildSignals,
        connection: int,
        pipe: tuple[int, int],
        setup: tuple[Any, ...],
        worker: int,
        close_inherited: Callable[[], None],
        reap: Callable[[], None],
        end: Callable[[], None] | None = None,
        lent: LentClients | None = None,
    ) -> None:
        self.job_call = job_call
        self.page = page
        self.signals = signals
        os.set_inheritable(connection, False)  # a program that a job starts has nothing of it
        self.slot, command_head, record_heads, record_tail, written, self.queues, self.prefix = (
            setup
        )
        self.reserver = RawReserver(
            lambda most: os.read(connection, most),
            lambda command: os.write(connection, command),
            *(command_head, record_heads, record_tail, written),
        )
        self.writes = PluginWrites(*pipe)
        self.child = FastPathChild(
            job_call, page, self.slot, signals, connection, pipe[1], close_inherited, end, lent
        )
        self.worker = worker
        self.reap = reap
        self.lent = lent
        self.turns = 0
        self.shown: tuple[JobClass | None, int, int] = None, 0, 0
        self.title = self.prefix
        self._no_after_fork = child_allows(job_call.hooks)
        self._plain_calls = self._no_after_fork and not job_call.registry.middleware
        #: Names of classes that were seen not to be plain; one that becomes so is still performed as well as before.
        self._not_plain: set[str] = set()
        #: The last child, if it has finished its job and was not reaped; 0: none. What waitpid() said of the one before.
        self._exiting = self._status = 0
        self._waiting = False

    def run(self, queue_index: int, raw: bytes, record: bytes) -> tuple[End, int, bytes, bytes]:
        """Perform the job in ``worker:<id>`` and the jobs after it, until something ends the run.

        The arguments are the fields of CurrentRecord for that job. Returns the end, and these fields for the job in hand then.
        """
        try:
            return self._run(queue_index, raw, record)
        finally:
            self._reap_exiting()

    def _run(  # noqa: C901, PLR0911, PLR0912 - one path, and every way off it
        self, queue_index: int, raw: bytes, record: bytes
    ) -> tuple[End, int, bytes, bytes]:
        page, slot, reserver, second = self.page, self.slot, self.reserver, 0
        self.signals.slot = slot
        signal_handlers.take(CALL_BACK, self._called_back)
        signal_handlers.unblock(CALL_BACK)
        while True:
            work = self._work(queue_index, raw)
            if work is None or page.called_back:
                return (LEFT, None), queue_index, raw, record
            if self.lent is not None:
                self.lent.make_ready()
            page.set_waiting(slot)
            started = perf_counter()
            try:
                pid = self._fork(*work, queue_index)
            except OSError:  # the worker tries, and logs the error
                return (LEFT, None), queue_index, raw, record
            if not self._wait(pid):
                return (WORKING, (pid, perf_counter() - started)), queue_index, raw, record
            self._reap_exiting()  # the child before this one has had the time of a job to exit
            self._exiting = pid
            writes = None
            if done := page.finished(slot):
                if self.writes.expected:
                    writes = self.writes.known()
            elif page.wrote(slot):
                writes = self.writes.told()
                done = writes is not None
            if not done or page.called_back or page.borrowed:  # type: ignore[redundant-expr] # other processes write it
                self.writes.put_back()
                self._reap_exiting()
                return (ENDED, (pid, self._status)), queue_index, raw, record
            if os.getppid() != self.worker:
                leave(0)  # the worker is gone: nobody may reserve for it
            page.set_in_turn()
            try:
                following = reserver.reserve(record, writes)
            except BlockingIOError:
                return (BROKEN, "no reply in time"), queue_index, raw, record
            except OSError as error:
                return (BROKEN, str(error)), queue_index, raw, record
            if following is None:
                return (ANSWERED, reserver.reply), queue_index, raw, record
            if writes is not None:
                self.writes.written()
            queue_index, raw = following
            record = reserver.record(queue_index, raw)
            self.turns += 1
            page.set_turns(self.turns)
            if reserver.second != second:
                second = reserver.second
                self.reap()

    def _work(
        self, queue_index: int, raw: bytes
    ) -> tuple[JobClass, Callable[..., Any], Any] | None:
        """The class of a job, the function that performs it in a child, and its arguments; None if the worker must act."""
        decoded, job_call = decode_at_once(raw), self.job_call
        self.writes.expected = []
        if decoded.__class__ is not dict:
            return None
        name = decoded.get("class")
        if self._plain_calls and name.__class__ is str and name not in self._not_plain:
            call = plain_call(job_call.registry, decoded)
            if call is not None:
                return call[0], job_call.call, call
        from pyresque.job.job import Job, Payload  # noqa: PLC0415 - for jobs that are not plain

        job = Job(self.queues[queue_index], Payload.of(decoded), raw, sound=True)
        registry = job_call.tools()[0]
        direct = direct_job(registry, job) if self._no_after_fork else None
        entry = forkable(registry, job) if direct is None else direct.entry
        if entry is None or acts_when_taken(entry):
            return None
        self._not_plain.add(str(name))
        if direct is None:
            return entry, job_call.perform, (job,)
        self.writes.expected = direct.writes
        if direct.first:
            direct.wire = on_the_wire(direct.first)
        return entry, job_call.perform_directly, (direct,)

    def _fork(
        self, entry: JobClass, function: Callable[..., Any], args: Any, queue_index: int
    ) -> int:
        """Fork a child for a job; returns its pid. The child does not return. Raises OSError."""
        second, shown = self.reserver.second, self.shown
        if entry is not shown[0] or queue_index != shown[1] or second != shown[2]:
            self.shown = entry, queue_index, second
            text = f"Processing {self.queues[queue_index]} since {int(time())} [{entry.name}]"
            self.title = self.prefix + text
        pid = fork()
        if pid == 0:
            self.child.run(function, args, self.title)
        return pid

    def _wait(self, pid: int) -> bool:
        """Wait until a child has finished its job or exits, without reaping it; False if the worker called back meanwhile."""
        page = self.page
        while not page.called_back:
            try:
                self._waiting = True
                # A call back that comes before waitid() is sent again, and a child that has finished exits.
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
                self._waiting = False
            except CalledBackError:
                if page.called_back or not page.told(self.slot):  # type: ignore[redundant-expr]  # other processes write it
                    continue
            return True
        return False

    def _reap_exiting(self) -> None:
        """Reap the last child that has finished its job. It is killed where it does not exit: a thread of its job may have stopped it."""
        if self._exiting:
            pid, self._exiting = self._exiting, 0
            exited, self._status = os.waitpid(pid, os.WNOHANG)
            if not exited:
                self._await_exit(pid)

    def _await_exit(self, pid: int) -> None:
        until, exited = monotonic() + LINGER, 0
        while not exited:
            if monotonic() > until:
                os.kill(pid, signal.SIGKILL)
            sleep(GLANCE)
            exited, self._status = os.waitpid(pid, os.WNOHANG)

    def _called_back(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's signature
        if self._waiting:
            self._waiting = False
            raise CalledBackError
