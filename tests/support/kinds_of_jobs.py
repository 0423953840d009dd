"""Jobs of every kind that take more than a plain call: hooks, limits, middleware, envelopes, plugins, and what goes wrong in each."""

from __future__ import annotations

import asyncio
import json
import time
from hashlib import sha1
from typing import TYPE_CHECKING, Any

from pyresque import DontPerform, TimeLimit, plugins
from pyresque.activejob import DiscardOn, RetryOn
from pyresque.ops import Command
from tests.support.queue_state import push

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import redis

    from pyresque import Resque
    from pyresque.job.plugin import PluginJob

#: The wrapper's class in the payload of an active job.
WRAPPER = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"


class GoneError(Exception):
    """An error that a rule retries."""


def register(resque: Resque, note: Callable[..., None]) -> None:  # noqa: PLR0915 - a line for each kind
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

    async def before_perform_awaited(*args: Any) -> None:
        await asyncio.sleep(0)
        note("before, awaited", *args)

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

    # What a child performs directly (``job/direct.py``), and what it goes the usual way for after all.
    around = [noting("before_perform_y"), noting("after_perform_y"), noting("on_failure_y")]
    job("Short", hooks=around)
    job("ShortVetoed", hooks=[raising("before_perform_v", DontPerform()), *around])
    job("ShortFailing", raising("ShortFailing", ValueError("no")), hooks=around)
    job("ShortFailingBefore", hooks=[*around, raising("before_perform_z", KeyError("before"))])
    job("ShortFailingAfter", hooks=[*around, raising("after_perform_z", KeyError("after"))])
    job("ShortAwaited", awaited, hooks=around)
    job("ShortHookAwaited", hooks=[before_perform_awaited, *around])
    job("Attempted", plugins=[plugins.Retry(limit=2)])
    job("AttemptedAwaited", awaited, plugins=[plugins.Retry(limit=2)])
    job("AttemptedNamed", plugins=[plugins.Retry(limit=2, identifier=lambda *_: "one")])
    job("AttemptedExpiring", plugins=[plugins.Retry(limit=2, expire=3600)])
    job("GivenUp", raising("GivenUp", ValueError("no")), plugins=[plugins.Retry(limit=1)])
    job(
        "Suppressed",
        raising("Suppressed", ValueError("no")),
        plugins=[plugins.Retry(limit=1, suppress=True)],
    )
    job("Hindered", plugins=[plugins.Retry(limit=2)])
    job("Stopping", raising("Stopping", StopIteration("over")), hooks=around)
    job("StoppingHook", hooks=[*around, raising("after_perform_z", StopIteration("over"))])
    job("AttemptedAnyhow", raising("AttemptedAnyhow", ValueError("no")), plugins=[Checked(limit=1)])
    job("AttemptedOften", plugins=[Checked(limit=1)])
    changing_hooks(job, noting)

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
    # What is performed directly, and what it goes the usual way for after all.
    rules: dict[str, Any] = {"retry_on": [RetryOn((GoneError,), attempts=2, wait=0)]}
    active("ActiveShort", hooks=around)
    active("ActiveAwaited", awaited, hooks=around)
    active("ActiveVetoed", hooks=[raising("before_perform_v", DontPerform()), *around])
    active("ActiveShortFailing", raising("ActiveShortFailing", ValueError("no")), hooks=around)
    active("ActiveShortAgain", raising("Again", GoneError()), hooks=around, **rules)
    active(
        "ActiveFailingBefore", hooks=[*around, raising("before_perform_z", GoneError())], **rules
    )
    active("ActiveFailingAfter", hooks=[*around, raising("after_perform_z", GoneError())], **rules)
    active("ActiveStopping", raising("ActiveStopping", StopIteration("over")), hooks=around)
    active(
        "ActiveDropped",
        raising("ActiveDropped", GoneError()),
        discard_on=[DiscardOn((GoneError,), on_discarded=lambda *_: note("dropped"))],
    )
    active("ActiveOne", taking_one)
    active("ActiveGrowing", growing(noting))


def taking_one(one: object) -> None:
    """Perform a job of one argument."""


def growing(noting: Callable[[str], Callable[..., None]]) -> type:
    """Return a class that gets hooks while its job runs."""

    class Growing:
        @classmethod
        def perform(cls, *args: Any) -> None:
            cls.after_perform_z = staticmethod(noting("after_perform_z"))  # type: ignore[attr-defined]
            cls.always_z = staticmethod(noting("always_z"))  # type: ignore[attr-defined]

    return Growing


