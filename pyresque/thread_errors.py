"""Errors raised in another thread, between two of its Python instructions, with PyThreadState_SetAsyncExc.

There are moments at which such an error does harm that lasts for the whole process; nobody is interrupted then:

- While a thread starts another one. In CPython 3.10 and 3.11 the new thread bears the number of its starter until it runs: it would
  end in the starter's place, before it has begun, and the starter waits for it for ever.
- While a thread imports. The importer's own locks would stay taken, and no thread imports anything any more; or a module is left
  half loaded, which many a module in C does not bear.
- While a thread logs, or is in a function that takes a lock. What waits for a lock raises the error when it has got it, and nothing
  gives it back. Where several threads write many lines, there is hardly another moment: the locks of ``logging`` are given back later.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

#: The file that the frames of the importer bear.
IMPORTER = "<frozen importlib._bootstrap>"

#: The file that the frame of Thread.start bears.
STARTER = threading.Event.wait.__code__.co_filename

#: Names of functions that take a lock and return, such as those of threading.Condition.
LOCKING = frozenset({"__enter__", "acquire"})

#: The class of the locks that ``logging`` makes.
RLOCK: Any = type(threading.RLock())

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
    # The name is Python's own, in all versions that come here. Who starts a thread takes the lock.
    with threading._active_limbo_lock:  # type: ignore[attr-defined]  # noqa: SLF001
        return _raise_in(thread, error, patient)


def is_critical(frame: FrameType | None) -> bool:
    """Whether an error that is raised in that frame may do harm that lasts."""
    if frame is not None and frame.f_code.co_name in LOCKING:
        return True
    logging = sys.modules.get("logging")
    logs = None if logging is None else logging.Handler.handle.__code__.co_filename
    while frame is not None:
        code = frame.f_code
        if code.co_filename in {IMPORTER, logs}:
            return True
        if code.co_filename == STARTER and code.co_name == "start":
            begun: threading.Thread = frame.f_locals["self"]
            if begun.ident is None:
                return True
        frame = frame.f_back
    return False


def drop_in_this_thread(error: type[BaseException]) -> None:
    """Drop an error that ``raise_in_thread`` gave to this thread, and that the thread may not have raised yet.

    The thread raises the error here and catches it. Merely cancelled, the error would leave its mark in CPython 3.11: every thread
    runs slower from then on, and a profiler hangs. What was raised earlier may have left locks of ``logging`` taken.
    """
    give_back_logging()
    try:
        _set_async_error(threading.get_ident(), error)
        for _ in range(DROPPING):
            time.sleep(0)
    except error:
        return
    _set_async_error(threading.get_ident(), None)


def give_back_logging() -> None:
    """Release the locks of ``logging`` that this thread holds, where it does not log: an error was raised as it had taken them."""
    logging = sys.modules.get("logging")
    if logging is None:
        return
    handlers = [each() for each in list(logging._handlerList)]  # noqa: SLF001 - as above
    for lock in (logging._lock, *(getattr(each, "lock", None) for each in handlers)):  # noqa: SLF001
        while isinstance(lock, RLOCK) and lock._is_owned():  # noqa: SLF001 - threading.Condition asks it so, too
            lock.release()


def _raise_in(thread: int, error: type[BaseException], patient: bool) -> bool:
    if patient and is_critical(sys._current_frames().get(thread)):  # noqa: SLF001 - documented
        return False
    _set_async_error(thread, error)
    return True


def _set_async_error(thread: int, error: type[BaseException] | None) -> None:
    """Give an error to a thread in place of an earlier one; None cancels the earlier one."""
    import ctypes  # noqa: PLC0415 - as above

    raised = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)
