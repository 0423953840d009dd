"""Errors that are dropped: a job would miss its TermException or JobTimeout; so whoever raised it is told, and raises it again.

CPython gives an error that a signal handler raises while a ``__del__`` runs, or a callback of ``weakref`` or ``gc``, to
``sys.unraisablehook``, and goes on as if nothing had been raised. An event loop does the same with what is raised while one of its
callbacks runs, which may be its own, such as one that ends a ``sleep()``.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    E = TypeVar("E", bound=BaseException)

#: Seconds after which a dropped error is raised again.
AGAIN = 0.01


def if_dropped(error: E, tell: Callable[[], object]) -> E:
    """Return the error, to be raised now; ``tell`` is called if the interpreter drops it, in the thread that has raised it."""
    error.tell_if_dropped = tell  # type: ignore[attr-defined]
    if not isinstance(sys.unraisablehook, _Hook):
        sys.unraisablehook = _Hook(sys.unraisablehook)
    return error


def dropped_by_loop(loop: Any, context: dict[str, Any]) -> None:
    """Tell whoever raised the error: the exception handler of a loop that runs a job. One that nobody asked about is logged, as usual."""
    tell = getattr(context.get("exception"), "tell_if_dropped", None)
    if tell is None:
        loop.default_exception_handler(context)
    else:
        tell()
        _keep_awake(loop)


def _keep_awake(loop: Any) -> None:
    """Let the loop run Python now and then: the callback may have been one that wakes the job, and a loop that waits raises nothing."""
    loop.call_later(AGAIN, _keep_awake, loop)


class _Hook:
    """Stands before the hook that a process had, and stays there."""

    def __init__(self, before: Callable[[Any], Any]) -> None:
        self._before = before

    def __call__(self, dropped: Any) -> None:
        """Tell whoever raised the error; one that nobody asked about goes to the hook before."""
        tell = getattr(dropped.exc_value, "tell_if_dropped", None)
        if tell is None:
            self._before(dropped)
        else:
            tell()
