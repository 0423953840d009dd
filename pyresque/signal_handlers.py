"""The signal handlers that pyresque sets in a process, and the handling that each signal had there before.

A process that a job forks is given that back (``job_copies.py``); one that a job starts by exec never inherits a handler.
"""

from __future__ import annotations

import os

from pyresque.dropped_errors import AGAIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterable
    from types import FrameType
    from typing import Any, TypeAlias

    Handler: TypeAlias = Callable[[int, FrameType | None], Any] | int | None
else:
    # Python's own, below those that make enumerations of all they take and give: a child in a hurry has no use for them.
    import _signal as signal

#: Of each signal that pyresque handles: the handler it set, and how the signal was handled before the first one.
_taken: dict[int, tuple[Handler, Handler]] = {}

HUP: int = getattr(signal, "SIGHUP", 0)
USR1: int = getattr(signal, "SIGUSR1", 0)

#: Handlers that do nothing.
idle: list[Handler] = []

#: The descriptor that pyresque had signals written to; -1: none.
_wakeup = -1


def take(number: int, handler: Handler) -> Handler:
    """Handle a signal so from now on; how it was handled just before."""
    before = signal.signal(number, handler)
    known = _taken.get(number)
    _taken[number] = handler, before if known is None else known[1]
    return before


def give_back(number: int, before: Handler) -> None:
    """Handle a signal as before ``take``, which returned this."""
    signal.signal(number, _settable(before))
    known = _taken.pop(number, None)
    if known is not None and before is not known[1]:
        _taken[number] = before, known[1]


def wake_by(descriptor: int) -> int:
    """Have signals written to that descriptor; the one before."""
    global _wakeup  # noqa: PLW0603 - a process has one
    _wakeup = descriptor
    if descriptor == -1:
        return signal.set_wakeup_fd(-1)
    return signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)


def woken_elsewhere(former: int, descriptor: int) -> None:
    """Have signals written to another descriptor than the former one, if that was the one. From any thread: ``take_again`` sees to it."""
    global _wakeup  # noqa: PLW0603 - a process has one
    if _wakeup == former:
        _wakeup = descriptor


def unblock(*numbers: int) -> None:
    """Let these signals come, in this thread: whoever started the process, or the application, may have blocked them."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)


def take_again() -> None:
    """Handle every signal as ``take`` last ordered, also if other code of this process has changed that. Only in the main thread.

    Signals that were blocked meanwhile come now.
    """
    if not _taken:
        return
    if _wakeup != -1:
        try:  # noqa: SIM105 - contextlib is more than a child in a hurry loads
            signal.set_wakeup_fd(_wakeup, warn_on_full_buffer=False)
        except (OSError, ValueError):
            pass  # it was closed; its reader will notice that
    lost = False
    for number, (ours, _) in _taken.items():
        if signal.getsignal(number) != ours:
            signal.signal(number, ours)
            lost = True
    if lost or signal.pthread_sigmask(signal.SIG_BLOCK, ()):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _taken)


def come_again(number: int) -> Callable[[], None]:
    """Send a signal to this process in a moment, unless pyresque no longer handles it then; what calls that off."""
    from threading import Timer  # noqa: PLC0415 - more than a child in a hurry loads

    again = Timer(AGAIN, _send, (number,))
    again.daemon = True
    again.start()
    return again.cancel


def _send(number: int) -> None:
    if number in _taken:
        os.kill(os.getpid(), number)


def hold(*, all_of_them: bool) -> Iterable[int] | None:
    """Let the signals that pyresque handles wait, in this thread; those that waited before, None if nothing is to wait.

    CPython drops what comes to a forked process before it has begun: a signal that waits comes after its own handling is back.
    Without ``all_of_them`` only those whose handlers do nothing wait: an error that a handler raises is lost in a hook of a fork.
    For the same reason none waits that was handled in Python before, as SIGINT is.
    """
    numbers = [
        number
        for number, (ours, before) in _taken.items()
        if (all_of_them or ours in idle)
        and not callable(before)
        and signal.getsignal(number) == ours
    ]
    return signal.pthread_sigmask(signal.SIG_BLOCK, numbers) if numbers else None


def let_go(waited: Iterable[int]) -> None:
    """Undo ``hold``, which returned this."""
    signal.pthread_sigmask(signal.SIG_SETMASK, waited)


def give_all_back() -> None:
    """Undo every ``take`` that the process itself has not undone by a handler of its own. Only in the main thread."""
    if _wakeup != -1:
        former = signal.set_wakeup_fd(-1)
        if former not in {-1, _wakeup}:
            signal.set_wakeup_fd(former)
    for number, (ours, before) in _taken.items():
        if signal.getsignal(number) == ours:
            signal.signal(number, _settable(before))
    _taken.clear()


def _settable(handler: Handler) -> Handler:
    """None is said of a handler that was not set from Python: it cannot be set again."""
    return signal.SIG_DFL if handler is None else handler


class Terminal:
    """The terminal that this process was started in. The system sends HUP when it is closed; operators and logrotate send HUP, too.

    ``ignored``: the process was started with HUP ignored (``nohup``), so that its terminal may close.
    """

    def __init__(self) -> None:
        self.ignored = bool(HUP) and signal.getsignal(HUP) == signal.SIG_IGN
        self._had_one = not self.ignored and _has_terminal()

    def closed(self) -> bool:
        """Whether the process had a terminal that has been closed since."""
        return self._had_one and not _has_terminal()


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
