from __future__ import annotations

import asyncio
import contextvars
import threading
from dataclasses import replace

import pytest

from pyresque import AsyncResque, Resque
from pyresque.driver.aio import AsyncDriver
from pyresque.driver.sync import SyncDriver
from pyresque.errors import MiddlewareError, UnknownJobClass
from pyresque.job.job import JsonCodec, read_job
from pyresque.job.perform import perform

NOWHERE = "redis://127.0.0.1:1"


@pytest.fixture
def resque():
    return Resque(NOWHERE)


@pytest.fixture(params=["blocking", "awaiting"])
def performed(request, resque):
    """Perform a job by either driver; whether its work was done."""

    def run(name: str, *args: object) -> bool:
        codec = JsonCodec()
        job = read_job(codec, "low", codec.encode({"class": name, "args": list(args)}))
        operation = perform(resque.core.registry, job)
        if request.param == "blocking":
            return SyncDriver(NOWHERE).run(operation)
        return asyncio.run(AsyncDriver(NOWHERE).run(operation))

    return run


@pytest.fixture
def events(resque):
    """What happened, in order; the jobs that do it are there."""
    noted: list[object] = []

    @resque.job(queue="low")
    class Note:
        @staticmethod
        def on_failure_note(error, *args):
            noted.append(f"hook: {error}")

        @staticmethod
        def perform(mark):
            noted.append(mark)
            if mark == "boom":
                raise ValueError("boom")

    @resque.job("AsyncNote", queue="low")
    async def note(mark):
        await asyncio.sleep(0)
        noted.append(mark)
        if mark == "boom":
            raise ValueError("boom")

    return noted


BOTH = pytest.mark.parametrize("name", ["Note", "AsyncNote"])


@BOTH
def test_the_first_one_is_outermost_and_async_ones_are_inside_plain_ones(
    resque, performed, events, name
):
    def plain(mark):
        def middleware(call_next, job):
            events.append(f"{mark} before {job.class_name}")
            assert call_next(job) is True
            events.append(f"{mark} after")

        return middleware

    def awaiting(mark):
        async def middleware(call_next, job):
            await asyncio.sleep(0)
            events.append(f"{mark} before")
            assert await call_next(job) is True
            events.append(f"{mark} after")

        return middleware

    for added in (awaiting("c"), plain("a"), awaiting("d"), plain("b")):
        assert resque.middleware(added) is added
    assert performed(name, 7) is True
    assert events == [
        f"a before {name}",
        f"b before {name}",
        *["c before", "d before", 7, "d after", "c after", "b after", "a after"],
    ]


@BOTH
def test_a_jobs_error_comes_through_after_its_failure_hooks(resque, performed, events, name):
    @resque.middleware
    def outer(call_next, job):
        try:
            call_next(job)
        except ValueError as error:
            events.append(f"outer: {error}")
            raise

    @resque.middleware
    async def inner(call_next, job):
        try:
            await call_next(job)
        except ValueError as error:
            events.append(f"inner: {error}")
            raise

    with pytest.raises(ValueError, match="boom"):
        performed(name, "boom")
    hook = ["hook: boom"] if name == "Note" else []
    assert events == ["boom", *hook, "inner: boom", "outer: boom"]


@BOTH
def test_one_that_does_not_call_leaves_the_job_undone(resque, performed, events, name):
    resque.middleware(lambda call_next, job: None)
    assert performed(name, 7) is False
    assert events == []


def test_one_that_swallows_the_error_makes_the_job_no_failure(resque, performed, events):
    @resque.middleware
    def forgiving(call_next, job):
        try:
            call_next(job)
        except ValueError:
            events.append("forgiven")

    assert performed("Note", "boom") is False
    assert events == ["boom", "hook: boom", "forgiven"]


def test_calling_twice_is_refused_before_the_job_runs_twice(resque, performed, events):
    @resque.middleware
    def twice(call_next, job):
        call_next(job)
        call_next(job)

    with pytest.raises(MiddlewareError, match="called call_next twice"):
        performed("Note", 7)
    assert events == [7]


