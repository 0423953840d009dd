"""Waits for whatever comes first: a job in one of some queues, a signal, or the time to look."""

from __future__ import annotations

import os
import select
from contextlib import suppress
from typing import TYPE_CHECKING

from pyresque.descriptors import held_by, look_over, mark
from pyresque.executor.fork.child_handle import drain
from pyresque.standard_streams import open_what_is_closed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyresque.process.host.queue_watch import QueueWatch

#: Seconds that one poll may last; the system's counter of milliseconds has an end.
LONGEST = 3600.0

#: Standard input, output and error.
STANDARD = (0, 1, 2)


class Waiter:
    """Waits in the thread that calls it. ``wakeup`` is a pipe that becomes readable when a signal comes."""

    def __init__(
        self, wakeup: int, lines: QueueWatch | None, empty: Callable[[], object] | None = None
    ) -> None:
        """Without lines it hears of no job. ``empty`` takes what stands in the pipe."""
        self.wakeup = wakeup
        self._empty = empty or (lambda: drain(self.wakeup))
        self.lines = lines

    def sleep(self, seconds: float, *watched: int) -> bool:
        """Wait that long, or until a signal comes (then True), or until one of these sockets has something to say."""
        if self.wakeup not in ready((self.wakeup, *watched), seconds):
            return False
        self._empty()
        return True

    def wait(self, queues: tuple[str, ...], look: float, most: float) -> bool:
        """As ``Surroundings.wait_for_jobs``."""
        lines = self.lines
        if lines is None:
            return not self.sleep(min(look, most)) and look <= most
        now = lines.clock.monotonic
        start = now()
        lines.rung(queues)  # said before this wait: the worker has looked since then
        while True:
            lines.hold(queues)
            heard = lines.heard(queues)
            left = start + (most if heard else min(look, most)) - now()
            if left <= 0:
                return not heard and look <= most
            if self.sleep(min(left, lines.due(queues) - now()), *lines.watched(queues)):
                return False
            if lines.rung(queues):
                return True


def ready(watched: Iterable[int], seconds: float) -> list[int]:
    """Those that became readable, or ended, within that time."""
    poll = select.poll()
    for number in watched:
        poll.register(number, select.POLLIN)
    return [number for number, _ in poll.poll(max(0.0, min(seconds, LONGEST)) * 1000)]


class WakePipe:
    """``reading`` becomes readable; ``moved`` is called with the former writing end where both ends have other numbers now."""

    def __init__(self, moved: Callable[[int], object] = lambda _former: None) -> None:
        self._moved = moved
        self._closed = self._lost = False
        self._open()
        held_by(self)

    def wake(self) -> None:
        """Have the reading end readable. From any thread."""
        try:
            os.write(self.writing, b"\0")
        except BlockingIOError:
            return  # it is full of calls to wake up
        except OSError:
            look_over()

    def empty(self) -> None:
        """Take all that stands in it; whoever waits shall look at its numbers again afterwards."""
        if len(self._ours()) < 2 or not drain(self.reading):  # noqa: PLR2004 - a pipe's two ends
            look_over()

    def let_go_of_closed(self) -> None:
        """Close the other end where somebody has closed one."""
        if not self._lost and len(self._ours()) < 2:  # noqa: PLR2004 - a pipe's two ends
            self._lost = True
            self._let_go()

    def open_again(self) -> None:
        """Open another one where it was closed; standard input, output and error before it takes their numbers."""
        if self._closed:
            return
        if None in map(mark, STANDARD):
            open_what_is_closed()
        if self._lost:
            former = self.writing
            self._open()
            self._moved(former)

    def close(self) -> None:
        """Close it."""
        self._closed = self._lost = True
        self._let_go()

    def _open(self) -> None:
        self.reading, self.writing = os.pipe()
        self._marks = mark(self.reading), mark(self.writing)
        self._lost = False
        os.set_blocking(self.reading, False)
        os.set_blocking(self.writing, False)

    def _let_go(self) -> None:
        """Close what is still ours: another descriptor may have got the number."""
        for end in self._ours():
            with suppress(OSError):
                os.close(end)

    def _ours(self) -> list[int]:
        """The ends that nobody else has closed."""
        ends = zip((self.reading, self.writing), self._marks, strict=True)
        return [end for end, made in ends if mark(end) == made]
