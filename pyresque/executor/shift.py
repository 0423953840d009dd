"""A shift: plain jobs one after another by the fork server itself, which asks Redis for each and forks a child; nobody else is woken.

Law: it does only what is done for every job. Whatever else comes up (a job that failed, a payload that is not plain, a reply
that is no job, a Redis that is away, a worker that calls back) ends the shift, and the worker goes on in its usual way from
where the shift stands.
"""

from __future__ import annotations

import os
import sys
from time import gmtime, perf_counter, strftime, time

from pyresque.executor import late
from pyresque.executor.life import FIRST, PIECE, TOLD, complain, told
from pyresque.executor.title import set_title
from pyresque.ruby.json_once import decode_at_once

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, TypeAlias

    from pyresque.executor.attempt import Attempt
    from pyresque.executor.board import Board
    from pyresque.executor.child_signals import ChildSignals
    from pyresque.job.registry import JobClass

    #: How it ended, and what belongs to that; see below.
    End: TypeAlias = tuple[str, Any]
else:
    import _signal as signal

#: How a shift ends: the job in the books is yet to be begun; its child (pid) works on; its child ended (pid, status);
#: the turn after it was answered with this (bytes, a part of them perhaps); that turn broke off (why).
LEFT, WORKING, ENDED, ANSWERED, BROKEN = "left", "working", "ended", "answered", "broken"

#: How the time stands in worker records.
STAMP = "%Y-%m-%dT%H:%M:%SZ"

#: The signal by which a worker calls back. It is ignored by whoever knows nothing of it.
CALL: int = getattr(signal, "SIGURG", 0)

#: A reply of turn.lua that is a job of another queue than the first, up to that queue's place, and what follows the payload.
OTHER, REST = b"*5\r\n:1\r\n:", b"$0\r\n\r\n*0\r\n"

#: How often a job that does nothing is performed before the first fork: the interpreter specializes code that ran some dozen times.
REHEARSALS = 64


class CalledBackError(BaseException):
    """Raised by the signal, where the shift waits for a child and nowhere else."""


