"""The end of a worker's process, which threads that jobs have left running do not hold up for ever."""

from __future__ import annotations

import atexit
import logging
import threading

from pyresque.job_copies import leave
from pyresque.standard_streams import flush

log = logging.getLogger("pyresque")

#: Seconds that threads are given to end by themselves once the worker has left the books; as long as a child is given.
LINGER = 5.0


def leave_in_time(status: int) -> None:
    """Have the process end with this status although a thread never ends, for which the interpreter would wait.

    Call it last, and then end the process as usual: the functions of ``atexit`` are run in either case.
    """
    others = [one for one in threading.enumerate() if one is not threading.current_thread()]
    if not others:
        return
    over = threading.Event()
    atexit.register(over.set)  # they are run in the reverse order, after the interpreter has waited

    def watch() -> None:
        if over.wait(LINGER):
            return
        names = ", ".join(one.name for one in others if one.is_alive())
        log.warning("the process ends without the threads that jobs have left running: %s", names)
        try:
            atexit._run_exitfuncs()  # noqa: SLF001 - the interpreter's own way; an exit by the system does not go through it
        finally:
            flush()
            leave(status)

    threading.Thread(target=watch, name="end", daemon=True).start()
