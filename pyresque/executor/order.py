"""An order to end that reaches a job in whatever thread runs it: TermException is raised there, once a job.

The thread hears it where it runs Python: a call into C that does not come back hears nothing.
"""

from __future__ import annotations

import threading

from pyresque.alarm import raise_in_thread
from pyresque.errors import TermException


class _Told(TermException):
    """Another thread can be given a class to raise, but no error that is made already."""

    def __init__(self) -> None:
        super().__init__("SIGTERM")


_Told.__qualname__ = TermException.__qualname__


class Order:
    """One slot's way to the thread that runs its job just now. May be given from any thread."""

    def __init__(self) -> None:
        # Whoever is interrupted between taking the lock and holding it takes it again.
        self._lock = threading.RLock()
        self._thread: int | None = None
        self._given = self._heard = self._on_its_way = False

    def renew(self) -> None:
        """A new job: what was ordered before is not for it."""
        if self._given:
            with self._lock:
                self._given = self._heard = False

    def give(self) -> None:
        """Raise TermException in the thread that runs the job, or where it is next begun or asked for."""
        with self._lock:
            if self._given:
                return
            self._given = True
            if self._thread is not None:
                self._heard = self._on_its_way = True
                raise_in_thread(self._thread, _Told)

    def pending(self) -> bool:
        """Whether an order was given that nobody has heard; whoever asks has heard it now."""
        with self._lock:
            pending = self._given and not self._heard
            self._heard = self._heard or pending
            return pending

    def begin(self) -> None:
        """This thread runs the job from here. Raises TermException where that was ordered already."""
        with self._lock:
            if self.pending():
                raise TermException("SIGTERM")
            self._thread = threading.get_ident()

    def end(self) -> None:
        """It no longer does: an order that is on its way finds nothing to end."""
        while True:
            try:
                with self._lock:
                    self._thread = None
                    if self._on_its_way:
                        self._on_its_way = False
                        raise_in_thread(threading.get_ident(), None)
            except _Told:
                continue
            return
