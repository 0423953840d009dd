"""Errors that the interpreter drops: those that a signal handler raises while a ``__del__`` runs, or a callback of ``weakref`` or ``gc``.

CPython gives such an error to ``sys.unraisablehook`` and goes on as if nothing had been raised. A job would miss its TermException
or JobTimeout; so whoever raises one of them is told, and raises it again a moment later.
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
