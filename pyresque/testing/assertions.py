"""What a test asserts of the jobs that are enqueued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.testing.complaints import missing, unwanted
from pyresque.testing.enqueued import EnqueuedJob
from pyresque.testing.expected import WITHIN, Call, Expected
from pyresque.testing.kit import active
from pyresque.testing.payload_diff import difference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import timedelta

    from pyresque.job.registry import Target
    from pyresque.schedule.later import When
    from pyresque.testing.kit import Places

#: Members of payloads that differ each time, unless a test asks for them.
CHANGING = ("job_id", "enqueued_at")


def enqueued_jobs(job: Target | None = None, *, queue: str | None = None) -> list[EnqueuedJob]:
    """Return the jobs that are enqueued now, of one class or in one queue if asked: those in queues, then those for later, by time.

    >>> [str(job) for job in enqueued_jobs()]
    ['file_serve: Archive(35)']
    """
    places = active()
    found = places.jobs()
    if found and job is not None:
        name = _class(places, job).name
        found = [one for one in found if one.class_name == name]
    return [one for one in found if queue is None or one.queue == queue]


def assert_enqueued(
    job: Target,
    /,
    *given: Any,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    queue: str | None = None,
    at: When | timedelta | None = None,
    within: float = WITHIN,
    count: int | None = None,
    **keywords: Any,
) -> EnqueuedJob:
    """Assert that a job is enqueued, in a queue or for later, and return the first such one.

    Without arguments any will do; ``args=[]`` says that there are none. ``queue`` and ``at`` (a time, or a timedelta from now, within
    ``within`` seconds) ask for more; ``count`` is how many there are, any number but 0 without it. Arguments are compared as
    they are read from the payload, a tuple with a list; ``unittest.mock.ANY`` and the like stand for values that do not matter. A keyword of
    the job's own that is called ``queue``, ``at`` or the like goes into ``kwargs``. Raises AssertionError.

    >>> assert_enqueued(archive, 35, "master", queue="file_serve")
    """
    __tracebackhide__ = True
    places = active()
    jobs = places.jobs()
    call = _call(job, given, args, keywords, kwargs)
    expected = Expected(call, places.registered(job), places.clock, queue, at, within)
    found = _matching(expected, jobs)
    if (not found) if count is None else len(found) != count:
        wanted = "" if count is None else str(count)
        raise AssertionError(missing(expected, len(found), wanted, jobs, inline=places.inline))
    return found[0]


def assert_not_enqueued(
    job: Target,
    /,
    *given: Any,
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    queue: str | None = None,
    at: When | timedelta | None = None,
    within: float = WITHIN,
    **keywords: Any,
) -> None:
    """Assert that no such job is enqueued. Arguments and options are those of ``assert_enqueued``. Raises AssertionError."""
    __tracebackhide__ = True
    places = active()
    call, jobs = _call(job, given, args, keywords, kwargs), places.jobs()
    if not jobs:
        return
    expected = Expected(call, places.registered(job), places.clock, queue, at, within)
    found = _matching(expected, jobs)
    if found:
        raise AssertionError(unwanted(expected, found))


def assert_payload(
    job: Target | EnqueuedJob, payload: bytes | str, *, ignore: Iterable[str] = CHANGING
) -> None:
    """Assert that a job is enqueued with exactly these bytes: those that Ruby writes for it, recorded from Ruby.

    A newline at the end, as files have it, does not count. ``ignore``: members whose values may differ, by name
    (``job_id``), or by path (``args[0]``); ``()``: none. Raises AssertionError, which shows the first difference.

    >>> assert_payload("Archive", b'{"class":"Archive","args":[35]}')
    """
    __tracebackhide__ = True
    places = active()
    wanted = (payload.encode() if isinstance(payload, str) else payload).rstrip(b"\n")
    if isinstance(job, EnqueuedJob):
        found, name = [job], job.class_name
    else:
        jobs, expected = places.jobs(), _class(places, job)
        found, name = _matching(expected, jobs), expected.name
        if not found:
            raise AssertionError(missing(expected, 0, "", jobs, inline=places.inline))
    differing = [
        difference(one.resque.core.codec, one.payload, wanted, tuple(ignore)) for one in found
    ]
    if all(differing):
        shortest = min(filter(None, differing), key=len)
        raise AssertionError(f"{name} is enqueued with another payload.\n{shortest}")


def _class(places: Places, job: Target) -> Expected:
    """Any job of a class."""
    return Expected(Call(job, None, {}), places.registered(job), places.clock)


def _call(
    job: Target,
    given: Sequence[Any],
    args: Sequence[Any] | None,
    keywords: Mapping[str, Any],
    kwargs: Mapping[str, Any] | None,
) -> Call:
    if (given and args is not None) or (keywords and kwargs is not None):
        raise TypeError(
            "give the job's arguments by their places and names, or by args= and kwargs="
        )
    any_will_do = not given and not keywords and args is None and kwargs is None
    return Call(
        job, None if any_will_do else [*given, *(args or ())], {**keywords, **(kwargs or {})}
    )


def _matching(expected: Expected, jobs: Sequence[EnqueuedJob]) -> list[EnqueuedJob]:
    return [
        job for job in jobs if job.class_name == expected.name and not expected.differences(job)
    ]
