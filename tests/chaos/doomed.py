"""Jobs with plugins that kill their process, their worker or both at a moment that their argument names, for workers of their own.

The argument is a name and its kills: ``failing3 said.2.both lost.1.worker``. A kill is a moment, how often the job must have come there,
and who dies. Each happens once; ``kills`` lists those that did.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyresque import Resque
from pyresque.errors import DirtyExit
from pyresque.plugins import JobStats, Lock, LockTimeout, Loner, Retry
from pyresque.process.worker.current_job import CurrentJob
from tests.support.one_command import ask

if TYPE_CHECKING:
    from pyresque.store.reserve import FailureEntry

resque = Resque()
URL = os.environ["REDIS_URL"]

#: The seconds after which a lock is void: longer than any test.
LONG = 3600

PLUGINS = {
    "Doomed": [],
    "DoomedLoner": [Loner()],
    "DoomedLock": [Lock()],
    "DoomedLockTimeout": [LockTimeout(timeout=LONG)],
}


def reach(moment: str, what: str, following: str | None = None) -> None:
    """The job has come to that moment: kill whom its argument names, if it names any. ``following``: the job that is killed with it."""
    name, *kills = what.split(" ")
    times = ask(URL, "HINCRBY", "reached", f"{name} {moment}", 1)
    for kill in kills:
        where, number, target = kill.split(".")
        if where == moment and int(number) == times:
            ask(URL, "SADD", "kills", f"{name} {kill}")
            if following is not None:
                ask(URL, "SADD", "kills", f"{following.split(' ')[0]} reserved.{name}.worker")
            strike(target)


def strike(target: str) -> None:
    """Kill the worker, which leads its session, or this process, or both."""
    if target == "worker":
        worker = os.getsid(0)
        os.kill(worker, signal.SIGKILL)
        while alive(worker):  # until then its fork server has its old parent, and goes on for it
            time.sleep(0.001)
    elif target == "child":
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        os.killpg(os.getpgrp(), signal.SIGKILL)


def alive(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Job:
    """Says that it is performed; fails if its name says so."""

    @staticmethod
    def before_perform_a(what: str) -> None:
        """Before the attempt is counted."""
        reach("before", what)

    @staticmethod
    def before_perform_z(what: str) -> None:
        """When the attempt is counted."""
        reach("counted", what)

    @staticmethod
    def perform(what: str) -> None:
        """The work."""
        ask(URL, "RPUSH", "seen", what)
        reach("said", what)
        if what.startswith("failing"):
            raise ValueError(what)

    @staticmethod
    def on_failure_a(error: BaseException, what: str) -> None:
        """Before the job is retried, by its own process or by whoever found that it is gone."""
        reach("lost" if isinstance(error, DirtyExit) else "failed", what)

    @staticmethod
    def on_failure_z(error: BaseException, what: str) -> None:
        """When the job is retried, or given up."""
        reach("lost_and_decided" if isinstance(error, DirtyExit) else "decided", what)

    @staticmethod
    def after_perform_a(what: str) -> None:
        """Before the counter is deleted."""
        reach("performed", what)

    @staticmethod
    def after_perform_z(what: str) -> None:
        """When the counter is deleted."""
        reach("done", what)


for name, plugins in PLUGINS.items():
    given = [*plugins, Retry(limit=3), JobStats(["performed", "failed"])]
    resque.job(name, queue="low", plugins=given)(type(name, (Job,), {}))


@resque.job("DoomedDirect", queue="low", plugins=[Retry(limit=3)])
def direct(what: str) -> None:
    """A job without hooks, which a child performs directly."""
    Job.perform(what)


_next_job = CurrentJob.next_job


async def next_job(current: CurrentJob, failure: FailureEntry) -> Any:
    """In the worker: when it knows how its job has ended, and when that is written and the next job is taken."""
    what = argument_of(current)
    if what is not None:
        reach("told", what)
    following = await _next_job(current, failure)
    if what is not None:
        reach("turned", what, argument_of(current))
    return following


def argument_of(current: CurrentJob) -> str | None:
    """The argument of the job that the worker has in hand."""
    if not current.record:
        return None
    payload: dict[str, Any] = json.loads(current.record)["payload"]
    return str(payload["args"][0])


CurrentJob.next_job = next_job  # type: ignore[method-assign] # a test's pause before and after a turn