class Checked(plugins.Retry):
    """A plugin of the user's own: it does more than Retry does, and names its counters itself."""

    def name(self, job: PluginJob, args: Sequence[Any]) -> str:
        """Have one counter for a class."""
        return job.name

    async def before_perform_checked(self, job: PluginJob) -> None:
        """Count the jobs that began."""
        await Command(("INCR", f"resque:checked:{job.name}"))

    async def after_perform_retry(self, job: PluginJob) -> None:
        """Count the jobs that were done."""
        await Command(("INCR", f"resque:checked:{job.name}:done"))
        await super().after_perform_retry(job)


def changing_hooks(job: Callable[..., None], noting: Callable[[str], Callable[..., None]]) -> None:
    """Register classes that change their own hooks while a job runs, and ones whose hooks cannot be had."""

    class Changing:
        before_perform_b = staticmethod(noting("before_perform_b"))
        after_perform_b = staticmethod(noting("after_perform_b"))
        after_perform_c = staticmethod(noting("after_perform_c"))

        @classmethod
        def before_perform_a(cls, *_: Any) -> None:
            cls.before_perform_b = staticmethod(noting("another before_perform_b"))

        @classmethod
        def perform(cls, *args: Any) -> None:
            cls.after_perform_b = staticmethod(noting("another after_perform_b"))
            cls.always_late = staticmethod(noting("always_late"))  # type: ignore[attr-defined]
            if "after_perform_c" in vars(cls):
                del cls.after_perform_c
            cls.after_perform_d = staticmethod(noting("after_perform_d"))  # type: ignore[attr-defined]

    class Growing:
        @classmethod
        def perform(cls, *args: Any) -> None:
            cls.after_perform_z = staticmethod(noting("after_perform_z"))  # type: ignore[attr-defined]

    class Missing:
        hooks = ("before_perform_missing", "after_perform_missing")
        perform = staticmethod(noting("Missing"))

    class Unlisted:
        perform = staticmethod(noting("Unlisted"))
        asked = 0

        @classmethod
        def hooks(cls) -> list[str]:
            cls.asked += 1
            if cls.asked > 1:
                raise KeyError("no list")
            return []

    job("Changing", Changing)
    job("Growing", Growing, plugins=[plugins.Retry(limit=1)])
    job("Missing", Missing)
    job("Unlisted", Unlisted)


def push_all(db: redis.Redis) -> int:
    """Push a job of each kind, once more with an unusual payload where there is one; return how many."""
    before = db.llen("resque:queue:low")
    for name in (
        *("Hooked", "HookedAwaited", "Vetoed", "Failing", "FailingHook", "FailingTwice", "Limited"),
        *("TooLong", "Locked", "Loner", "Counted", "Retried"),
        *("Short", "ShortVetoed", "ShortFailing", "ShortFailingBefore", "ShortFailingAfter"),
        *("ShortAwaited", "ShortHookAwaited", "Attempted", "AttemptedAwaited", "AttemptedNamed"),
        *("AttemptedExpiring", "GivenUp", "Suppressed", "Hindered", "Stopping", "StoppingHook"),
        *("AttemptedAnyhow", "AttemptedOften", "Changing", "Growing", "Missing", "Unlisted"),
    ):
        push(db, name, *([] if name == "TooLong" else [1, "x"]))
    db.lpush("resque:resque-retry:Hindered:" + sha1(b"1-x").hexdigest(), "no counter")
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
        *("ActiveShort", "ActiveAwaited", "ActiveVetoed", "ActiveShortFailing", "ActiveShortAgain"),
        *("ActiveFailingBefore", "ActiveFailingAfter", "ActiveStopping", "ActiveDropped"),
        *("ActiveOne", "ActiveGrowing", "ActiveGrowing", "::ActiveShort"),
    ):
        push(
            db,
            WRAPPER,
            envelope(name, 1, {"a": 2, "_aj_ruby2_keywords": ["a"]} if name == "Active" else 2),
        )
    push(db, WRAPPER, {**envelope("Active"), "arguments": {"no": "list"}})
    push(db, WRAPPER, {**envelope("Active"), "enqueued_at": "yesterday"})
    push(db, WRAPPER, {**envelope("ActiveShort", 1), "timezone": "Nowhere"})
    push(db, WRAPPER, {**envelope("ActiveShort", 1), "executions": "many"})
    push(db, WRAPPER, {**envelope("ActiveShort", 1), "job_class": ["ActiveShort"]})
    push(db, f"::{WRAPPER}", envelope("ActiveShort", 3))
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
