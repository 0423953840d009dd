"""The worker's side of shifts: when there is to be one, looking on while it lasts, and calling it back."""

from __future__ import annotations

import contextlib
import marshal
import os
import select
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pyresque.errors import ConnectError, PyresqueError, RedisUnavailable
from pyresque.executor.fork.child_handle import ChildHandle, drain
from pyresque.executor.fork.fast_path_process import ENDED, WORKING
from pyresque.executor.fork.server_handle import gone

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.executor.base import Outcome
    from pyresque.executor.fork.server_handle import ServerHandle
    from pyresque.executor.fork.shared_page import SharedPage
    from pyresque.ops import Op

#: Seconds up to which a job is a short one. A longer one ends a shift: it is the worker's to watch.
SHORT = 0.1

#: Seconds between two looks at a shift; until a call is sent again that was not heard.
LOOK, AGAIN = 1.0, 0.02

#: A shift of fewer turns did not pay: the next one is begun after twice as many short jobs, of up to so many.
FEW, MOST = 4, 64

#: How a shift ended whose server died.
LOST = "lost"


class LentConnection(Protocol):
    """A connection to Redis that can be lent."""

    where: str

    def fileno(self) -> int:
        """The socket."""

    def stale(self) -> bool:
        """Whether the other side has hung up."""

    def go_on(self, heard: bytes) -> object:
        """The reply that begins with these bytes, which somebody else has read."""

    def settle(self) -> None:
        """Wait until the server has carried out whatever was sent here."""

    def close(self) -> None:
        """Hang up."""


class FastPathSetup(NamedTuple):
    """What a shift has to know.

    ``opening`` is the wire of the turn up to the first record head; ``heads`` stand each before and after its time; ``foot`` ends a
    record; ``title`` begins those of children.
    """

    opening: bytes
    heads: tuple[tuple[bytes, bytes], ...]
    foot: bytes
    queues: tuple[str, ...]
    title: str


class CurrentRecord(NamedTuple):
    """The job in the books: its queue's place, its payload, its record."""

    at: int
    raw: bytes
    record: bytes


class FastPathEnd(NamedTuple):
    """How a shift ended (``fast_path_process.py`` says in which ways), and the pipe in which its children told what is not usual."""

    kind: str
    what: Any
    standing: CurrentRecord
    turns: int
    second: int
    hearing: int
    trouble: BaseException | None = None
    turning: bool = False


class FastPathResult(NamedTuple):
    """What a shift leaves: the turns it took and when the last one was; the job in the books.

    ``outcome``: how that job ended, None where it has not begun. ``reply`` to the turn after it, where that was asked for:
    bytes, a list, or an error. ``lost``: its server died, and the books tell where it stood; ``turning``: while a turn was under way.
    ``trouble`` is the worker's own.
    """

    standing: CurrentRecord
    turns: int
    second: int
    outcome: Outcome | None = None
    reply: Any = None
    lost: bool = False
    turning: bool = False
    trouble: BaseException | None = None


