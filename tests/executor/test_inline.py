from __future__ import annotations

import pytest

from pyresque.driver.sync import SyncDriver
from pyresque.errors import TermException
from pyresque.executor.base import DONE, NOT_STARTED
from pyresque.executor.inline import InlineExecutor
from pyresque.job.job import JsonCodec, read_job
from pyresque.job.registry import Registry


def run(perform, executor=None):
    registry = Registry()
    registry.add(perform, name="X")
    executor = executor or InlineExecutor(registry)
    executor.registry = registry
    job = read_job(JsonCodec(), "low", b'{"class":"X","args":[]}')
    driver = SyncDriver("redis://nowhere:1/0")
    return driver.run(executor.run(job, upkeep=lambda: None, set_title=print))


def test_a_job_that_does_its_work_is_done():
    assert run(lambda: None) == DONE


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), KeyboardInterrupt()])
def test_whatever_a_job_raises_is_its_failure(error):
    def perform():
        raise error

    outcome = run(perform)
    assert outcome.process_error is None
    assert outcome.report.exception == type(error).__name__


def test_an_interrupt_is_raised_inside_the_running_job_once():
    executor = InlineExecutor(Registry())
    seen = []

    def perform():
        try:
            executor.terminate()
        except TermException:
            seen.append("cleaning up")
            executor.terminate()
            raise

    outcome = run(perform, executor)
    assert outcome.report.exception == "Resque::TermException"
    assert seen == ["cleaning up"]


def test_a_signal_to_stop_that_comes_before_the_job_begins_leaves_it_unbegun():
    executor = InlineExecutor(Registry())
    executor.stop()
    assert run(lambda: pytest.fail("it was begun"), executor) == NOT_STARTED


def test_interrupts_while_nothing_runs_do_nothing():
    executor = InlineExecutor(Registry())
    executor.terminate()
    executor.kill()
    assert run(lambda: None, executor) == DONE
