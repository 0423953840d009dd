"""A fork server made early: by a process that has loaded its application and is to be a worker, before it loads what that takes.

Children of such a server are given little: a worker's own parts are as much again as a small application.
"""

from __future__ import annotations

import os

from pyresque.executor.forking import start
from pyresque.executor.memory import settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import socket
    from collections.abc import Callable

    from pyresque.executor.board import Board
    from pyresque.executor.life import Attempt
    from pyresque.executor.rules import Rules
else:
    import _signal as signal


class Seed:
    """The server: what to speak to it by, its pid, and the board that it shares with the worker."""

    def __init__(self, control: socket.socket, pid: int, board: Board) -> None:
        self.control = control
        self.pid = pid
        self.board = board

    def close(self) -> None:
        """End the server where no worker has: none came of it."""
        self.control.close()
        try:
            if os.waitpid(self.pid, os.WNOHANG) == (0, 0):
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
        except ChildProcessError:
            return  # it has been waited for


def sow(attempt: Attempt, rules: Rules, board: Board, let_go: Callable[[], None]) -> Seed:
    """Make the server. ``let_go`` closes, in it, what this process holds open. Raises OSError."""
    settle()
    return Seed(*start(attempt, rules, board, let_go), board)