class Shift:
    """One shift. ``line`` is a connection to Redis, lent by the worker; ``telling`` is where children tell what is not usual.

    ``plan``: the place at the board; the wire of the turn up to the first record head; the heads, each before and after its
    time; how records end; the queues; how titles begin. ``parent`` is the worker; ``let_go`` closes in a child what is not its own;
    ``tidy`` buries others.
    """

    def __init__(
        self,
        attempt: Attempt,
        board: Board,
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
        self.place, self.opening, self.heads, self.foot, self.queues, self.prefix = plan
        self.parent = parent
        self.let_go = let_go
        self.tidy = tidy
        self.turns = 0
        self.second = 0
        self.written = b""
        self.shown: tuple[JobClass | None, int, int] = None, 0, 0
        self.title = self.prefix
        self.now: list[bytes] = []
        self.heard = b""
        self._keeper = os.getpid()
        self._waiting = False

    # -- the server's part

    def work(  # noqa: PLR0911 - one path, and every way off it
        self, at: int, raw: bytes, record: bytes
    ) -> tuple[End, int, bytes, bytes]:
        """Perform the job of the queue at that place, which is in the books as ``record``, and those that follow it.

        Returns how it ended, and the job that is in the books, in the same way.
        """
        board, place = self.board, self.place
        self.signals.place = place
        signal.signal(CALL, self._called_back)
        board.turned(0)
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
                os._exit(0)  # the worker is gone, and takes no more jobs
            try:
                following = self._turn(record)
            except BlockingIOError:
                return (BROKEN, "no reply in time"), at, raw, record
            except OSError as error:
                return (BROKEN, str(error)), at, raw, record
            if following is None:
                return (ANSWERED, self.heard), at, raw, record
            at, raw = following
            record = self.now[at] + raw + self.foot
            self.turns += 1
            board.turned(self.turns)

    def _call(self, raw: bytes) -> tuple[JobClass, list[Any]] | None:
        """The plain call that a payload is."""
        payload = decode_at_once(raw)
        if payload.__class__ is not dict:
            return None
        entry, args = self.attempt.registry.ready(payload.get("class")), payload.get("args")
        return None if entry is None or args.__class__ is not list else (entry, args)

    def _fork(self, entry: JobClass, args: list[Any], at: int) -> int:
        """Fork a child for it; where it stands at the board tells, should we die, how far the job has come."""
        if entry is not self.shown[0] or at != self.shown[1] or self.second != self.shown[2]:
            self.shown = entry, at, self.second
            doing = f"Processing {self.queues[at]} since {int(time())} [{entry.name}]"
            self.title = self.prefix + doing
        pid = os.fork()
        if pid:
            return pid
        try:
            # Before it lets go: whoever finds the server gone looks here.
            self.board.born(os.getpid())
            self.let_go()
            os.close(self.line)
        except BaseException:  # noqa: BLE001 - the job has not begun
            os._exit(1)
        # As ``live``, with fewer steps: each is a page of the child's own.
        try:
            self.perform(entry, args)
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException as error:  # noqa: BLE001 - as there
            complain(error)
        finally:
            os._exit(0)

    def _waited(self, pid: int) -> bool:
        """Wait for its end, and leave it to be buried; False where the worker called back meanwhile."""
        try:
            self._waiting = True
            if (
                not self.board.called_back
            ):  # if its signal comes just before we wait, it is sent again
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
            self.attempt.call(entry, args)
            if len(sys.modules) == known:
                self.board.finish(self.place)
                return
        except BaseException as raised:  # noqa: BLE001 - a job may raise anything; it is all recorded
            if self.board.finished(self.place):
                return  # an order that came too late
            error = told(raised)
        seconds = perf_counter() - started
        self.signals.spend()
        names = late.since(known).encode("utf-8", "replace") if len(sys.modules) != known else b""
        frame = TOLD.pack(True, seconds, len(error), len(names)) + error + names
        while frame:
            frame = frame[os.write(self.telling, frame) :]

    def rehearse(self, entry: JobClass) -> None:
        """Walk a child's path, so that no child has to specialize its code, or be given a copy of what that touches."""
        for _ in range(REHEARSALS):
            self.perform(entry, [1, "x"])

    # -- Redis

    def _turn(self, record: bytes) -> tuple[int, bytes] | None:
        """Finish the record and take the next job: its queue's place, and its payload; None where the reply is another."""
        second = int(time())
        if second != self.second:
            self.tidy()
            self.second = second
            stamp = strftime(STAMP, gmtime(second)).encode()
            self.now = [before + stamp + after for before, after in self.heads]
            bulks = b"".join(b"$%d\r\n%b\r\n" % (len(head), head) for head in self.now)
            self.written = self.opening + bulks
        wire = b"%b$%d\r\n%b\r\n" % (self.written, len(record), record)
        while wire:
            wire = wire[os.write(self.line, wire) :]
        self.heard = b""
        self._hear()
        try:
            return self._read()
        except ValueError:
            return None

    def _read(self) -> tuple[int, bytes] | None:
        at, begin, rest = 0, 0, b""
        if self.heard.startswith(OTHER):
            begin, rest = self.heard.index(b"\r\n", len(OTHER)) + 2, REST
            at = int(self.heard[len(OTHER) : begin - 2]) - 1
        if self.heard[begin : begin + 1] != b"$":
            return None
        first = self.heard.index(b"\r\n", begin) + 2
        past = first + int(self.heard[begin + 1 : first - 2])
        if past < first or at < 0:
            return None
        whole = past + 2 + len(rest)
        while len(self.heard) < whole:
            self._hear()
        if len(self.heard) != whole or not self.heard.endswith(rest):
            return None
        return at, self.heard[first:past]

    def _hear(self) -> None:
        heard = os.read(self.line, PIECE if self.heard else FIRST)
        if not heard:
            raise ConnectionResetError("the connection was closed")
        self.heard += heard
