"""A shift: plain jobs one after another by the fork server itself, which asks Redis for each and forks a child; nobody else is woken.

Law: it does only what is done for every job. Whatever else comes up (a job that failed, a payload that is not plain, a reply
that is no job, a Redis that is away, a worker that calls back) ends the shift, and the worker goes on in its usual way from
where the shift stands.
"""

from __future__ import annotations

import os
import sys
from time import perf_counter, time

from pyresque import signal_handlers
from pyresque.executor.fork import cheap_fork
from pyresque.executor.fork.cheap_fork import set_title
from pyresque.executor.fork.child_process import FAILED, REHEARSALS, complain, tell, told
from pyresque.executor.fork.fast_path_reserve import FastPathReserver
from pyresque.job_copies import fork, leave, own
from pyresque.ruby.json_fast import decode_at_once
from pyresque.standard_streams import flush

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, TypeAlias

    from pyresque.executor.fork.child_job import JobCall
    from pyresque.executor.fork.child_signals import ChildSignals
    from pyresque.executor.fork.shared_page import SharedPage
    from pyresque.job.registry import JobClass

    #: How it ended, and what belongs to that; see below.
    End: TypeAlias = tuple[str, Any]
else:
    import _signal as signal

#: How a shift ends: the job in the books is yet to be begun; its child (pid) works on; its child ended (pid, status);
#: the turn after it was answered with this (bytes, a part of them perhaps); that turn broke off (why).
LEFT, WORKING, ENDED, ANSWERED, BROKEN = "left", "working", "ended", "answered", "broken"

#: The signal by which a worker calls back. It is ignored by whoever knows nothing of it.
CALL: int = getattr(signal, "SIGURG", 0)


class CalledBackError(BaseException):
    """Raised by the signal, where the shift waits for a child and nowhere else."""


class FastPathRun:
    """One shift. ``line`` is a connection to Redis, lent by the worker; ``telling`` is where children tell what is not usual.

    ``plan``: the place at the board; then as ``shifts.Plan``. ``parent`` is the worker; ``let_go`` closes in a child what is not
    its own; ``tidy`` buries others, once a second.
    """

    def __init__(
        self,
        attempt: JobCall,
        board: SharedPage,
        signals: ChildSignals,
        line: int,
        telling: int,
        plan: tuple[Any, ...],
        parent: int,
        let_go: Callable[[], None],
        tidy: Callable[[], None],
    ) -> None:
        self.attempt = attempt
        self.board = board
        self.signals = signals
        self.line = line
        self.telling = telling
        self.place, opening, heads, foot, self.queues, self.prefix = plan
        self.turning = FastPathReserver(line, opening, heads, foot)
        self.parent = parent
        self.let_go = let_go
        self.tidy = tidy
        self.turns = 0
        self.shown: tuple[JobClass | None, int, int] = None, 0, 0
        self.title = self.prefix
        self._keeper = os.getpid()
        self._waiting = False

    # -- the server's part

    def work(  # noqa: C901, PLR0911 - one path, and every way off it
        self, at: int, raw: bytes, record: bytes
    ) -> tuple[End, int, bytes, bytes]:
        """Perform the job of the queue at that place, which is in the books as ``record``, and those that follow it.

        Returns how it ended, and the job that is in the books, in the same way.
        """
        board, place, turning, second = self.board, self.place, self.turning, 0
        self.signals.place = place
        signal_handlers.take(CALL, self._called_back)
        while True:
            found = self._call(raw)
            if found is None or board.called_back:
                return (LEFT, None), at, raw, record
            board.begin(place, begun=False)
            try:
                pid = self._fork(*found, at)
            except OSError:
                return (LEFT, None), at, raw, record  # the worker tells of it when it tries itself
            if not self._waited(pid):
                return (WORKING, pid), at, raw, record
            status = os.waitpid(pid, 0)[1]
            if not board.finished(place) or board.called_back:
                return (ENDED, (pid, status)), at, raw, record
            if os.getppid() != self.parent:
                leave(0)  # the worker is gone, and takes no more jobs
            board.turning()
            try:
                following = turning.turn(record)
            except BlockingIOError:
                return (BROKEN, "no reply in time"), at, raw, record
            except OSError as error:
                return (BROKEN, str(error)), at, raw, record
            if following is None:
                return (ANSWERED, turning.heard), at, raw, record
            at, raw = following
            record = turning.record(at, raw)
            self.turns += 1
            board.turned(self.turns)
            if turning.second != second:
                second = turning.second
                self.tidy()

    def _call(self, raw: bytes) -> tuple[JobClass, list[Any]] | None:
        """The plain call that a payload is."""
        payload = decode_at_once(raw)
        if payload.__class__ is not dict:
            return None
        entry, args = self.attempt.registry.ready(payload.get("class")), payload.get("args")
        return None if entry is None or args.__class__ is not list else (entry, args)

    def _fork(self, entry: JobClass, args: list[Any], at: int) -> int:
        """Fork a child for it; where it stands at the board tells, should we die, how far the job has come."""
        second, shown = self.turning.second, self.shown
        if entry is not shown[0] or at != shown[1] or second != shown[2]:
            self.shown = entry, at, second
            doing = f"Processing {self.queues[at]} since {int(time())} [{entry.name}]"
            self.title = self.prefix + doing
        pid = fork()
        if pid:
            return pid
        try:
            # Before it lets go: whoever finds the server gone looks here.
            self.board.born(os.getpid())
            self.let_go()
            os.close(self.line)
        except BaseException:  # noqa: BLE001 - the job has not begun
            leave(1)
        # As ``live``, with fewer steps: each is a page of the child's own.
        status = FAILED
        try:
            self.perform(entry, args)
            flush()
            status = 0
        except BaseException as error:  # noqa: BLE001 - as there
            status = complain(error)
        finally:
            leave(status)

    def _waited(self, pid: int) -> bool:
        """Wait for its end, and leave it to be buried; False where the worker called back meanwhile."""
        try:
            self._waiting = True
            # If the signal comes just before we wait, it is sent again.
            if not self.board.called_back:
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
                self._waiting = False
                return True
            self._waiting = False
        except CalledBackError:
            return False
        return False

    def _called_back(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's signature
        if self._waiting and os.getpid() == self._keeper:
            self._waiting = False
            raise CalledBackError

    # -- the child's part

    def perform(self, entry: JobClass, args: list[Any]) -> None:
        """Perform a job; tell what there is to tell beside that it is done."""
        known, error = len(sys.modules), b""
        set_title(self.title)
        started = perf_counter()
        try:
            self.board.begin(self.place)
            own(self.attempt.call, entry, args)
            if len(sys.modules) == known:
                self.board.finish(self.place)
                return
        except BaseException as raised:  # noqa: BLE001 - a job may raise anything; it is all recorded
            if self.board.finished(self.place):
                return  # an order that came too late
            error = told(raised)
        seconds = perf_counter() - started
        self.signals.spend()
        names = (
            cheap_fork.modules_since(known).encode("utf-8", "replace")
            if len(sys.modules) != known
            else b""
        )
        try:
            tell(self.telling, seconds, error, names, leaving=True)
        except OSError:
            if error:
                raise
            self.board.finish(self.place)  # as ``serve``

    def rehearse(self, entry: JobClass) -> None:
        """Walk a child's path, so that no child has to specialize its code, or be given a copy of what that touches."""
        for _ in range(REHEARSALS):
            self.perform(entry, [1, "x"])
