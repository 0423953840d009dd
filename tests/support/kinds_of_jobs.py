"""Jobs of every kind that take more than a plain call: hooks, limits, middleware, envelopes, plugins, and what goes wrong in each."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from pyresque import DontPerform, TimeLimit, plugins
from pyresque.activejob import RetryOn
from tests.support.queue_state import push

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from pyresque import Resque

#: The wrapper's class in the payload of an active job.
WRAPPER = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"


class GoneError(Exception):
    """An error that a rule retries."""


def register(resque: Resque, note: Callable[..., None]) -> None:
    """Register a job of each kind. Each notes what it does."""

    def noting(name: str) -> Callable[..., None]:
        def noted(*args: Any, **options: Any) -> None:
            note(name, *map(repr, args), *options.items())

        noted.__name__ = name
        return noted

    def raising(name: str, error: BaseException) -> Callable[..., None]:
        def raised(*args: Any) -> None:
            note(name, *map(str, args))
            raise error

        raised.__name__ = name
        return raised

    def around_perform_b(*args: Any) -> Any:
        note("before", *args)
        yield
        note("after", *args)

    async def awaited(*args: Any) -> None:
        await asyncio.sleep(0)
        note("awaited", *args)

    every = [noting(f"{kind}_x") for kind in ("before_perform", "after_perform", "always")]

    def job(name: str, work: Callable[..., Any] | None = None, **options: Any) -> None:
        resque.job(name, queue="low", **options)(work or noting(name))

    job("Hooked", hooks=[*every, around_perform_b])
    job("HookedAwaited", awaited, hooks=[*every, around_perform_b])
    job("Vetoed", hooks=[raising("before_perform_v", DontPerform()), every[2]])
    job("Failing", raising("Failing", ValueError("no")), hooks=[*every, noting("on_failure_x")])
    job("FailingHook", hooks=[raising("after_perform_f", KeyError("after"))])
    job(
        "FailingTwice",
        raising("FailingTwice", ValueError("first")),
        hooks=[raising("on_failure_f", KeyError("second"))],
    )
    job("Keywords", kwargs=True)
    job("Limited", timeout=30)
    job("TooLong", lambda: time.sleep(5), timeout=TimeLimit(soft=0.05))
    job("Locked", plugins=[plugins.Lock()])
    job("Loner", plugins=[plugins.Loner()])
    job("Tracked", tracked=True)
    job("Retried", raising("Retried", ValueError("again")), plugins=[plugins.Retry(limit=2)])
    job("Counted", plugins=[plugins.JobStats(), plugins.Retry(limit=2)])

    def active(name: str, work: Callable[..., Any] | None = None, **options: Any) -> None:
        resque.active_job(name, queue="low", **options)(work or noting(name))

    active("Active", hooks=every)
    active("ActiveBound", lambda job, *_: note(job.job_class, job.executions), bind=True)
    active("ActiveFailing", raising("ActiveFailing", ValueError("no")), hooks=every)
    active(
        "ActiveRetried",
        raising("ActiveRetried", GoneError()),
        retry_on=[RetryOn((GoneError,), attempts=2, wait=0)],
    )
    active("ActiveLimited", timeout=30)


def push_all(db: redis.Redis) -> int:
    """Push a job of each kind, once more with an unusual payload where there is one; return how many."""
    before = db.llen("resque:queue:low")
    for name in (
        *("Hooked", "HookedAwaited", "Vetoed", "Failing", "FailingHook", "FailingTwice", "Limited"),
        *("TooLong", "Locked", "Loner", "Counted", "Retried"),
    ):
        push(db, name, *([] if name == "TooLong" else [1, "x"]))
    push(db, "Keywords", 1, {"a": 2})
    push(db, "::Hooked", 2)
    push(db, "Tracked", "0" * 32, {"args": [1]})
    for name in (
        "Active",
        "ActiveBound",
        "ActiveFailing",
        "ActiveRetried",
        "ActiveLimited",
        "ActiveUnknown",
    ):
        push(
            db,
            WRAPPER,
            envelope(name, 1, {"a": 2, "_aj_ruby2_keywords": ["a"]} if name == "Active" else 2),
        )
    push(db, WRAPPER, {**envelope("Active"), "arguments": {"no": "list"}})
    push(db, WRAPPER, {**envelope("Active"), "enqueued_at": "yesterday"})
    push(db, WRAPPER, "no envelope")
    push(db, WRAPPER)
    return int(db.llen("resque:queue:low")) - int(before)


def envelope(name: str, *args: Any) -> dict[str, Any]:
    """The job hash of an active job as Rails writes it."""
    return {
        "job_class": name,
        "job_id": "3f1c0e5e-9d0b-4a36-8b5d-0a5d0d2ab0d5",
        "provider_job_id": None,
        "queue_name": "low",
        "priority": None,
        "arguments": list(args),
        "executions": 0,
        "exception_executions": {},
        "locale": "en",
        "timezone": "UTC",
        "enqueued_at": "2026-01-01T10:20:30.123456789Z",
        "scheduled_at": None,
    }


#: The fields that hold times, in statuses and in job hashes; a status names one in its message.
TIMES = {"time", "message", "enqueued_at", "scheduled_at"}


def without_times(found: Any) -> Any:
    """What ``queue_state.contents`` read, without the times that statuses, job hashes and statistics bear."""
    if isinstance(found, bytes) and found.startswith(b"{"):
        return without_times(json.loads(found))
    if isinstance(found, list):
        return [without_times(each) for each in found]
    if isinstance(found, dict):
        return {
            name: without_times(each)
            for name, each in found.items()
            if name not in TIMES and not (isinstance(name, bytes) and b"stats:" in name)
        }
    return found
