from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import threading
import time
from functools import partial
from types import SimpleNamespace

import msgpack
import pytest

from pyresque.clock import SystemClock
from pyresque.driver.sync import SyncDriver
from pyresque.errors import HardTimeLimit, TermException
from pyresque.executor.base import DONE, NOT_STARTED
from pyresque.executor.fork import child_pool, executor, server_process
from pyresque.executor.fork.child_signals import ChildSignals
from pyresque.executor.fork.executor import ForkExecutor
from pyresque.executor.fork.shared_page import SharedPage
from pyresque.failure.report import clean
from pyresque.job.hooks import WorkerHooks
from pyresque.job.job import Job, JsonCodec, Payload, read_job
from pyresque.job.limits import TimeLimit
from pyresque.job.middleware import Layer
from pyresque.job.msgpack_codec import MsgpackCodec
from pyresque.job.plain import is_plain
from pyresque.job.registry import Registry
from pyresque.settings import Settings
from tests.support.processes import is_alive

JSON = JsonCodec()


class Bench:
    def __init__(self, perform, *, timeout=None, kwargs=False, codec=JSON, **settings):
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        self.hooks, registry = WorkerHooks(), Registry()
        registry.add(perform, name="X", timeout=timeout, kwargs=kwargs)
        self.registry = registry
        self.driver = SyncDriver("redis://nowhere:1/0")
        self.executor = ForkExecutor(
            registry=registry,
            hooks=self.hooks,
            settings=Settings(**settings),
            clock=SystemClock(),
            codec=codec,
            driver=self.driver,
            wakeup=self.reading,
        )
        self.titles: list[str] = []
        self.tended = 0

    def one(self, raw=b'{"class":"X","args":[]}', codec=JSON):
        async def tend() -> float:
            self.tended += 1
            return 0.01

        job = read_job(codec, "low", raw)
        return self.driver.run(self.executor.run(job, tend, self.titles.append))

    def spare(self):
        """The child that was forked ahead."""
        self.executor.children.receive_requested()
        return self.executor.children.idle

    def kill_when_given(self):
        """Kill the child that performs, once it has been given its job."""
        while (child := self.executor._child) is None or not child.jobs_sent:
            pass
        child.send_signal(signal.SIGKILL)

    def close(self):
        self.executor.close()
        os.close(self.reading)
        os.close(self.writing)

    def run(self, *given):
        try:
            return self.one(*given)
        finally:
            self.close()

    def pids(self, jobs: int) -> list[int]:
        """Who performed each of so many jobs; the job must fail with its process id."""
        try:
            return [int(self.one().report.error) for _ in range(jobs)]
        finally:
            self.close()


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


def what_came(*args, **kwargs):
    raise ValueError(repr((args, kwargs)))


ARGS = [1, -(2**70), 1.5, "caf\u00e9 \udce9", None, True, [[]], {"b": {"c": [1]}, "a": 2}]


@pytest.mark.parametrize("around", ["nothing", "a hook", "middleware", "an after_fork hook"])
def test_arguments_come_as_they_were_found_whatever_is_around_the_job(around):
    def perform(*args, **kwargs):
        what_came(*args, **kwargs)

    if around == "a hook":
        perform.on_failure_x = lambda *_: None
    bench = Bench(perform)
    if around == "middleware":
        bench.registry.middleware.append(Layer.of(lambda call_next, job: call_next(job)))
    elif around == "an after_fork hook":
        bench.hooks.add("after_fork", lambda _job: None)
    assert is_plain(bench.registry, job_of(*ARGS)) is (around in {"nothing", "an after_fork hook"})
    raw = json.dumps({"class": "X", "args": ARGS}, ensure_ascii=False).encode(
        "utf-8", "surrogateescape"
    )
    assert bench.run(raw).report.error == clean(repr((tuple(ARGS), {})))


def job_of(*args):
    return Job("low", Payload("X", list(args)), b"")


@pytest.mark.parametrize(
    ("args", "came"),
    [
        ([1, {"force": True}], ((1,), {"force": True})),
        ([1], ((1,), {})),
        ({"a": 1}, ((["a", 1],), {})),
        (None, ((), {})),
    ],
)
def test_arguments_of_a_job_with_keywords(args, came):
    raw = json.dumps({"class": "X", "args": args}).encode()
    assert Bench(what_came, kwargs=True).run(raw).report.error == repr(came)


