"""What Python does by itself in every forked child, left out where it can have no effect: it costs as much as the fork.

``threading`` and ``logging`` clean up after the threads that a fork leaves behind, in Python code whose every object is a page
that the child must be given a copy of. The fork server has one thread and was cleaned up when it was forked itself: its
children find nothing left to clean. What a job forks does it all.
"""

from __future__ import annotations

import os
import sys
from types import FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


def lighten() -> None:
    """Make the forks of this process do without, if it has but one thread; may be called again when more was loaded.

    Hooks of others (``os.register_at_fork``: fresh random seeds, connections) run as ever.
    """
    threading, logging = sys.modules.get("threading"), sys.modules.get("logging")
    if threading is None or threading.active_count() > 1:
        return
    _lighten(threading, "_after_fork")
    if logging is not None and hasattr(logging, "_lock"):
        free = FunctionType(_free_the_lock.__code__, vars(logging))
        _lighten(logging, "_after_at_fork_child_reinit_locks", free)


def _lighten(module: ModuleType, name: str, instead: Callable[[], None] | None = None) -> None:
    """Give a function other code: the interpreter keeps the function itself, where nobody reaches it."""
    function = getattr(module, name, None)
    if (
        isinstance(function, FunctionType)
        and not function.__code__.co_freevars
        and function.__code__ is not _of_a_child.__code__
    ):
        own = FunctionType(function.__code__, function.__globals__, name)
        function.__code__ = _of_a_child.__code__
        function.__defaults__ = (own, os.getppid, os.getpid(), instead)


def _of_a_child(
    own: Callable[[], None],
    parent: Callable[[], int],
    server: int,
    instead: Callable[[], None] | None,
) -> None:
    """A child of the server has nothing to do; any other process that is forked does what it should."""
    if parent() != server:
        own()
    elif instead is not None:
        instead()


def _free_the_lock() -> None:
    """What ``logging`` must do in any case, run as a function of it: its lock is held across the fork."""
    _lock._at_fork_reinit()  # type: ignore[name-defined] # noqa: F821, SLF001 - logging's own names
