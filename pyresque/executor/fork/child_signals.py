"""A child's signals: with TERM_CHILD a TERM is raised in the job, as in Ruby's child; of all else it takes no notice.

Orders are its parent's to carry out, also when they were sent to every process of a container or a terminal. (Ruby's child,
with TERM_CHILD, dies of them.) They are handled, not ignored: what the job starts would inherit that.
"""

from __future__ import annotations

import os

from pyresque import signal_handlers
from pyresque.errors import TermException
from pyresque.executor.terminal import HUP, Terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from types import FrameType

    from pyresque.executor.fork.shared_page import SharedPage

else:
    # Python's own, below those that make enumerations of all they take and give: a child in a hurry has no use for them.
    import _signal as signal

#: The signals that order a worker about.
ORDERS = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGCONT", "SIGHUP")
    if hasattr(signal, name)  # this module is loaded also where nothing can be forked
)

_DEFAULT = int(signal.SIG_DFL)


class ChildSignals:
    """The signals of the child that has this ``place`` at the board; of a keeper's children, who inherit them, the next one's.

    ``term_child``: a TERM ends the job, once. ``patient``: only one that the parent has ordered at the board; Heroku, and
    systemd unless told otherwise, send one to every process, which would end the job before its time.
    """

    def __init__(
        self, board: SharedPage, *, term_child: bool, patient: bool, keeper: int = 0
    ) -> None:
        self.place = 0
        self._board = board
        self._patient = patient
        self._keeper = keeper
        self._spent = False
        self._on_term = self._term if term_child else _unmoved
        self._on_hup = self._hung_up
        self._terminal = Terminal()

    def take(self) -> None:
        """Have them from now on; a TERM counts again."""
        self._spent = False
        signal_handlers.wake_by(-1)
        signal_handlers.take(signal.SIGTERM, self._on_term)
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
            signal_handlers.take(number, _unmoved)
        if not self._terminal.ignored:
            signal_handlers.take(HUP, self._on_hup)
        signal_handlers.take(signal.SIGCONT, _DEFAULT)
        signal_handlers.take(signal.SIGCHLD, _DEFAULT)

    def spend(self) -> None:
        """From here on a TERM comes too late to end the job, whatever handler the job has set."""
        self._spent = True
        if signal.getsignal(signal.SIGTERM) is not self._on_term:
            signal_handlers.take(signal.SIGTERM, _unmoved)

    def _hung_up(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's signature
        """Where the terminal was closed the worker waits for the job; any other HUP does what it does to a process."""
        if not self._terminal.closed():
            signal.signal(number, _DEFAULT)
            os.kill(os.getpid(), number)

    def _term(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's signature
        if self._spent or os.getpid() == self._keeper:
            return
        if self._patient and not self._board.ordered(self.place):
            return
        self._spent = True
        raise TermException("SIGTERM")


def _unmoved(number: int, frame: FrameType | None) -> None:
    """Take no notice."""


signal_handlers.idle.append(_unmoved)
