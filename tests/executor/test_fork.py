from __future__ import annotations

import os
import signal

import pytest

from pyresque.clock import SystemClock
from pyresque.driver.sync import SyncDriver
from pyresque.errors import TermException
from pyresque.executor.base import DONE
from pyresque.executor.fork import ForkExecutor
from pyresque.executor.life import own_signals
from pyresque.job.job import JsonCodec, read_job
from pyresque.job.registry import Registry
from pyresque.job.worker_hooks import WorkerHooks
from pyresque.settings import Settings


class Bench:
    def __init__(self, perform, **settings):
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        self.hooks, registry = WorkerHooks(), Registry()
        registry.add(perform, name="X")
        self.driver = SyncDriver("redis://nowhere:1/0")
        self.executor = ForkExecutor(
            registry=registry,
            hooks=self.hooks,
            settings=Settings(**settings),
            clock=SystemClock(),
            codec=JsonCodec(),
            driver=self.driver,
            wakeup=self.reading,
        )
        self.titles: list[str] = []
        self.tended = 0

    def run(self):
        async def tend() -> float:
            self.tended += 1
            return 0.01

        job = read_job(JsonCodec(), "low", b'{"class":"X","args":[]}')
        try:
            return self.driver.run(self.executor.run(job, tend, self.titles.append))
        finally:
            os.close(self.reading)
            os.close(self.writing)


def test_a_job_runs_in_a_child_and_changes_nothing_here():
    here = []
    bench = Bench(lambda: here.append(1))
    assert bench.run() == DONE
    assert here == []
    assert bench.titles[0].startswith("Forked ")
    assert bench.tended >= 1


def test_what_a_job_raises_comes_over_the_pipe():
    def perform():
        raise SystemExit("enough")

    outcome = Bench(perform).run()
    assert (outcome.report.exception, outcome.report.error) == ("SystemExit", "enough")


def test_before_fork_runs_here_and_after_fork_in_the_child():
    bench = Bench(lambda: None)
    ran = []
    bench.hooks.add("before_fork", ran.append)
    bench.hooks.add("after_fork", lambda _job: ran.append(1) or 1 / 0)
    outcome = bench.run()
    assert outcome.report.exception == "ZeroDivisionError"
    assert [job.class_name for job in ran] == ["X"]


def test_an_error_of_before_fork_is_the_workers_and_nothing_is_forked():
    bench = Bench(lambda: None)
    bench.hooks.add("before_fork", lambda _job: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bench.run()
    assert bench.titles == []


def test_orders_while_nothing_runs_do_nothing():
    bench = Bench(lambda: None)
    bench.executor.kill()
    bench.executor.terminate()
    assert bench.run() == DONE


@pytest.mark.parametrize("term_child", [True, False])
def test_a_childs_signals_are_its_own(term_child):
    def perform():
        own_signals(term_child=term_child)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)

    outcome = Bench(perform).run()
    if term_child:
        assert outcome.report.exception == TermException.ruby_name
    else:
        assert outcome == DONE
