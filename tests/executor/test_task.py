from __future__ import annotations

import asyncio
import threading
import time
from contextvars import ContextVar

import pytest

from pyresque.driver.aio import AsyncDriver
from pyresque.errors import TermException
from pyresque.executor.base import DONE
from pyresque.executor.task import TaskExecutor
from pyresque.job import middleware
from pyresque.job.job import JsonCodec, read_job
from pyresque.job.registry import Registry

JOB = read_job(JsonCodec(), "low", b'{"class":"X","args":[]}')
MARK: ContextVar[int] = ContextVar("MARK", default=0)


class Bench:
    """An executor with a driver that has nobody to talk to."""

    def __init__(self, perform, **hooks) -> None:
        registry = Registry()
        registry.add(perform, name="X", hooks_by_kind=hooks)
        self.driver = AsyncDriver("redis://nowhere:1/0")
        self.executor = TaskExecutor(registry, self.driver.run)

    async def run(self):
        return await self.driver.run(
            self.executor.run(JOB, upkeep=lambda: None, set_title=print),
        )

    async def interrupted(self, begun):
        """Run it, and interrupt it once it has begun."""
        running = asyncio.create_task(self.run())
        while not begun.is_set():  # noqa: ASYNC110 - a job's thread may be the one to set it
            await asyncio.sleep(0)
        self.executor.terminate()
        return await asyncio.wait_for(running, 20)


async def test_an_async_job_runs_in_the_loops_own_thread():
    seen = []

    async def perform():
        await asyncio.sleep(0)
        seen.append(threading.get_ident())

    assert await Bench(perform).run() == DONE
    assert seen == [threading.get_ident()]


async def test_a_plain_job_runs_in_another_thread():
    seen = []
    assert await Bench(lambda: seen.append(threading.get_ident())).run() == DONE
    assert seen != [threading.get_ident()]


async def test_what_a_job_changes_in_its_context_ends_with_it():
    seen = []

    async def perform():
        seen.append(MARK.get())
        MARK.set(1)

    bench = Bench(perform)
    await bench.run()
    await bench.run()
    assert seen == [0, 0]


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), KeyboardInterrupt()])
async def test_whatever_a_job_raises_is_its_failure(error):
    async def awaiting():
        raise error

    def plain():
        raise error

    for perform in (awaiting, plain):
        assert (await Bench(perform).run()).report.exception == type(error).__name__


async def test_a_stop_iteration_from_a_thread_is_a_failure_and_nobody_waits_for_ever():
    def perform():
        raise StopIteration

    assert (await asyncio.wait_for(Bench(perform).run(), 20)).report is not None


async def test_an_interrupt_is_raised_where_an_async_job_awaits():
    begun, seen = threading.Event(), []

    async def perform():
        begun.set()
        try:
            await asyncio.sleep(60)
        except TermException as error:
            await asyncio.sleep(0)  # it may clean up by awaiting
            seen.append(str(error))
            raise

    outcome = await Bench(perform).interrupted(begun)
    assert (outcome.report.exception, outcome.report.error) == ("Resque::TermException", "SIGTERM")
    assert seen == ["SIGTERM"]


async def test_an_interrupt_is_raised_in_the_thread_of_a_plain_job():
    begun = threading.Event()

    def perform():
        begun.set()
        end = time.monotonic() + 20
        while time.monotonic() < end:
            pass

    outcome = await Bench(perform).interrupted(begun)
    assert outcome.report.exception == "Resque::TermException"


async def test_a_job_may_go_on_after_an_interrupt():
    begun = threading.Event()

    async def perform():
        begun.set()
        try:
            await asyncio.sleep(60)
        except TermException:
            await asyncio.sleep(0.001)

    assert await Bench(perform).interrupted(begun) == DONE


async def test_interrupts_while_nothing_runs_do_nothing():
    async def perform():
        await asyncio.sleep(0)

    bench = Bench(perform)
    bench.executor.terminate()
    bench.executor.kill()
    assert await bench.run() == DONE
    bench.executor.terminate()
    assert await bench.run() == DONE


async def test_a_cancellation_that_is_no_interrupt_is_none():
    async def perform():
        raise asyncio.CancelledError

    assert (await Bench(perform).run()).report.exception == "CancelledError"


async def test_what_a_plain_middleware_leads_to_ends_with_an_interrupt():
    begun, ended = threading.Event(), threading.Event()

    async def perform():
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    bench = Bench(perform)
    middleware.add(bench.executor.registry.middleware, lambda call_next, job: call_next(job))
    outcome = await bench.interrupted(begun)
    assert outcome.report.exception == "Resque::TermException"
    assert await asyncio.to_thread(ended.wait, 20)


@pytest.mark.parametrize("awaits", ["a coroutine function", "what a function returned"])
async def test_an_interrupt_that_comes_as_a_thread_ends_its_part_is_for_what_follows(awaits):
    reached = []

    async def sleeping():
        reached.append("begun")
        await asyncio.sleep(20)

    def late():
        bench.executor._interrupt._requested = (
            True  # as if it came after this function, and before the next
        )
        return None if awaits == "a coroutine function" else sleeping()

    hooks = {"before_perform": [late]} if awaits == "a coroutine function" else {}
    bench = Bench(sleeping if hooks else late, **hooks)
    assert (await bench.run()).report.exception == "Resque::TermException"
    assert reached == ([] if hooks else ["begun"])
