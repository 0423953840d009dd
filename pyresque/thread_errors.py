"""Errors raised in another thread, between two of its Python instructions, with PyThreadState_SetAsyncExc.

There are two moments at which such an error does harm that lasts for the whole process; nobody is interrupted then:

- While a thread starts another one. In CPython 3.10 and 3.11 the new thread bears the number of its starter until it runs: it would
  end in the starter's place, before it has begun, and the starter waits for it for ever.
- While a thread imports. The importer's own locks would stay taken, and no thread imports anything any more; or a module is left
  half loaded, which many a module in C does not bear.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

#: The file that the frames of the importer bear.
IMPORTER = "<frozen importlib._bootstrap>"

#: Seconds after which an error is raised all the same: an import may run a whole program.
PATIENCE = 1.0

#: Steps within which the interpreter raises an error that a thread has given to itself.
DROPPING = 100


def raise_in_thread(thread: int, error: type[BaseException], asked: float) -> bool:
    """Have a running thread raise an error; False: this is no moment for it, and the caller is to ask again.

    ``asked`` is the monotonic time at which the caller first asked.
    """
    import ctypes  # noqa: F401, PLC0415 - heavy, and only for a thread that must be interrupted; other threads run meanwhile

    patient = time.monotonic() < asked + PATIENCE
    if sys.version_info >= (3, 12):
        return _raise_in(thread, error, patient)
    # These two names are Python's own, and as old as the module; no later version of Python comes here. Who starts a thread takes the lock.
    lock, started = threading._active_limbo_lock, threading._limbo  # type: ignore[attr-defined]  # noqa: SLF001
    with lock:
        if patient and any(each.ident is None for each in started):
            return False
        return _raise_in(thread, error, patient)


def is_importing(frame: FrameType | None) -> bool:
    """Whether that frame, or one that has called it, imports a module."""
    while frame is not None:
        if frame.f_code.co_filename == IMPORTER:
            return True
        frame = frame.f_back
    return False


def drop_in_this_thread(error: type[BaseException]) -> None:
    """Drop an error that ``raise_in_thread`` gave to this thread, and that the thread may not have raised yet.

    The thread raises the error here and catches it. Merely cancelled, the error would leave its mark in CPython 3.11: every thread
    runs slower from then on, and a profiler hangs.
    """
    try:
        _set_async_error(threading.get_ident(), error)
        for _ in range(DROPPING):
            time.sleep(0)
    except error:
        return
    _set_async_error(threading.get_ident(), None)


def _raise_in(thread: int, error: type[BaseException], patient: bool) -> bool:
    if patient and is_importing(sys._current_frames().get(thread)):  # noqa: SLF001 - documented
        return False
    _set_async_error(thread, error)
    return True


def _set_async_error(thread: int, error: type[BaseException] | None) -> None:
    """Give an error to a thread in place of an earlier one; None cancels the earlier one."""
    import ctypes  # noqa: PLC0415 - as above

    raised = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)
