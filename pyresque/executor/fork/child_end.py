"""Calls the functions of ``@resque.child_exit`` in a child, after its last job and before it ends. Runs in the child. Light.

The job's outcome is told before that, so a function cannot change it. On the fast path the next job waits for them, since the child's
end is what tells the fork server that the job is over. Therefore a function that does not return must end: the child is killed, and the
worker takes a job that had ended for what it was. Two things see to it. The kernel's timer kills also a child that runs another program
by then, or that never lets another thread run; a thread kills one in which somebody has blocked, ignored or taken SIGALRM, or called
that timer off. Loaded by applications that have such a hook.
"""

from __future__ import annotations

import os
from _thread import allocate_lock, start_new_thread

from pyresque import signal_handlers
from pyresque.executor.fork.warm_up import call_hook
from pyresque.job_copies import own

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterable
    from typing import Any
else:
    import _signal as signal

#: Seconds that all functions of one child have together.
LIMIT = 2.0

#: As it was before an application could put another function in its place.
_kill = os.kill


def call_all(functions: Iterable[Callable[[], Any]]) -> None:
    """Call each function. One that raises is logged. After LIMIT seconds this process is killed."""
    signal_handlers.take(signal.SIGALRM, int(signal.SIG_DFL))
    signal_handlers.unblock(signal.SIGALRM)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    running = allocate_lock()
    running.acquire()

    def watch() -> None:
        if not running.acquire(timeout=LIMIT):
            _kill(os.getpid(), signal.SIGKILL)

    try:  # noqa: SIM105 - contextlib is more than a child in a hurry loads
        start_new_thread(watch, ())
    except RuntimeError:
        pass  # no thread can be started here: the kernel's timer remains
    for function in functions:
        try:
            own(call_hook, function)
        except BaseException:
            import logging  # noqa: PLC0415 - hardly ever

            logging.getLogger("pyresque").exception("a child_exit hook failed")
    signal.setitimer(signal.ITIMER_REAL, 0)
    running.release()
