"""What Python does by itself in every forked child, left out where it can have no effect: it costs as much as the fork.

``threading`` and ``logging`` clean up after the threads that a fork leaves behind, in Python code whose every object is a page
that the child must be given a copy of. The fork server has one thread and was cleaned up when it was forked itself: its
children find nothing left to clean.
"""

from __future__ import annotations

import logging
import threading
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType


def _nothing() -> None:
    """Do nothing."""


def _free_the_lock() -> None:
    """What ``logging`` must do in any case, run as a function of it: its lock is held across the fork."""
    _lock._at_fork_reinit()  # type: ignore[name-defined] # noqa: F821, SLF001 - logging's own names


class LightForks:
    """Makes this process's forks do without, if it has but one thread.

    Hooks of others (``os.register_at_fork``: fresh random seeds, connections) run as ever. A child undoes it by ``restore``
    before it runs anybody's code: a job may have threads, and fork.
    """

    def __init__(self) -> None:
        self._replaced: list[tuple[FunctionType, CodeType]] = []
        if threading.active_count() == 1:
            self._replace(threading, "_after_fork", _nothing.__code__)
            if hasattr(logging, "_lock"):
                light = _free_the_lock.__code__
                self._replace(logging, "_after_at_fork_child_reinit_locks", light)

    def restore(self) -> None:
        """Have everything as Python has it."""
        for function, code in self._replaced:
            function.__code__ = code

    def _replace(self, module: ModuleType, name: str, code: CodeType) -> None:
        """Give a function other code: the interpreter keeps the function itself, where nobody reaches it."""
        function = getattr(module, name, None)
        if isinstance(function, FunctionType) and not function.__code__.co_freevars:
            self._replaced.append((function, function.__code__))
            function.__code__ = code
