"""The waiting connections of a whole pool: the master has them, and tells its workers of jobs.

Each worker has a socket to the master. It sends which queues it waits for. The master sends back that it watches them, that one of them
seems to hold a job, or that it cannot watch them. A worker that hears nothing of the master looks at its own intervals.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from functools import partial
from math import inf
from typing import TYPE_CHECKING

from pyresque.descriptors import held_by, mark
from pyresque.process.host.waits import Waiting, Waits

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from pyresque.clock import Clock
    from pyresque.process.host.waits import Watch

#: Bytes read at a time.
PIECE = 1 << 16

#: What the master sends of a wait: it watches the queues, or it cannot. Any other number: which of them seems to hold a job.
WATCHED, UNWATCHED, FIRST = 0, 1, 2

#: Seconds after which a worker asks the master again, and that the answer may be late. Seconds until it asks after UNWATCHED.
RENEW, GRACE, AGAIN = 20.0, 5.0, 5.0

#: In front of what a worker sends: the bytes that follow, and the number of the wait. In front of each queue: its bytes.
HEAD, LENGTH = struct.Struct(">IB"), struct.Struct(">I")


class WatchByMaster:
    """What a worker of a pool has in place of a ``QueueWatch`` of its own. ``most``: a worker of more queues polls."""

    def __init__(self, line: socket.socket, clock: Clock, most: int) -> None:
        self.clock = clock
        self.most = most
        self._line: socket.socket | None = line
        line.setblocking(False)
        self._mark = mark(line.fileno())
        held_by(self)
        self._number = 0  # of our wait; the master repeats it
        self._asked: tuple[str, ...] = ()  # what we wait for, as the master knows
        self._answered = False
        self._ask_at = 0.0
        self._late_at = inf
        self._ready: set[str] = set()
        self._rest = b""

    def arm(self, keys: Iterable[str]) -> None:
        """Send the master which queues we wait for, unless it knows."""
        wanted = tuple(dict.fromkeys(keys))
        now = self.clock.monotonic()
        if not wanted or len(wanted) > self.most:
            return
        if (self._asked and wanted != self._asked) or now >= self._ask_at:
            self._ask(wanted, now)

    def all_armed(self, keys: Iterable[str]) -> bool:
        """Return whether the master watches all of these queues; it is taken to until it is late with its answer."""
        wanted = set(keys)
        return bool(wanted) and wanted.issubset(self._asked) and not self._is_late

    def take_ready(self, keys: Iterable[str]) -> list[str]:
        """Return those of these queues that the master has reported since they were last asked for."""
        wanted = set(keys)
        if wanted:
            self._hear()
        found = self._ready & wanted
        self._ready -= found
        return list(found)

    def watched(self, keys: Iterable[str]) -> list[int]:
        """Return the socket to poll."""
        del keys
        line = self._line
        return [] if line is None else [line.fileno()]

    def due(self, keys: Iterable[str]) -> float:
        """Return when ``arm`` must be called again although the master sent nothing."""
        del keys
        if self._ready:
            return -inf
        if self._answered or not self._asked or self._is_late:
            return self._ask_at
        return self._late_at

    def leave(self, keys: Iterable[str] | None = None) -> None:
        """We wait no longer for these queues, or for any: the master is not to wake us for a job."""
        if self._asked and (keys is None or set(self._asked).issubset(keys)):
            self._ask((), self.clock.monotonic())

    def close(self) -> None:
        """Close the socket; the master then forgets us."""
        line, self._line, self._asked = self._line, None, ()
        self._ask_at = inf
        if line is not None:
            with suppress(OSError):
                line.close()

    def let_go_of_closed(self) -> None:
        """Forget the socket if a job has closed it: its number may soon be another descriptor's."""
        line = self._line
        if line is not None and mark(line.fileno()) != self._mark:
            line.detach()
            self.close()

    def open_again(self) -> None:
        """Do nothing: without the master we look at our own intervals."""

    @property
    def _is_late(self) -> bool:
        """Whether the master does not answer."""
        return not self._answered and self.clock.monotonic() > self._late_at

    def _ask(self, wanted: tuple[str, ...], now: float) -> None:
        line = self._line  # another thread may find that a job has closed it
        if line is None:
            return
        self._number = (self._number + 1) % 256
        self._asked, self._answered = wanted, False
        self._ask_at, self._late_at = (now + RENEW, now + GRACE) if wanted else (0.0, inf)
        names = [key.encode("utf-8", "surrogateescape") for key in wanted]
        whole = b"".join(LENGTH.pack(len(name)) + name for name in names)
        try:
            line.sendall(HEAD.pack(len(whole), self._number) + whole)
        except OSError:
            self.close()

    def _hear(self) -> None:
        """Take what the master has sent: pairs of the number of a wait, and of what became of it."""
        line = self._line
        if line is None:
            return
        try:
            heard = line.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            heard = b""
        if not heard:
            self.close()
        heard = self._rest + heard
        self._rest = heard[len(heard) & ~1 :]
        for number, word in zip(heard[::2], heard[1::2], strict=False):
            if number != self._number or not self._asked:
                continue
            if word == WATCHED:
                self._answered = True
                continue
            if word >= FIRST:
                self._ready.update(self._asked[word - FIRST : word - FIRST + 1])
            # The master knows of no wait of ours now.
            self._asked = ()
            self._ask_at = self.clock.monotonic() + AGAIN if word == UNWATCHED else 0.0