class FastPathHandle:
    """One worker's. ``connect`` makes a line of its own for them; None where none can be lent."""

    def __init__(
        self,
        server: ServerHandle,
        board: SharedPage,
        wakeup: int,
        connect: Callable[[], LentConnection | None],
    ) -> None:
        self._server = server
        self._board = board
        self._wakeup = wakeup
        self._connect = connect
        self._line: LentConnection | None = None
        self._short = 0
        self._need = 1
        #: Whether one is under way, or its child is yet to be taken over.
        self.on = False

    def due(self) -> bool:
        """Whether the jobs before this one, performed by the worker, were short ones that followed one another."""
        return self._short >= self._need

    def note(self, seconds: float) -> None:
        """A job was performed by the worker."""
        self._short = self._short + 1 if seconds < SHORT else 0

    def rest(self) -> None:
        """No job follows."""
        self._short = 0

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def heard(self, begun: bytes) -> object:
        """The reply that begins so, or the error in its place."""
        assert self._line is not None  # noqa: S101 - it was lent
        try:
            return self._line.go_on(begun)
        except PyresqueError as error:
            if isinstance(error, RedisUnavailable):
                self.close()
            return error

    def broken(self, why: str) -> RedisUnavailable:
        """The line is no good any more; the error."""
        where = "" if self._line is None else f" at {self._line.where}"
        self.close()
        return RedisUnavailable(f"Redis{where}: {why}")

    def line(self) -> LentConnection | None:
        """The line, a new one where there is none or it was closed meanwhile; None where none is to be had."""
        if self._line is not None and self._line.stale():
            self.close()
        if self._line is None:
            with contextlib.suppress(RedisUnavailable, ConnectError):
                self._line = self._connect()
        return self._line

    async def run(
        self,
        place: int,
        plan: FastPathSetup,
        standing: CurrentRecord,
        tend: Callable[[], Op[float]],
        told: Callable[[int], None],
    ) -> FastPathEnd | None:
        """Have one, until it ends or is called back; ``told`` is told now and then which child performs.

        None where there is none: nothing has happened. An order that comes meanwhile calls it back.
        """
        line = self.line()
        if line is None:
            self._seldom()
            return None
        hearing, telling = os.pipe()
        self._board.new_shift(place)
        try:
            body = marshal.dumps(((place, *plan), tuple(standing)))
            self._server.shift(body, line.fileno(), telling)
        except OSError:
            os.close(hearing)
            self._seldom()
            return None
        finally:
            os.close(telling)
        self.on = True
        over = await self._watched(tend, told, standing, hearing)
        if over.turns < FEW:
            self._seldom()
        else:
            self._short, self._need = 0, 1
        return over

    def _seldom(self) -> None:
        """The last one did not pay: let twice as many short jobs go by before the next one."""
        self._short, self._need = 0, min(2 * self._need, MOST)

    def child(self, over: FastPathEnd, place: int) -> ChildHandle | None:
        """The child of the job that a shift left in the books; it may have ended."""
        how: Callable[[int], int | None]
        if over.kind == WORKING:
            pid, how = over.what, self._server.teller()
        elif over.kind == ENDED:
            pid, status = over.what
            how = partial(_so, status)
        elif over.kind == LOST and over.what:
            pid, how = over.what, gone
        else:
            os.close(over.hearing)
            return None
        child = ChildHandle(pid, (None, over.hearing), self._board, place, how)
        child.given = 1
        return child

    async def _watched(
        self,
        tend: Callable[[], Op[float]],
        told: Callable[[int], None],
        standing: CurrentRecord,
        hearing: int,
    ) -> FastPathEnd:
        board, server, turns = self._board, self._server, -1
        trouble: BaseException | None = None
        poll = select.poll()
        poll.register(self._wakeup, select.POLLIN)
        poll.register(server.fileno(), select.POLLIN)
        while True:
            try:
                seconds = LOOK if trouble is not None else min(await tend(), LOOK)
                if board.called_back:
                    server.call()
                    seconds = min(seconds, AGAIN)
                ready = [fd for fd, _ in poll.poll(max(0.0, seconds) * 1000)]
                if self._wakeup in ready:
                    drain(self._wakeup)
                    board.call_back()
                if server.fileno() in ready:
                    break
                if not ready and not board.called_back:
                    turns = self._look(turns, told)
            except GeneratorExit:
                board.call_back()
                server.call()
                raise
            except BaseException as error:  # noqa: BLE001 - the worker's own; what the shift leaves is to be known first
                trouble = trouble or error
                board.call_back()
        try:
            kind, what, at, raw, record, taken, second = server.over()
        except OSError:
            return self._lost(standing, hearing, trouble)
        return FastPathEnd(
            kind, what, CurrentRecord(at, raw, record), taken, second, hearing, trouble
        )

    def _look(self, turns: int, told: Callable[[int], None]) -> int:
        """Tell which child performs; call the shift back where it still has the job it had; the turns it has taken."""
        now, child, _ = self._board.shift()
        if now == turns:
            self._board.call_back()
        if child:
            told(child)
        return now

    def _lost(
        self, standing: CurrentRecord, hearing: int, trouble: BaseException | None
    ) -> FastPathEnd:
        """The server is gone: what it last asked of Redis is carried out before anybody looks at the books."""
        if self._line is not None:
            with contextlib.suppress(RedisUnavailable):
                self._line.settle()
        self.close()
        turns, child, turning = self._board.shift()
        return FastPathEnd(LOST, child, standing, turns, 0, hearing, trouble, turning)


def _so(status: int, pid: int) -> int:  # noqa: ARG001 - it was told before
    return status
