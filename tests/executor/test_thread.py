from __future__ import annotations

import asyncio
import gc
import importlib
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from pyresque.driver.sync import SyncDriver
from pyresque.errors import TermException
from pyresque.executor.base import DONE
from pyresque.executor.interrupt import BUSY, Interrupt
from pyresque.executor.thread import ThreadExecutor
from pyresque.job.job import JsonCodec, read_job
from pyresque.job.registry import Registry

JOB = read_job(JsonCodec(), "low", b'{"class":"X","args":[]}')


def executor(perform):
    registry = Registry()
    registry.add(perform, name="X")
    return ThreadExecutor(registry)


def run(one):
    return SyncDriver("redis://nowhere:1/0").run(one.run(JOB, upkeep=lambda: None, set_title=print))


def in_thread(one):
    """The outcome of a job in another thread, once that has ended."""
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(run(one)))
    thread.start()

    def outcome():
        thread.join(60)
        return outcomes.pop()

    return outcome


def interrupted(perform, begun):
    """The report of a job in another thread that is told to end once it has begun."""
    one = executor(perform)
    outcome = in_thread(one)
    assert begun.wait(60)
    one.terminate()
    return outcome().report


def spin(until=20.0):
    """Run Python until something is raised here."""
    end = time.monotonic() + until
    while time.monotonic() < end:
        pass


def test_a_job_that_does_its_work_is_done():
    assert run(executor(lambda: None)) == DONE


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), KeyboardInterrupt()])
def test_whatever_a_job_raises_is_its_failure(error):
    def perform():
        raise error

    assert run(executor(perform)).report.exception == type(error).__name__


def test_an_interrupt_from_another_thread_is_raised_inside_the_running_job():
    begun, seen = threading.Event(), []

    def perform():
        begun.set()
        try:
            spin()
        except TermException as error:
            seen.append(str(error))
            raise

    report = interrupted(perform, begun)
    assert (report.exception, report.error) == ("Resque::TermException", "SIGTERM")
    assert seen == ["SIGTERM"]


def test_a_job_is_interrupted_once_and_may_go_on():
    begun, interrupted = threading.Event(), threading.Event()
    go_on = threading.Event()

    def perform():
        begun.set()
        try:
            spin()
        except TermException:
            interrupted.set()
        assert go_on.wait(60)

    one = executor(perform)
    outcome = in_thread(one)
    assert begun.wait(60)
    one.terminate()
    assert interrupted.wait(60)
    one.terminate()
    go_on.set()
    assert outcome() == DONE


def test_an_interrupt_that_comes_while_the_event_loop_calls_back_is_not_lost():
    begun = threading.Event()

    def spinning():
        begun.set()
        spin()

    async def perform():
        asyncio.get_running_loop().call_soon(spinning)
        for _ in range(1000):
            await asyncio.sleep(0.01)

    assert interrupted(perform, begun).exception == "Resque::TermException"


def test_an_interrupt_that_comes_in_the_call_back_that_wakes_the_job_is_not_lost():
    begun = threading.Event()

    async def perform():
        woken = asyncio.Event()

        def wake():
            begun.set()
            spin()
            woken.set()

        asyncio.get_running_loop().call_soon(wake)
        await woken.wait()

    assert interrupted(perform, begun).exception == "Resque::TermException"


def test_an_interrupt_is_raised_where_a_job_awaits_however_long_it_waits():
    begun, seen = threading.Event(), []

    async def perform():
        begun.set()
        try:
            await asyncio.Event().wait()
        except TermException as error:
            seen.append(str(error))
            await asyncio.sleep(0)  # it may clean up
            raise

    assert interrupted(perform, begun).exception == "Resque::TermException"
    assert seen == ["SIGTERM"]


def test_a_job_that_has_heard_it_where_it_awaited_hears_it_once():
    begun, heard = threading.Event(), threading.Event()

    async def perform():
        begun.set()
        try:
            await asyncio.Event().wait()
        except TermException:
            heard.set()
        end = time.monotonic() + 5 * BUSY
        while time.monotonic() < end:
            pass
        await asyncio.sleep(5 * BUSY)

    one = executor(perform)
    outcome = in_thread(one)
    assert begun.wait(60)
    one.terminate()
    assert heard.wait(60)
    one.terminate()
    assert outcome() == DONE


def test_a_job_that_keeps_its_loop_busy_is_interrupted_amid_that():
    begun, seen = threading.Event(), []

    async def perform():
        begun.set()
        try:
            spin()
        except TermException as error:
            seen.append(str(error))
            raise

    assert interrupted(perform, begun).exception == "Resque::TermException"
    assert seen == ["SIGTERM"]


def test_an_interrupt_waits_for_the_end_of_an_import(monkeypatch, tmp_path):
    begun = threading.Event()
    monkeypatch.setitem(sys.modules, "given", SimpleNamespace(begun=begun))
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "loads.py").write_text(
        "import time, given\ngiven.begun.set()\nuntil = time.monotonic() + 0.3\nwhile time.monotonic() < until: pass\nwhole = True\n"
    )

    def perform():
        importlib.import_module("loads")
        spin()

    assert interrupted(perform, begun).exception == "Resque::TermException"
    assert sys.modules.pop("loads").whole


def test_a_job_hears_it_although_another_task_was_amid_what_kept_the_loop_busy():
    begun = threading.Event()

    async def busy():
        while True:
            begun.set()
            spin(3 * BUSY)
            await asyncio.sleep(0)

    async def perform():
        beside = asyncio.create_task(busy())
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 20)
        finally:
            beside.cancel()

    assert interrupted(perform, begun).exception == "Resque::TermException"


def test_an_interrupt_that_comes_as_a_hook_ends_is_for_what_follows():
    """It was given to the thread, and taken back as the hook had ended before it was raised."""
    interrupt = Interrupt()
    interrupt.enter()
    interrupt._in_flight = interrupt._raised = interrupt._requested = True
    interrupt.leave()
    with pytest.raises(TermException):
        interrupt.enter()


@pytest.mark.filterwarnings("error")
def test_an_interrupt_that_comes_before_a_coroutine_begins_is_raised_where_it_awaits():
    reached = []

    async def awaiting():
        reached.append("begun")
        await asyncio.sleep(20)

    def perform():
        one._interrupt._requested = True  # as if it came between this function and what it returns
        return awaiting()

    one = executor(perform)
    assert run(one).report.exception == "Resque::TermException"
    assert reached == ["begun"]
    gc.collect()


def test_an_interrupt_is_for_the_job_that_ran_then_and_for_no_later_one():
    one = executor(lambda: None)
    one.terminate()
    one.kill()
    assert run(one) == DONE
    one.terminate()
    assert run(one) == DONE


def test_an_interrupt_that_comes_as_the_job_ends_strikes_nothing_after_it():
    """Many ends, each with an interrupt on its way: none may be raised in this thread."""
    one = executor(lambda: None)
    over = threading.Event()

    def interrupt():
        while not over.is_set():
            one.terminate()

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    try:
        for _ in range(2000):
            report = run(one).report
            assert report is None or report.exception == "Resque::TermException"
    finally:
        over.set()
        interrupting.join()
