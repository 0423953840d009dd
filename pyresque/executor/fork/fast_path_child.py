"""What a child of the fast path does: it performs the one job that it was born with, tells the fork server, and exits. Light.

It inherits the job, so that nothing is written to a pipe, and borrows the connections that the fork server lends. A job that ends well
and imported nothing is reported by one byte in the shared page; any other one by a result frame in ``pipe``. Then SIGURG tells
the fork server, which goes on while this process gives its memory back.
"""

from __future__ import annotations

import os
import sys
from time import perf_counter

from pyresque.descriptors import mark
from pyresque.executor.fork import cheap_fork
from pyresque.executor.fork.cheap_fork import set_title
from pyresque.executor.fork.child_process import (
    FAILED,
    LEFT_UNDONE,
    REHEARSALS,
    error_json,
    log_failure,
    tell,
)
from pyresque.executor.fork.fast_path_writes import MOST
from pyresque.job_copies import leave, own
from pyresque.lent_connection import Loan, give_back, offer, withdraw
from pyresque.standard_streams import flush

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from typing import Any, NoReturn

    from pyresque.executor.fork.child_signals import ChildSignals
    from pyresque.executor.fork.job_call import JobCall
    from pyresque.executor.fork.lent_clients import LentClients
    from pyresque.executor.fork.shared_page import SharedPage
    from pyresque.job.job_class import JobClass
else:
    import _signal as signal

#: The signal by which the worker calls the fork server back, and a child tells it; a process without a handler ignores it.
#: 0: the system has none.
CALL_BACK: int = getattr(signal, "SIGURG", 0)


class FastPathChild:
    """The children of one run. ``run`` is called in each of them; the rest is prepared in the fork server.

    slot: in the shared page. connection: the descriptor that the worker lends. pipe: where results are written. close_inherited: closes
    what is the fork server's. end: what a child calls last. lent: the clients whose connections children borrow.
    """

    def __init__(
        self,
        job_call: JobCall,
        page: SharedPage,
        slot: int,
        signals: ChildSignals,
        connection: int,
        pipe: int,
        close_inherited: Callable[[], None],
        end: Callable[[], None] | None = None,
        lent: LentClients | None = None,
    ) -> None:
        self.job_call = job_call
        self.page = page
        self.slot = slot
        self.signals = signals
        self.connection, self.connection_mark = connection, mark(connection)
        self.pipe, self.pipe_mark = pipe, mark(pipe)
        self.close_inherited = close_inherited
        self.end = end
        self.lent = lent
        self.server = os.getpid()

    def run(self, function: Callable[..., Any], args: Any, title: str) -> NoReturn:
        """Perform a job, and exit. As ``run_child``, with fewer steps: each is a page of the child's own."""
        try:
            # First of all: a worker that finds the fork server gone looks there.
            self.page.set_child(os.getpid())
            if self.lent is not None:
                self.lent.offer()  # to the functions of the child's warm-up, too
            self.close_inherited()
            driver, note = self.job_call.driver, self.page.set_borrowed
            offer(Loan(self.connection, self.connection_mark, driver, note))
        except BaseException:  # noqa: BLE001 - the job has not begun
            leave(1)
        status = FAILED
        try:
            finished = self.perform(function, args, title)
            if self.end is not None:
                self.signals.end_job()
                withdraw()
                self.end()
            flush()
            status = 0
            if finished:
                # No TERM that comes now is for the job.
                if self.signals.term_child:
                    self.signals.end_job()
                try:  # noqa: SIM105 - contextlib is more than a child in a hurry loads
                    os.kill(self.server, CALL_BACK)
                except OSError:
                    pass  # the server is gone, or the job has given up the rights to that: its exit tells, too
        except BaseException as error:  # noqa: BLE001 - nobody else would ever see it
            status = log_failure(error)
        finally:
            leave(status)

    def perform(self, function: Callable[..., Any], args: Any, title: str) -> bool:
        """Perform a job; whether it is done, and the fork server can go on. Else there is a result frame for the worker.

        That is written if the job failed, was left undone, or imported modules.
        """
        known, error = len(sys.modules), b""
        set_title(title)
        started = perf_counter()
        try:
            self.page.set_started(self.slot)
            done = own(function, *args)
            self._give_back()
            if done is False:
                error = LEFT_UNDONE
            elif self.job_call.end is None and len(sys.modules) == known and not cheap_fork.notes:
                self.page.set_finished(self.slot)
                return True
        except BaseException as raised:  # noqa: BLE001 - a job may raise anything; it is all recorded
            if self.page.finished(self.slot):
                return True  # a TERM that came too late
            self._give_back()
            error = error_json(raised)
        seconds = perf_counter() - started
        self.signals.end_job()
        names = (
            cheap_fork.modules_since(known).encode("utf-8", "replace")
            if len(sys.modules) != known or cheap_fork.notes
            else b""
        )
        end = self.job_call.end
        if not names and not error and end is None:  # what it has imported is known
            self.page.set_finished(self.slot)
            return True
        pipe = self.pipe, self.pipe_mark
        if not tell(self.job_call, *pipe, seconds, error, names, leaving=True):
            self.page.set_finished(self.slot)
        elif end is not None and not names and not error and end.is_small(MOST):
            self.page.set_wrote(self.slot)
            return True
        return False

    def _give_back(self) -> None:
        """Return every connection that the fork server has lent."""
        give_back()
        if self.lent is not None:
            self.lent.give_back()

    def rehearse(self, entry: JobClass, title: str) -> None:
        """Run a child's path in the fork server, so that no child has to specialize its code, and be given a copy of the pages that this touches."""
        for _ in range(REHEARSALS):
            self.perform(self.job_call.call, (entry, [1, "x"]), title)
