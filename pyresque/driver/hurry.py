"""Bounds how long a thread waits for Redis once its process is to end: a server that hangs would hold it up for minutes.

A worker, scheduler, mover or pool calls its ``Hurry`` when a signal stops it, and again when its last job has ended. From then on a
new connection, and each reply on it, may take ``LAST_REPLY`` seconds. A connection that was made before is closed after as many
seconds, in the midst of what is awaited there: whoever awaits it gets RedisUnavailable, as of any connection that breaks.
"""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread
from time import sleep
from typing import TYPE_CHECKING, Protocol

from pyresque.lightweight import replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.driver.url import RedisUrl

#: Seconds that a reply, or a connection, may take in a process that is to end.
LAST_REPLY = 2.0


class Waits(Protocol):
    """The connections of one thread, or of one event loop."""

    #: Whether new connections are those of a process that is to end.
    hurried: bool

    def break_off(self, seconds: float) -> None:
        """Close connections that were made before ``hurried`` was set, so long ago. Called from another thread."""


def hurried(to: RedisUrl) -> RedisUrl:
    """Return how to connect to a server from a process that is to end."""
    return replace(
        to,
        connect_timeout=min(to.connect_timeout, LAST_REPLY),
        reply_timeout=min(to.reply_timeout, LAST_REPLY),
    )


def is_hurried(reply_timeout: float) -> bool:
    """Whether a connection with this limit need not be closed."""
    return reply_timeout <= LAST_REPLY


class Hurry:
    """What a process calls that is to end. ``busy``: whether the connections serve a job now, which keeps all of its time."""

    def __init__(self, waits: Waits, busy: Callable[[], bool] = bool) -> None:
        self._waits = waits
        self._busy = busy
        self._due = False

    def __call__(self) -> None:
        """Wait for Redis only shortly from now on. Any thread, and a signal handler, may call this, and again after a job."""
        if self._busy():
            return
        self._waits.hurried = True
        if not self._due:
            self._due = True
            begun = allocate_lock()
            begun.acquire()
            try:
                start_new_thread(self._end_waits, (begun.release,))
            except RuntimeError:
                return  # no thread can be started: then each wait takes its usual time
            # CPython 3.10 crashes if it ends while a thread is being started.
            begun.acquire()

    def _end_waits(self, begun: Callable[[], None]) -> None:
        """In a thread of its own: end the waits on connections that were made before."""
        begun()
        sleep(LAST_REPLY)
        self._due = False
        if not self._busy():
            self._waits.break_off(LAST_REPLY)
