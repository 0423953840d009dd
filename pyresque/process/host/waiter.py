"""Waits for a job in some queues, a signal, or a time; and the pipe by which signals and threads end a wait."""

from __future__ import annotations

import os
import select
from contextlib import suppress
from typing import TYPE_CHECKING

from pyresque.descriptors import held_by, look_over, mark
from pyresque.executor.fork.child_handle import drain
from pyresque.standard_streams import open_what_is_closed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from pyresque.process.host.waits import Watch

#: Most seconds of one poll(): its argument is a C int of milliseconds.
LONGEST_POLL = 3600.0

#: Most seconds of one poll() where jobs run in other threads. A job may close the pipe that is to end the poll(), and its number may
#: be another descriptor's when poll() begins.
LOOK = 2.0

#: Standard input, output and error.
STANDARD = (0, 1, 2)


class Waiter:
    """Waits in the calling thread. ``wakeup`` is a descriptor that becomes readable when a signal comes."""

    def __init__(
        self, wakeup: int, watch: Watch | None, empty: Callable[[], object] | None = None
    ) -> None:
        """``watch``: connections that wait for jobs; None: no wait ends for a job. ``empty`` reads the pipe empty."""
        self.wakeup = wakeup
        self._empty = empty or (lambda: drain(self.wakeup))
        self.watch = watch

    def sleep(self, seconds: float, *watched: int) -> bool:
        """Wait that many seconds, until a signal comes (then True), or until one of these sockets is readable."""
        if self.wakeup not in ready((self.wakeup, *watched), seconds):
            return False
        self._empty()
        return True

    def wait(self, queues: tuple[str, ...], look: float, most: float) -> bool:
        """Wait for a job, a signal or a time: see ``Host.wait_for_jobs``."""
        if self.watch is None:
            return not self.sleep(min(look, most)) and look <= most
        steps = waiting(self.watch, queues, look, most)
        while True:
            try:
                seconds, watched = next(steps)
            except StopIteration as end:
                return bool(end.value)
            if self.sleep(seconds, *watched):
                return False


def waiting(
    watch: Watch, queues: tuple[str, ...], look: float, most: float
) -> Generator[tuple[float, list[int]], None, bool]:
    """One wait for a job or a time. Yield for how many seconds to poll which sockets; return what ``Waiter.wait`` returns."""
    now = watch.clock.monotonic
    start = now()
    watch.take_ready(queues)  # stale replies: the worker has looked since then
    while True:
        watch.arm(queues)
        armed = watch.all_armed(queues)
        left = start + (most if armed else min(look, most)) - now()
        if left <= 0:
            return not armed and look <= most
        yield min(left, watch.due(queues) - now()), watch.watched(queues)
        if watch.take_ready(queues):
            return True


def ready(watched: Iterable[int], seconds: float) -> list[int]:
    """Return the descriptors that became readable, or closed, within that time; -1, at once, for a socket that is closed already."""
    poll = select.poll()
    for number in watched:
        if number < 0:  # another thread has found that a job closed it
            return [number]
        poll.register(number, select.POLLIN)
    return [number for number, _ in poll.poll(max(0.0, min(seconds, LONGEST_POLL)) * 1000)]


class WakePipe:
    """A pipe that ends waits. Whoever waits polls ``reading``.

    A job that closes all descriptors closes this pipe, too: it is opened again, and ``moved`` gets the former writing end.
    """

    def __init__(self, moved: Callable[[int], object] = lambda _former: None) -> None:
        self._moved = moved
        self._closed = self._lost = False
        self._open()
        held_by(self)

    def wake(self) -> None:
        """Make the reading end readable. Any thread may call this."""
        try:
            os.write(self.writing, b"\0")
        except BlockingIOError:
            return  # the pipe is full, so it is readable
        except OSError:
            look_over()

    def empty(self) -> None:
        """Read the pipe empty. Its descriptors may have other numbers afterwards."""
        if len(self._ours()) < 2 or not drain(self.reading):  # noqa: PLR2004 - a pipe's two ends
            look_over()

    def let_go_of_closed(self) -> None:
        """Close the other end if a job has closed one."""
        if not self._lost and len(self._ours()) < 2:  # noqa: PLR2004 - a pipe's two ends
            self._lost = True
            self._let_go()

    def open_again(self) -> None:
        """Open the pipe again if it was closed; standard input, output and error first, else it would get their numbers."""
        if self._closed:
            return
        if None in map(mark, STANDARD):
            open_what_is_closed()
        if self._lost:
            former = self.writing
            self._open()
            self._moved(former)

    def close(self) -> None:
        """Close both ends."""
        self._closed = self._lost = True
        self._let_go()

    def _open(self) -> None:
        self.reading, self.writing = os.pipe()
        self._marks = mark(self.reading), mark(self.writing)
        self._lost = False
        os.set_blocking(self.reading, False)
        os.set_blocking(self.writing, False)

    def _let_go(self) -> None:
        """Close the ends that are still ours: another file may have got their numbers."""
        for end in self._ours():
            with suppress(OSError):
                os.close(end)

    def _ours(self) -> list[int]:
        """Return the ends that no job has closed."""
        ends = zip((self.reading, self.writing), self._marks, strict=True)
        return [end for end, made in ends if mark(end) == made]
