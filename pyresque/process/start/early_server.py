"""A worker's fork server, while nothing is loaded but the application."""

from __future__ import annotations

import os

from pyresque.executor.fork import cheap_fork
from pyresque.executor.fork.child_job import ChildOptions, JobCall
from pyresque.executor.fork.server_process import EarlyServer, start_early
from pyresque.executor.fork.shared_page import SharedPage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyresque.client import Resque
    from pyresque.executor.fork.child_job import JobNeeds

#: What performs jobs that are not plain.
GENERAL = "pyresque.job.perform\npyresque.core\npyresque.driver.sync"

#: Hooks that run in the worker before it forks: what they do, children are to find.
BEFORE = ("before_first_fork", "before_fork")


def fork_early(resque: Resque) -> EarlyServer | None:
    """The server; None where the worker is to make it, as it has to be like the worker itself."""
    settings = resque.settings
    early = any(resque.hooks.any(name) for name in BEFORE)
    if settings.executor != "fork" or settings.background or early or not hasattr(os, "fork"):
        return None  # a daemon is another process than this one
    board = SharedPage()
    general = any(not entry.plain for entry in resque.registry) or any(resque.active_job_classes)
    if general or resque.registry.middleware or resque.hooks.any("after_fork"):
        cheap_fork.preload_modules(GENERAL)

    def means() -> JobNeeds:
        core = resque.core
        core.stopping = lambda: board.stopping
        return core.registry, core.codec, resque.driver

    try:
        attempt = JobCall(resque.registry, resque.hooks, means)
        return start_early(attempt, ChildOptions.of(settings), board, resque.close)
    except OSError:
        return None  # the worker tries again, and tells
