"""Copies of a process that performs jobs: whatever a job forks, by ``os.fork``, ``multiprocessing`` or a library.

Rule: only the process that was given a job tells how it ended. A copy of that process ends if it comes out of the job's
own code, and it has the signal handling that the process had before pyresque took it.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident

from pyresque import signal_handlers
from pyresque.standard_streams import flush

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from typing import Any, NoReturn, TypeVar

    T = TypeVar("T")

#: How many times this process and its ancestors were forked, but for the forks of ``fork``.
forks = 0

#: ``os._exit`` as it was before any job could put another function in its place: one that returns or raises would let a child
#: out into the code of its parent.
leave = os._exit

#: Whether the fork that is under way is pyresque's own.
_ours = False

#: By threads that fork: the signals that waited there before.
_waited: dict[int, Iterable[int]] = {}

#: Functions that every copy calls at its start.
in_copies: list[Callable[[], object]] = []


def fork() -> int:
    """``os.fork`` for a process of pyresque's own, which is no copy. Raises OSError."""
    global _ours  # noqa: PLW0603 - the function below runs inside os.fork
    _ours = True
    try:
        return os.fork()
    finally:
        _ours = False


def own(function: Callable[..., T], *args: Any) -> T:
    """Call code of a job or a hook; a copy that is forked there ends there."""
    before = forks
    try:
        result = function(*args)
    except BaseException as error:
        if forks != before:
            end(error)
        raise
    if forks != before:
        end()
    return result


async def own_awaited(awaitable: Awaitable[T]) -> T:
    """Await code of a job or a hook; a copy that is forked there ends there."""
    before = forks
    try:
        result = await awaitable
    except BaseException as error:
        if forks != before:
            end(error)
        raise
    if forks != before:
        end()
    return result


def end(error: BaseException | None = None) -> NoReturn:
    """End a copy as Python ends a process, with the status that belongs to the error; no atexit function is run."""
    status = 0
    try:
        if isinstance(error, SystemExit):
            status = _status(error.code)
        elif error is not None:
            status = 1
            import traceback  # noqa: PLC0415 - each forked child would pay for it

            traceback.print_exception(type(error), error, error.__traceback__)
        flush()
    finally:
        leave(status)


def _status(code: object) -> int:
    """The exit status of a SystemExit."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1


def _before_fork() -> None:
    """Run by ``os.fork``: a signal that comes to a copy before it has begun is kept for it."""
    if _ours:
        return
    threading = sys.modules.get("threading")
    thread = get_ident()
    main = threading is None or threading.main_thread().ident == thread
    waited = signal_handlers.hold(all_of_them=not main)
    if waited is not None:
        _waited[thread] = waited


def _after_fork_in_parent() -> None:
    """Run by ``os.fork`` in the process that forked."""
    waited = _waited.pop(get_ident(), None)
    if waited is not None:
        signal_handlers.let_go(waited)


def _after_fork() -> None:
    """Run by ``os.fork`` in every new process."""
    global forks  # noqa: PLW0603 - a process has one
    if _ours:
        return
    forks += 1
    signal_handlers.give_all_back()
    waited = _waited.pop(get_ident(), None)
    _waited.clear()
    if waited is not None:
        signal_handlers.let_go(waited)
    for deed in in_copies:
        deed()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork,
    )
