from __future__ import annotations

import asyncio
import contextlib
import importlib
import signal
import subprocess
import sys
import threading
import time

import pytest

from pyresque.cancellations import raise_inside
from pyresque.errors import JobTimeout, TermException
from pyresque.soft_limit import SoftLimit

LONG = 60.0

#: pytest-timeout has the same timer: these tests look at it alone.
alone = pytest.mark.timeout(0)


def spin() -> None:
    """Run until something is raised here; the bound only ends a test that has failed."""
    until = time.monotonic() + LONG
    while time.monotonic() < until:
        pass


def in_thread(function):
    """What a function returns or raises in a thread of its own."""
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(function())
        except BaseException as error:  # noqa: BLE001 - handed to the test
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(LONG)
    return outcome[0]


def test_in_the_main_thread_it_wakes_even_what_waits_for_the_system():
    with pytest.raises(JobTimeout, match=r"longer than its limit of 0\.05 s"):
        SoftLimit(0.05).call(lambda: threading.Event().wait(LONG))


def test_in_another_thread_it_interrupts_running_code_with_the_same_words():
    error = in_thread(lambda: SoftLimit(0.05).call(spin))
    assert isinstance(error, JobTimeout)
    assert str(error) == "the job ran longer than its limit of 0.05 s"
    assert type(error).__qualname__ == "JobTimeout"


class Held:
    """Spins when it is freed: an error that is raised then is dropped by the interpreter."""

    def __del__(self) -> None:
        spin()


def free_and_go_on() -> None:
    Held()
    spin()


def test_code_that_was_freeing_an_object_gets_it_afterwards():
    error = in_thread(lambda: SoftLimit(0.05).call(free_and_go_on))
    assert isinstance(error, JobTimeout)
    with pytest.raises(JobTimeout):
        SoftLimit(0.05).call(free_and_go_on)


def test_code_that_imports_gets_it_when_the_module_is_whole(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "loads.py").write_text(
        "import time\nuntil = time.monotonic() + 0.3\nwhile time.monotonic() < until: pass\nwhole = True\n"
    )

    def work() -> None:
        importlib.import_module("loads")
        spin()

    error = in_thread(lambda: SoftLimit(0.05).call(work))
    assert isinstance(error, JobTimeout)
    assert sys.modules.pop("loads").whole
    with pytest.raises(JobTimeout):
        SoftLimit(0.05).call(work)
    assert sys.modules.pop("loads").whole


def test_the_hook_of_dropped_errors_that_a_program_has_hears_of_all_others(monkeypatch):
    heard = []
    monkeypatch.setattr(sys, "unraisablehook", heard.append)

    class Failing:
        def __del__(self) -> None:
            raise ValueError("by itself")

    def work() -> None:
        Held()
        Failing()
        spin()

    with pytest.raises(JobTimeout):
        SoftLimit(0.05).call(work)
    assert [str(each.exc_value) for each in heard] == ["by itself"]


def test_the_code_may_clean_up_and_hears_it_once():
    heard = []

    def work():
        try:
            threading.Event().wait(LONG)
        except JobTimeout:
            heard.append("cleaning")
            threading.Event().wait(0.2)
            heard.append("clean")
            raise

    with pytest.raises(JobTimeout):
        SoftLimit(0.05).call(work)
    assert heard == ["cleaning", "clean"]


@alone
def test_code_that_ends_in_time_leaves_no_timer_and_no_handler():
    before = signal.getsignal(signal.SIGALRM)
    assert SoftLimit(LONG).call(lambda: 7) == 7
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_a_thread_whose_code_has_ended_is_left_alone_however_close_it_was():
    def near() -> int:
        ended = 0
        for _ in range(200):
            try:
                SoftLimit(0.001).call(lambda: sum(range(3000)))
            except JobTimeout:
                continue
            ended += 1
        # Whatever had been on its way would strike here.
        return sum(1 for _ in range(100_000)) + ended

    assert in_thread(near) >= 100_000


def test_what_time_is_over_before_it_begins_is_not_called():
    alarm = SoftLimit(0.01)
    with pytest.raises(JobTimeout):
        alarm.call(spin)
    called = []
    with pytest.raises(JobTimeout):
        alarm.call(lambda: called.append(1))
    assert called == []


def test_inside_another_alarm_each_rings_at_its_own_time():
    def outer():
        with pytest.raises(JobTimeout, match=r"of 0\.05 s"):
            SoftLimit(0.05).call(spin)
        spin()

    with pytest.raises(JobTimeout, match=r"of 0\.15 s"):
        SoftLimit(0.15).call(outer)


