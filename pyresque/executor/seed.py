"""A fork server made early: by a process that has loaded its application and is to be a worker, before it loads what that takes.

Children of such a server are given little: a worker's own parts are as much again as a small application.
"""

from __future__ import annotations

from pyresque.executor import late
from pyresque.executor.attempt import Attempt
from pyresque.executor.board import Board
from pyresque.executor.forking import start
from pyresque.executor.memory import settle
from pyresque.executor.rules import Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

    from pyresque.client import Resque
    from pyresque.executor.attempt import Means
    from pyresque.settings import Settings

#: What performs jobs that are not plain.
GENERAL = "pyresque.job.perform\npyresque.core\npyresque.driver.sync"

#: Hooks that run in the worker before it forks: what they do, children are to find.
BEFORE = ("before_first_fork", "before_fork")


class Seed:
    """The server: what to speak to it by, its pid, and the board that it shares with the worker."""

    def __init__(self, control: socket.socket, pid: int, board: Board) -> None:
        self.control = control
        self.pid = pid
        self.board = board


def may_be_sown(settings: Settings, resque: Resque) -> bool:
    """Whether such a server does all that one does which the worker makes; a daemon is another process than this one."""
    early = any(resque.hooks.any(name) for name in BEFORE)
    return settings.executor == "fork" and not settings.background and not early


def sow(resque: Resque) -> Seed:
    """Make the server. Raises OSError."""
    board = Board()
    general = any(not entry.plain for entry in resque.registry) or any(resque.active_job_classes)
    if general or resque.registry.middleware or resque.hooks.any("after_fork"):
        late.load(GENERAL)

    def means() -> Means:
        core = resque.core
        core.stopping = lambda: board.stopping
        return core.registry, core.codec, resque.driver

    settle()
    attempt = Attempt(resque.registry, resque.hooks, means)
    control, pid = start(attempt, Rules.of(resque.settings), board, _nothing_to_let_go)
    return Seed(control, pid, board)


def _nothing_to_let_go() -> None:
    """This process holds nothing open yet."""