def test_it_may_give_the_job_other_arguments(resque, performed, events):
    @resque.middleware
    def opened(call_next, job):
        call_next(replace(job, payload=replace(job.payload, args=["opened"])))

    performed("Note", "sealed")
    assert events == ["opened"]


def test_it_sees_jobs_that_nobody_registered(resque, performed, events):
    @resque.middleware
    def seeing(call_next, job):
        try:
            call_next(job)
        except UnknownJobClass:
            events.append(job.class_name)
            raise

    with pytest.raises(UnknownJobClass):
        performed("Nobody")
    assert events == ["Nobody"]


def test_what_a_plain_one_holds_for_its_thread_holds_for_the_job(resque, performed, events):
    local = threading.local()

    @resque.middleware
    def holding(call_next, job):
        local.held = "held"
        call_next(job)

    @resque.job("Look", queue="low")
    def look():
        events.append(getattr(local, "held", None))

    performed("Look")
    assert events == ["held"]


@pytest.mark.parametrize("awaiting", [False, True])
def test_a_context_variable_set_in_one_is_seen_by_the_job(resque, performed, events, awaiting):
    request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id")

    @resque.middleware
    def outer(call_next, job):
        request_id.set("r1")
        call_next(job)

    if awaiting:

        @resque.middleware
        async def inner(call_next, job):
            await call_next(job)

    @resque.job("Look", queue="low")
    def look():
        events.append(request_id.get())

    @resque.job("AsyncLook", queue="low")
    async def async_look():
        events.append(request_id.get())

    performed("Look")
    performed("AsyncLook")
    assert events == ["r1", "r1"]


def test_an_object_with_an_async_call_is_an_async_one(resque, performed, events):
    class Counting:
        async def __call__(self, call_next, job):
            events.append(await call_next(job))

    resque.middleware(Counting())
    performed("Note", 7)
    assert events == [7, True]


class OfBothKinds:
    """A middleware that an event loop awaits, and that blocks elsewhere."""

    def __init__(self, events):
        self.events = events
        self.bound = contextvars.ContextVar("bound", default="none")

    def __call__(self, call_next, job):
        token = self.bound.set("blocking")
        self.events.append(("blocking", threading.get_ident(), call_next(job)))
        self.bound.reset(token)

    async def awaited(self, call_next, job):
        token = self.bound.set("awaiting")
        self.events.append(("awaiting", threading.get_ident(), await call_next(job)))
        self.bound.reset(token)


@BOTH
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "inside one that blocks"])
def test_an_object_may_be_awaited_in_an_event_loop_and_block_elsewhere(
    resque, performed, events, request, name, inside
):
    if inside:
        resque.middleware(lambda call_next, job: call_next(job))
    both = resque.middleware(OfBothKinds(events))

    @resque.middleware
    async def innermost(call_next, job):
        events.append(both.bound.get())
        await call_next(job)

    assert performed(name, 7) is True
    in_loop = request.node.callspec.params["performed"] == "awaiting" and not inside
    kind = "awaiting" if in_loop else "blocking"
    *before, (found, thread, done) = events
    assert (before, found, done) == ([kind, 7], kind, True)
    if kind == "awaiting":
        assert thread == threading.get_ident(), "no thread is started for it"


async def test_a_cancelled_job_is_cancelled_inside_a_plain_one():
    began, ended = asyncio.Event(), asyncio.Event()
    app = AsyncResque(NOWHERE)
    loop = asyncio.get_running_loop()

    @app.middleware
    def around(call_next, job):
        try:
            call_next(job)
        finally:
            loop.call_soon_threadsafe(ended.set)

    @app.job("Endless", queue="low")
    async def endless():
        began.set()
        await asyncio.sleep(60)

    job = read_job(JsonCodec(), "low", b'{"class":"Endless","args":[]}')
    task = asyncio.create_task(AsyncDriver(NOWHERE).run(perform(app.core.registry, job)))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(ended.wait(), 20)


def test_faces_that_share_jobs_share_middleware(resque):
    other = AsyncResque(NOWHERE, jobs=resque)
    resque.middleware(lambda call_next, job: call_next(job))
    assert len(other.core.registry.middleware) == 1
