"""The application of the live tests: jobs that report, wait, fail and resist; run it to work."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import sys
import threading
import time
from contextvars import ContextVar
from functools import partial
from typing import Any

from setproctitle import getproctitle

from pyresque import DontPerform, JobTimeout, Resque, TermException, TimeLimit
from pyresque.activejob import Continuable, Resume
from pyresque.process.run.worker import run_worker
from pyresque.process.start.log_format import set_up
from tests.support.one_command import ask

resque = Resque()
MARK: ContextVar[Any] = ContextVar("MARK")


def report(*words: Any) -> None:
    ask(os.environ["REPORT_URL"], "RPUSH", "live:reports", json.dumps(words))


def released() -> None:
    """Wait until the test lets go."""
    ask(os.environ["REPORT_URL"], "BLPOP", "live:release", 60)


def one_released() -> bool:
    """Whether a release was pushed; does not wait."""
    return ask(os.environ["REPORT_URL"], "LPOP", "live:release") is not None


@resque.job("Note", queue="low")
def note(*args: Any) -> None:
    report("note", *args)


@resque.job("Print", queue="low")
def printing(out: str, err: str) -> None:
    print(out)
    print(err, file=sys.stderr)


@resque.job("Title", queue="low")
def title(mark: int) -> None:
    report(mark, getproctitle())


@resque.job("Length", queue="low")
def length(text: str) -> None:
    report("length", len(text))


@resque.job("Boom", queue="low")
def boom(*args: Any) -> None:
    raise RuntimeError(f"boom {args}")


@resque.job("Hold", queue="low")
def hold(mark: Any, failing: bool = False) -> None:
    try:
        report("holding", mark)
        released()
    except TermException:
        report("terminated", mark)
        raise
    report("held", mark)
    if failing:
        raise RuntimeError("it was to fail")


@resque.job("CleanUp", queue="low")
def clean_up(mark: Any) -> None:
    """Needs a while for it, in which it must not be interrupted again."""
    try:
        report("holding", mark)
        released()
    except TermException:
        report("cleaning up", mark)
        released()
        report("clean", mark)
        raise


@resque.job("Stubborn", queue="low")
def stubborn(mark: Any) -> None:
    """Goes on whatever is raised in it."""
    until = time.monotonic() + 30
    words = "holding"
    while time.monotonic() < until:
        try:
            report(words, mark)
            released()
        except TermException:
            words = "resisted"


class Held:
    """Reports and waits when it is freed: what a signal handler raises then, the interpreter drops."""

    def __init__(self, mark: Any) -> None:
        self.mark = mark

    def __del__(self) -> None:
        report("freeing", self.mark)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            time.sleep(0.01)


@resque.job("Freeing", queue="low")
def freeing(mark: Any) -> None:
    try:
        Held(mark)
        while not one_released():  # in a thread no call into C is interrupted
            time.sleep(0.01)
    except TermException:
        report("terminated", mark)
        raise


@resque.job("Vanish", queue="low")
def vanish(status: int) -> None:
    report("vanishing", status)
    os._exit(status)


@resque.job("LastWords", queue="low")
def last_words() -> None:
    atexit.register(report, "last words")


@resque.job("Pipeful", queue="low")
def pipeful(size: int) -> None:
    """An error too long for a pipe to hold at once."""
    raise ValueError("x" * size)


@resque.job("AsyncHold", queue="low")
async def async_hold(mark: Any) -> None:
    try:
        report("holding", mark)
        while not await asyncio.to_thread(one_released):  # noqa: ASYNC110 - another process lets go
            await asyncio.sleep(0.01)
    except TermException:
        report("terminated", mark)
        raise
    report("held", mark)


@resque.job("Spin", queue="low")
def spin(mark: Any) -> None:
    """Holds, and never stays in C for long."""
    try:
        report("holding", mark)
        while not one_released():
            time.sleep(0.01)
    except TermException:
        report("terminated", mark)
        raise
    report("held", mark)


@resque.job("Frozen", queue="low")
async def frozen(mark: Any) -> None:
    """Holds the loop up, too."""
    report("holding", mark)
    released()


@resque.job("Context", queue="low")
async def context(mark: Any) -> None:
    before = MARK.get(None)
    MARK.set(mark)
    report("context", mark, before)


@resque.job("Thread", queue="low")
async def thread(mark: Any) -> None:
    report("thread", mark, threading.current_thread().name)


@resque.job("Dies", queue="low", on_dirty_exit="requeue", max_redeliveries=2)
def dies(mark: Any) -> None:
    report("dying", mark)
    os.kill(os.getpid(), signal.SIGKILL)


@resque.job("Once", queue="low", on_dirty_exit="requeue")
def dies_once(mark: Any) -> None:
    """Its first process dies."""
    if ask(os.environ["REPORT_URL"], "INCR", "live:tries") == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    report("survived", mark)


@resque.job("Kept", queue="low", on_dirty_exit="requeue")
def kept(mark: Any) -> None:
    report("holding", mark)
    released()
    report("held", mark)


@resque.job("Slow", queue="low", timeout=0.3)
def slow(mark: Any) -> None:
    try:
        released()
    except JobTimeout:
        report("cleaning up", mark)
        raise


@resque.job("AsyncSlow", queue="low", timeout=0.3)
async def async_slow(mark: Any) -> None:
    try:
        await asyncio.sleep(60)
    except JobTimeout:
        report("cleaning up", mark)
        raise


@resque.job("Deaf", queue="low", timeout=TimeLimit(soft=0.2, hard=0.6), on_dirty_exit="requeue")
def deaf(mark: Any) -> None:
    """Goes on whatever its limit is."""
    while True:
        try:
            released()
        except JobTimeout:
            report("deaf", mark)


@resque.job("Undone", queue="low")
class Undone:
    """Its hook says no."""

    @staticmethod
    def perform() -> None:
        report("performed all the same")

    @staticmethod
    def before_perform_no() -> None:
        raise DontPerform


@resque.job("HardOnly", queue="low", timeout=TimeLimit(hard=60))
def hard_only() -> None:
    report("hard only")


@resque.active_job("ImportJob", queue="low", resume=Resume(wait=0))
def import_rows(job: Continuable, mark: str) -> None:
    for _step in job.step("prepare"):
        report("prepared", mark)
    for step in job.step("rows", start=0):
        while step.cursor < 3:
            report("row", step.cursor)
            released()
            step.advance()
    report("imported", mark, job.envelope.resumptions)


if __name__ == "__main__":
    if "HOOKS" in os.environ:
        for hook in ("before_first_fork", "on_shutdown", "worker_exit"):
            getattr(resque, hook)(partial(report, hook))
        resque.before_pause(lambda _worker: report("pausing"))
    if "BAD_HOOK" in os.environ:
        resque.queue_empty(partial(int, "no number"))
    set_up(resque.settings)
    run_worker(resque)