def test_an_argument_that_only_messagepack_has_comes_too():
    codec = MsgpackCodec()
    raw = codec.encode({"class": "X", "args": [msgpack.ExtType(5, b"x"), b"bytes"]})
    outcome = Bench(what_came, codec=codec).run(raw, codec)
    assert outcome.report.error == repr(((msgpack.ExtType(5, b"x"), b"bytes"), {}))


def test_what_a_plain_job_returns_is_awaited():
    async def later():
        raise KeyError("awaited")

    assert Bench(partial(later)).run().report.exception == "KeyError"


def test_the_backtrace_of_a_plain_job_begins_where_the_job_does():
    def perform():
        json.loads("{")

    lines = Bench(perform).run().report.backtrace
    assert lines[-1].endswith("in `perform'")
    assert all("pyresque/" not in line for line in lines)


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


def test_interrupts_while_nothing_runs_do_nothing():
    bench = Bench(lambda: None)
    bench.executor.kill()
    bench.executor.terminate()
    assert bench.run() == DONE


def test_a_signal_to_stop_that_comes_while_the_child_does_leaves_the_job_unbegun():
    bench = Bench(lambda: None)
    bench.hooks.add("before_fork", lambda _job: bench.executor.stop())
    assert bench.run() == NOT_STARTED


@pytest.mark.parametrize(
    ("settings", "patient"),
    [({}, False), ({"graceful_term": True}, True), ({"pre_shutdown_timeout": 0.1}, True)],
)
def test_children_are_patient_where_a_job_is_to_be_left_alone_for_a_while(settings, patient):
    bench = Bench(lambda: None, term_child=True, **settings)
    assert bench.executor.options.trusted_only is patient
    bench.close()


@pytest.mark.parametrize("term_child", [True, False])
def test_a_childs_signals_are_its_own(term_child):
    def perform():
        ChildSignals(SharedPage(), term_child=term_child, trusted_only=False).take()
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)

    outcome = Bench(perform).run()
    if term_child:
        assert outcome.report.exception == TermException.ruby_name
    else:
        assert outcome == DONE


@pytest.mark.parametrize("term_child", [True, False])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2])
def test_a_signal_that_is_sent_to_every_process_is_left_to_the_parent(term_child, number):
    def perform():
        ChildSignals(SharedPage(), term_child=term_child, trusted_only=False).take()
        os.kill(os.getpid(), number)

    assert Bench(perform).run() == DONE


def report_the_pid():
    raise ValueError(os.getpid())


@pytest.mark.parametrize("fork_ahead", ["always", "never", "auto"])
def test_every_job_has_a_child_of_its_own_forked_ahead_or_not(fork_ahead):
    assert len(set(Bench(report_the_pid, fork_ahead=fork_ahead).pids(40))) == 40


def test_by_default_a_child_is_forked_ahead_from_the_third_job_in_a_row_on():
    """A worker that is idle, or has a job now and then, keeps no child in memory."""
    bench, now = Bench(lambda: None), [100.0]
    bench.executor.clock = SimpleNamespace(monotonic=lambda: now[0], time=time.time)
    try:
        found = []
        for pause in (0, 0.5, 0.5, 0.5, 5, 0.5, 0.5):
            now[0] += pause
            assert bench.one() == DONE
            found.append(bench.spare() is not None)
        assert found == [False, False, True, True, False, False, True]
    finally:
        bench.close()


def test_a_child_serves_so_many_jobs_and_no_more():
    pids = Bench(report_the_pid, jobs_per_child=3).pids(7)
    assert [len(set(pids[at : at + 3])) for at in (0, 3, 6)] == [1, 1, 1]
    assert len(set(pids)) == 3


def test_a_child_that_has_served_its_time_is_followed_by_another():
    assert len(set(Bench(report_the_pid, minutes_per_child=0.0).pids(3))) == 3


def test_a_child_that_has_time_left_serves_on():
    assert len(set(Bench(report_the_pid, minutes_per_child=60.0).pids(3))) == 1


def test_a_child_above_its_memory_is_followed_by_another():
    assert len(set(Bench(report_the_pid, max_child_memory=1).pids(3))) == 3


