"""An error that is raised where a coroutine awaits is a cancellation there, and itself outside."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from contextlib import contextmanager, suppress

import pytest

from pyresque.cancellations import raise_inside
from pyresque.errors import JobTimeout, TermException

ERRORS = [TermException("SIGTERM"), JobTimeout(3.0)]
each_error = pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
of_groups = pytest.mark.skipif(sys.version_info < (3, 11), reason="no TaskGroup")


@contextmanager
def gc_off():
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Beside:
    """Parts of a job that it has begun and that wait for ever."""

    def __init__(self) -> None:
        self.going = 0

    async def wait(self) -> None:
        self.going += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.going -= 1


async def interrupted(work, error, steps=5):
    """Await some work, cancelled for the sake of an error once it waits."""

    def error_for(raised):
        return error if isinstance(raised, asyncio.CancelledError) else raised

    async def inside():
        try:
            return await raise_inside(work, error_for)
        finally:
            cancelling = getattr(asyncio.current_task(), "cancelling", int)
            assert cancelling() == 0

    task = asyncio.create_task(inside())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    return await task


@each_error
async def test_it_is_itself_outside_and_as_it_came(error):
    async def work():
        await asyncio.Event().wait()

    with pytest.raises(type(error)) as raised:
        await interrupted(work(), error)
    assert raised.value is error
    assert not isinstance(error, asyncio.CancelledError)
    assert raised.traceback[-1].name == "wait"


@each_error
async def test_inside_it_is_caught_as_itself_and_as_a_cancellation(error):
    seen = []

    async def work():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as caught:
            seen.append(caught)
        return 7

    assert await interrupted(work(), error) == 7
    assert isinstance(seen[0], type(error))
    assert str(seen[0]) == str(error)
    assert vars(seen[0]).items() >= vars(error).items()


@each_error
async def test_what_is_waited_for_within_a_time_ends(error):
    beside = Beside()
    with pytest.raises(type(error)):
        await interrupted(asyncio.wait_for(beside.wait(), 60), error)
    assert beside.going == 0


@each_error
@of_groups
async def test_the_tasks_of_a_group_end(error):
    beside = Beside()

    async def work():
        async with asyncio.TaskGroup() as group:
            group.create_task(beside.wait())

    with pytest.raises(type(error)):
        await interrupted(work(), error)
    assert beside.going == 0


@each_error
@of_groups
async def test_what_is_raised_in_the_body_of_a_group_is_no_group_outside(error):
    beside = Beside()

    async def work():
        async with asyncio.TaskGroup() as group:
            group.create_task(beside.wait())
            await asyncio.Event().wait()

    with pytest.raises(type(error)):
        await interrupted(work(), error)
    assert beside.going == 0


@of_groups
async def test_a_group_with_other_errors_stays_one():
    async def fail():
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("beside")

    async def work():
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            await asyncio.Event().wait()

    with pytest.raises(BaseExceptionGroup) as raised:  # noqa: F821 - since Python 3.11
        await interrupted(work(), TermException("SIGTERM"))
    assert any(isinstance(each, ValueError) for each in raised.value.exceptions)


@of_groups
async def test_a_timeout_that_ends_at_the_same_moment_does_not_take_it_for_its_own():
    async def work():
        async with asyncio.timeout(None) as timeout:
            loop = asyncio.get_running_loop()
            loop.call_soon(timeout.reschedule, loop.time() - 1)
            loop.call_soon(task.cancel)
            await asyncio.Event().wait()

    def error_for(raised):
        return TermException("SIGTERM") if isinstance(raised, asyncio.CancelledError) else raised

    async def inside():
        return await raise_inside(work(), error_for)

    task = asyncio.create_task(inside())
    with pytest.raises(TermException):
        await task


async def test_what_the_work_had_is_freed_with_its_error():
    class Had:
        pass

    had = None

    async def work():
        nonlocal had
        mine = Had()
        had = weakref.ref(mine)
        await asyncio.sleep(0)
        raise ValueError(mine)

    with gc_off():
        with suppress(ValueError):
            await raise_inside(work(), lambda error: error)
        assert had() is None