class _Worker:
    """A worker, as the master sees it: its socket, and its present wait."""

    def __init__(self, line: socket.socket, pid: int) -> None:
        self.line = line
        self.pid = pid
        self.waiting: Waiting | None = None
        self.answered = False
        self.number = 0
        self._heard = b""

    def frames(self) -> list[tuple[int, tuple[str, ...]]] | None:
        """Return what the worker has sent: numbers of waits with their queues. None: its process has ended."""
        try:
            heard = self.line.recv(PIECE)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not heard:
            return None
        self._heard += heard
        found = []
        while len(self._heard) >= HEAD.size:
            length, number = HEAD.unpack_from(self._heard)
            end = HEAD.size + length
            if len(self._heard) < end:
                break
            found.append((number, _names(self._heard[HEAD.size : end])))
            self._heard = self._heard[end:]
        return found

    def tell(self, word: int) -> None:
        """Send what became of the wait; a worker that reads nothing looks by itself."""
        with suppress(OSError):
            self.line.send(bytes((self.number, word)))


class PoolWaits:
    """The master's end: the waits of all workers of a pool."""

    def __init__(self, queue_watch: Watch) -> None:
        self._queue_watch = queue_watch
        self._waits = Waits(queue_watch)
        self._workers: dict[int, _Worker] = {}

    def add(self, worker: socket.socket, pid: int) -> None:
        """Listen to a worker that was forked, at our end of its socket."""
        worker.setblocking(False)
        self._workers[worker.fileno()] = _Worker(worker, pid)

    def remove(self, pid: int) -> None:
        """Forget a worker whose process has ended; its job's child may hold the other end still."""
        for worker in [one for one in self._workers.values() if one.pid == pid]:
            self._forget(worker)

    def begin(self) -> tuple[list[int], float]:
        """Watch the queues that workers wait for; return the descriptors to wait for, and the seconds at most."""
        watched, seconds = self._waits.begin()
        for worker in self._workers.values():
            waiting = worker.waiting
            if waiting is None or worker.answered:
                continue
            if self._waits.watches(waiting):
                worker.answered = True
                worker.tell(WATCHED)
            else:
                self._end_wait(worker)
                worker.tell(UNWATCHED)
        return [*self._workers, *watched], seconds

    def end(self, ready: Iterable[int]) -> None:
        """Read what has come, from workers and from Redis; wake workers for jobs."""
        for number in ready:
            worker = self._workers.get(number)
            if worker is not None:
                self._listen(worker)
        self._waits.end()

    def close(self) -> None:
        """Close the sockets and the connections. A forked worker calls this, too: they are the master's."""
        for worker in self._workers.values():
            worker.line.close()
        self._workers.clear()
        self._queue_watch.close()

    def _listen(self, worker: _Worker) -> None:
        frames = worker.frames()
        if frames is None:
            self._forget(worker)
        elif frames:
            self._end_wait(worker)
            worker.number, queues = frames[-1]
            if queues and len(queues) <= 255 - FIRST:
                worker.waiting = Waiting(frozenset(queues), partial(self._wake, worker, queues))
                self._waits.enter(worker.waiting)

    def _forget(self, worker: _Worker) -> None:
        self._end_wait(worker)
        del self._workers[worker.line.fileno()]
        worker.line.close()

    def _wake(self, worker: _Worker, queues: tuple[str, ...], key: str | None) -> None:
        worker.waiting, worker.answered = None, False
        worker.tell(UNWATCHED if key is None else FIRST + queues.index(key))

    def _end_wait(self, worker: _Worker) -> None:
        if worker.waiting is not None:
            self._waits.leave(worker.waiting)
        worker.waiting, worker.answered = None, False


def _names(packed: bytes) -> tuple[str, ...]:
    found, at = [], 0
    while at < len(packed):
        (length,) = LENGTH.unpack_from(packed, at)
        at += LENGTH.size
        found.append(packed[at : at + length].decode("utf-8", "surrogateescape"))
        at += length
    return tuple(found)
