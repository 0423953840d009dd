"""The application of the live tests: jobs that report, wait, fail and resist; run it to work."""

from __future__ import annotations

import atexit
import json
import os
import time
from typing import Any

import redis

from pyresque import Resque, TermException
from pyresque.process.logs import set_up
from pyresque.process.run import run_worker

resque = Resque()


def report(*words: Any) -> None:
    with redis.Redis.from_url(os.environ["REPORT_URL"]) as client:
        client.rpush("live:reports", json.dumps(words))


def released() -> None:
    """Wait until the test lets go."""
    with redis.Redis.from_url(os.environ["REPORT_URL"], socket_timeout=None) as client:
        client.blpop("live:release", timeout=60)


@resque.job("Note", queue="low")
def note(*args: Any) -> None:
    report("note", *args)


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


@resque.job("Stubborn", queue="low")
def stubborn(mark: Any) -> None:
    """Goes on whatever it is told."""
    until = time.monotonic() + 30
    words = "holding"
    while time.monotonic() < until:
        try:
            report(words, mark)
            released()
        except TermException:
            words = "resisted"


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


if __name__ == "__main__":
    set_up(resque.settings)
    run_worker(resque)