@alone
def test_the_outer_of_two_alarms_rings_while_the_inner_one_has_time():
    with pytest.raises(JobTimeout, match=r"of 0\.05 s"):
        SoftLimit(0.05).call(lambda: SoftLimit(LONG).call(spin))
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


async def test_a_coroutine_gets_it_where_it_awaits():
    heard = []

    async def work():
        try:
            await asyncio.sleep(LONG)
        except JobTimeout as error:
            heard.append(str(error))
            await asyncio.sleep(0)
            raise

    with pytest.raises(JobTimeout):
        await SoftLimit(0.05).wait_for(work)
    assert heard == ["the job ran longer than its limit of 0.05 s"]
    await asyncio.sleep(0)  # the task itself was not cancelled


async def test_a_coroutine_that_waits_for_another_task_gets_it_too():
    async def work():
        await asyncio.gather(asyncio.sleep(LONG), asyncio.sleep(LONG))

    with pytest.raises(JobTimeout):
        await SoftLimit(0.05).wait_for(work)


async def test_a_coroutine_that_ends_in_time_returns_its_value():
    async def work():
        await asyncio.sleep(0)
        return 7

    assert await SoftLimit(LONG).wait_for(work) == 7
    assert await SoftLimit(LONG).call(work) == 7


async def test_a_cancellation_by_others_stays_one():
    began = asyncio.Event()

    async def work():
        began.set()
        await asyncio.sleep(LONG)

    task = asyncio.create_task(SoftLimit(LONG).wait_for(work))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.skipif(sys.version_info < (3, 11), reason="no timeout_at")
async def test_a_time_that_ends_with_one_of_the_work_ends_the_work_all_the_same():
    async def work():
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + 0.05):
                    await asyncio.sleep(LONG)

    limit = SoftLimit(0.05)
    with pytest.raises(JobTimeout):
        await limit.wait_for(work)


async def test_another_error_that_ends_the_work_goes_before_it():
    """Both have cancelled the task when it goes on."""
    seen = []

    async def work():
        task = asyncio.current_task()
        asyncio.get_running_loop().call_later(0.05, task.cancel)
        try:
            time.sleep(0.1)  # noqa: ASYNC251 - both are due when it awaits
            await asyncio.sleep(LONG)
        except TermException:
            seen.append("TermException")
            await asyncio.sleep(LONG)

    def error_for(error):
        return TermException() if isinstance(error, asyncio.CancelledError) and not seen else error

    with pytest.raises(JobTimeout):
        await raise_inside(SoftLimit(0.05).wait_for(work), error_for)
    assert seen == ["TermException"]


async def test_what_cleans_up_after_another_cancellation_gets_it_once_and_may_go_on_cleaning():
    began, heard = asyncio.Event(), []

    async def work():
        began.set()
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            heard.append("cancelled")
        try:
            await asyncio.sleep(LONG)
        except JobTimeout:
            heard.append("too long")
            await asyncio.sleep(0.1)
            heard.append("clean")
            raise

    task = asyncio.create_task(SoftLimit(0.2).wait_for(work))
    await began.wait()
    task.cancel()
    with pytest.raises(JobTimeout):
        await task
    assert heard == ["cancelled", "too long", "clean"]


INTERRUPTED = {
    "a limit": """
        try:
            SoftLimit(0.05).call(lambda: [time.sleep(0.05) for _ in range(600)])
        except JobTimeout:
            ended.append(True)
    """,
    "TERM": """
        interrupt = Interrupt()
        interrupt.enter()
        try:
            threading.Timer(0.05, interrupt.request).start()
            for _ in range(600):
                time.sleep(0.05)
        except TermException:
            ended.append(True)
        finally:
            interrupt.leave()
    """,
}


@pytest.mark.process
@pytest.mark.parametrize("by", INTERRUPTED)
def test_after_a_thread_was_interrupted_a_profiler_works_and_nothing_is_pending(by: str):
    """CPython 3.11 never takes back the mark of an error that was cancelled; a profiled call then never returns."""
    script = f"""
import cProfile, threading, time
from pyresque.errors import JobTimeout, TermException
from pyresque.executor.interrupt import Interrupt
from pyresque.soft_limit import SoftLimit
ended = []
def job():
    if True:{INTERRUPTED[by]}
thread = threading.Thread(target=job)
thread.start()
thread.join()
profile = cProfile.Profile()
profile.enable()
(lambda: None)()
profile.disable()
assert ended == [True], ended
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
