"""Jobs with plugins, for workers in processes of their own."""

from __future__ import annotations

import os
import signal
import time

from pyresque import Resque
from pyresque.plugins import Lock, LockTimeout, Loner, Restriction, Retry

resque = Resque()


@resque.job("Unique", queue="low", plugins=[Loner()])
def unique(what: str) -> None:
    """Say what stands in Redis, then end as asked."""
    if not what.startswith("note"):
        resque.redis.rpush("seen", ",".join(sorted(resque.redis.keys("loners:*"))))
    end(what)


@resque.job("Retried", queue="low", plugins=[Retry(limit=2)])
def retried(what: str) -> None:
    """End as asked."""
    end(what)


@resque.job("Locked", queue="low", plugins=[LockTimeout(timeout=60)])
def locked(what: str) -> None:
    """End as asked."""
    end(what)


@resque.job("LockedToo", queue="low", plugins=[Lock()])
def locked_too(what: str) -> None:
    """End as asked."""
    end(what)


@resque.job("Limited", queue="low", plugins=[Restriction(per_year=1, concurrent=3)])
def limited(what: str) -> None:
    """End as asked."""
    end(what)


@resque.job("Tracked", queue="low", tracked=True)
def tracked(what: str) -> str:
    """Say twice how far it is, and return what it was given."""
    for step in (1, 2):
        resque.status().at(step, 2)
        time.sleep(0.01)
    end(what)
    return what


@resque.job("Plain", queue="low")
def plain(what: str) -> None:
    """End as asked."""
    end(what)


@resque.job("Again", queue="low", plugins=[Retry(limit=3)])
def again(what: str) -> None:
    """Say that it is tried, and fail."""
    time.sleep(0.01)
    resque.redis.rpush("seen", what)
    time.sleep(0.01)
    raise ValueError(what)


def end(what: str) -> None:
    """Raise, kill this process, close all that is open, or take a while."""
    if what == "close":
        os.closerange(3, 256)
    if what == "fail":
        raise ValueError(what)
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what.startswith("note"):
        time.sleep(0.01)
        resque.redis.rpush("seen", what)
    if what == "sleep":
        time.sleep(60)
