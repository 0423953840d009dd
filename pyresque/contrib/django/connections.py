"""Database connections in processes that perform jobs: closed around each job, and never shared by a fork.

Django closes connections around each request, as CONN_MAX_AGE says. A job is what a request is there. Connections belong to a thread:
plain functions use those of the thread that performs the job, ``async def`` ones those of the thread in which asgiref runs the ORM.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import SyncToAsync
from django.db import close_old_connections, connections

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.client import Resque
    from pyresque.job.job import Job
    from pyresque.job.middleware import CallNext

#: Connections of the process that this one was forked from. They are kept, so that nothing closes what the parent goes on with.
_of_the_parent: Final[list[object]] = []


def keep_apart(resque: Resque) -> None:
    """Have connections closed around the jobs of a Resque, and before this process forks."""
    connections.close_all()  # what the import of the application has opened
    os.register_at_fork(before=_close_before_fork, after_in_child=_forget_in_child)

    resque.middleware(partial(database_connections, resque))


def database_connections(resque: Resque, call_next: CallNext, job: Job) -> None:
    """Close connections that are too old or broken before the job, and those that are over after it."""
    # With the executor async a job has a thread of its own, which ends with it.
    at_end = connections.close_all if resque.settings.executor == "async" else close_old_connections
    _in_both_threads(close_old_connections)
    try:
        call_next(job)
    finally:
        at_end()
        _in_both_threads(close_old_connections)


def _in_both_threads(close: Callable[[], Any]) -> None:
    """Call a function in this thread, and in the one of asgiref if that runs."""
    close()
    threads = SyncToAsync.single_thread_executor
    if threads._threads and threading.current_thread() not in threads._threads:  # noqa: SLF001 - it must not be started for this
        threads.submit(close).result()


def _close_before_fork() -> None:
    """Close the connections of the thread that forks. One in a transaction stays: a job that forks goes on with it."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


def _forget_in_child() -> None:
    """Let a forked process connect anew where it would share a connection; asgiref's thread has not been copied, so begin another one."""
    if SyncToAsync.single_thread_executor._threads:  # noqa: SLF001 - as above
        SyncToAsync.single_thread_executor = ThreadPoolExecutor(max_workers=1)
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None:
            _of_the_parent.append(connection.connection)
            del connections[connection.alias]