def test_a_before_fork_hook_is_called_for_every_child_and_none_is_forked_ahead():
    bench, seen = Bench(report_the_pid, fork_ahead="always"), []
    bench.hooks.add("before_fork", lambda _job: seen.append(bench.executor.server.child_requested))
    bench.pids(3)
    assert seen == [False, False, False]


def test_after_fork_runs_once_in_a_child_that_serves_several_jobs():
    ran = []

    def perform():
        raise ValueError(len(ran))

    bench = Bench(perform, jobs_per_child=2)
    bench.hooks.add("after_fork", ran.append)
    assert bench.pids(4) == [1, 1, 1, 1]


def children() -> list[int]:
    """The living children of this process."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,stat=,comm=", "--ppid", str(os.getpid())],
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
    return [int(pid) for pid, state, name in rows if name != "ps" and not state.startswith("Z")]


def test_a_child_forked_ahead_that_was_killed_costs_no_job():
    bench = Bench(report_the_pid, fork_ahead="always")
    bench.one()
    spare = bench.spare()
    os.kill(spare.pid, signal.SIGKILL)
    while not spare.hung_up():
        pass
    outcome = bench.one()
    assert int(outcome.report.error) not in (spare.pid, os.getpid())
    bench.close()


def test_a_child_killed_on_the_way_of_its_job_says_that_it_never_began():
    bench = Bench(report_the_pid, fork_ahead="always")
    bench.one()
    os.kill(bench.spare().pid, signal.SIGSTOP)
    killing = threading.Thread(target=bench.kill_when_given)
    killing.start()
    assert bench.one() == NOT_STARTED
    killing.join()
    bench.close()


def test_where_no_child_can_be_forked_the_job_has_not_begun(monkeypatch):
    def refuse() -> int:
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    assert Bench(report_the_pid).run() == NOT_STARTED


def test_a_job_beyond_its_hard_limit_is_killed_and_the_record_names_the_limit():
    outcome = Bench(threading.Event().wait, timeout=TimeLimit(hard=0.05)).run()
    assert isinstance(outcome.process_error, HardTimeLimit)
    assert "0.05 s" in str(outcome.process_error)


def test_exit_functions_run_before_the_next_job_where_they_are_asked_for(tmp_path):
    def perform():
        atexit.register(lambda: (tmp_path / "left").write_text(str(os.getpid())))
        raise ValueError(os.getpid())

    bench = Bench(perform, run_at_exit_hooks=True)
    pid = int(bench.one().report.error)
    assert (tmp_path / "left").read_text() == str(pid)
    bench.close()


@pytest.mark.parametrize("at_its_end", ["atexit function", "child_exit hook"])
@pytest.mark.parametrize("forks", ["fork server", "worker"])
def test_a_child_that_does_not_end_though_its_exit_functions_are_waited_for_is_killed(
    monkeypatch, caplog, forks, at_its_end
):
    monkeypatch.setattr(executor, "AT_EXIT", 0.3)

    def stop() -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    def perform() -> None:
        if at_its_end == "atexit function":
            atexit.register(stop)
        raise ValueError(os.getpid())

    bench = Bench(perform, run_at_exit_hooks=True)
    if at_its_end == "child_exit hook":
        bench.hooks.add("child_exit", stop)
    if forks == "worker":
        bench.hooks.add("before_fork", lambda _job: None)
    for pid in bench.pids(2):
        assert f"child {pid} is killed" in caplog.text
        assert not is_alive(pid)


@pytest.mark.parametrize("forks", ["fork server", "worker"])
def test_children_that_end_slowly_are_not_more_than_so_many(monkeypatch, forks):
    monkeypatch.setattr(child_pool, "MOST_EXITING", 2)
    monkeypatch.setattr(server_process, "MOST_RELEASED", 2)
    bench = Bench(report_the_pid, fork_ahead="never")
    bench.hooks.add("child_exit", partial(time.sleep, 0.5))
    if forks == "worker":
        bench.hooks.add("before_fork", lambda _job: None)
    pids: list[int] = []
    for _ in range(6):
        pids.append(int(bench.one().report.error))
        assert sum(map(is_alive, pids)) <= 3
    bench.close()
    assert not any(map(is_alive, pids))


def test_nothing_is_left_behind():
    before = children()
    bench = Bench(report_the_pid, fork_ahead="always")
    bench.one()
    assert len(children()) > len(before)
    bench.close()
    assert children() == before
