"""A fork server that is started before its worker is loaded, so that children copy no memory of the worker's modules. Light."""

from __future__ import annotations

import os

from pyresque.executor.fork.cheap_fork import freeze_memory
from pyresque.executor.fork.server_process import start

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import socket
    from collections.abc import Callable

    from pyresque.executor.fork.child_process import ChildOptions, PerformJob
    from pyresque.executor.fork.shared_page import SharedPage
    from pyresque.executor.fork.warm_up import WarmUps
else:
    import _signal as signal


class EarlyServer:
    """A fork server that was started before its worker was loaded: the socket, its pid, and the page that both share."""

    def __init__(self, control: socket.socket, pid: int, page: SharedPage) -> None:
        self.control = control
        self.pid = pid
        self.page = page

    def close(self) -> None:
        """End the server, if no worker came of its parent."""
        self.control.close()
        try:
            if os.waitpid(self.pid, os.WNOHANG) == (0, 0):
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
        except ChildProcessError:
            return  # the application has waited for it


def start_early(
    job_call: PerformJob,
    options: ChildOptions,
    page: SharedPage,
    close_inherited: Callable[[], None],
    warm_ups: WarmUps | None = None,
) -> EarlyServer:
    """As ``start``, in a process that will be a worker. Raises OSError."""
    freeze_memory()
    return EarlyServer(*start(job_call, options, page, close_inherited, warm_ups), page)
