"""Waits for whatever comes first: a job in one of some queues, a signal, or the time to look."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

from pyresque.executor.fork.child_handle import drain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyresque.process.host.queue_watch import QueueWatch

#: Seconds that one poll may last; the system's counter of milliseconds has an end.
LONGEST = 3600.0


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
