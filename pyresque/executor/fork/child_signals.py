"""A child's signals: with TERM_CHILD a TERM is raised in the job, as in Ruby's child; every other one changes nothing. Light.

Signals are the worker's to act on, also when somebody sends them to every process of a container or a terminal. (Ruby's child,
with TERM_CHILD, dies of them.) They are handled, not ignored: a program that the job starts would inherit that.
"""

from __future__ import annotations

import os

from pyresque import signal_handlers
from pyresque.dropped_errors import if_dropped
from pyresque.errors import TermException
from pyresque.signal_handlers import HUP, Terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from types import FrameType

    from pyresque.executor.fork.shared_page import SharedPage

else:
    # The C module: ``signal`` makes enumerations of all it takes and returns, which costs memory in each child.
    import _signal as signal

#: The signals by which operators control a worker.
WORKER_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGCONT", "SIGHUP")
    if hasattr(signal, name)  # this module is loaded also if nothing can be forked
)

_DEFAULT = int(signal.SIG_DFL)


class ChildSignals:
    """Signal handlers of a child. The fork server installs them once, so that its children inherit them.

    slot: the child's slot in the shared page, set before each fork. term_child: a TERM raises TermException in the job, once.
    trusted_only: only a TERM that the worker has announced in the page does; Heroku, and systemd unless configured otherwise,
    send one to every process, which would end the job too early. server_pid: the fork server, which ignores TERM.
    """

    def __init__(
        self, page: SharedPage, *, term_child: bool, trusted_only: bool, server_pid: int = 0
    ) -> None:
        self.slot = 0
        self.term_child = term_child
        self._page = page
        self._trusted_only = trusted_only
        self._server_pid = server_pid
        self._too_late = False
        self._call_off: Callable[[], None] | None = None
        self._on_term = self._term if term_child else _do_nothing
        self._on_hup = self._hang_up
        self._terminal = Terminal()

    def take(self) -> None:
        """Install the handlers, and let their signals come; from now on a TERM ends the job again."""
        self._too_late = False
        signal_handlers.wake_by(-1)
        signal_handlers.take(signal.SIGTERM, self._on_term)
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
            signal_handlers.take(number, _do_nothing)
        if not self._terminal.ignored:
            signal_handlers.take(HUP, self._on_hup)
        signal_handlers.take(signal.SIGCONT, _DEFAULT)
        signal_handlers.take(signal.SIGCHLD, _DEFAULT)
        signal_handlers.unblock(*WORKER_SIGNALS)

    def end_job(self) -> None:
        """The job has ended: from now on a TERM does nothing, whatever handler the job has set."""
        self._too_late = True
        if self._call_off is not None:
            self._call_off()
            self._call_off = None
        if signal.getsignal(signal.SIGTERM) is not self._on_term:
            signal_handlers.take(signal.SIGTERM, _do_nothing)

    def _hang_up(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's signature
        """If the terminal was closed the worker waits for the job; any other HUP has its default effect."""
        if not self._terminal.closed():
            signal.signal(number, _DEFAULT)
            os.kill(os.getpid(), number)

    def _term(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's signature
        if self._too_late or os.getpid() == self._server_pid:
            return
        if self._trusted_only and not self._page.term_announced(self.slot):
            return
        self._too_late = True
        raise if_dropped(TermException("SIGTERM"), self._dropped)

    def _dropped(self) -> None:
        """The job did not get the error: TERM is to come again."""
        self._too_late = False
        self._call_off = signal_handlers.come_again(signal.SIGTERM)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """Handle a signal by doing nothing."""


signal_handlers.idle.append(_do_nothing)
