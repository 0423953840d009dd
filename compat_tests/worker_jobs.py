"""Recorded scenarios of workers at work, asked of ours: reserving, one job, a forked child, the loop, signals, pause."""

from __future__ import annotations

import json
import os
import re
import select
import signal
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.worker_play import SCENARIOS, At, now
from compat_tests.worker_stage import (
    PATIENCE,
    StopsAfterEachJob,
    all_hooks,
    children_wait,
    wait_for,
)
from pyresque.executor.inline import InlineExecutor
from pyresque.process.worker.idle import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from compat_tests.worker_play import Calls, Play
    from pyresque.job.job import Job


# -- reserving ----------------------------------------------------------------------------------------


def reserve(play: Play, *queues: str, times: int = 1) -> Any:
    """Ruby's reserve only pops; ours enters the job in ``worker:<id>`` in the same step. That is asserted, then taken back.

    A worker holds one job at a time: each further reserve is that of a worker that holds none.
    """
    found = []
    for _ in range(times):
        worker = play.worker(*queues)
        one = play.run(worker.reserve())
        key = f"resque:worker:{worker.id}"
        if one is not None:
            wanted = play.core.worker_registry.record(one, now())
            assert play.world.client.get(key) == wanted
        assert play.world.client.delete(key) == (one is not None)
        found.append(one)
    return found[0] if times == 1 else found


RESERVING: Calls = {
    "reserve_first_queue": lambda p: reserve(p, "high", "low"),
    "reserve_order": lambda p: reserve(p, "nothing", "low", "high"),
    "reserve_until_empty": lambda p: reserve(p, "low", "high", times=3),
    "reserve_star": lambda p: reserve(p, "*", times=5),
    "reserve_prefix_glob": lambda p: reserve(p, "high_*", times=2),
    "reserve_mixed_glob": lambda p: reserve(p, "low", "*", times=4),
    "reserve_star_but_skip": lambda p: reserve(p, "*", "!low", times=4),
    "reserve_skip_glob": lambda p: reserve(p, "*", "!high*", times=3),
    "reserve_empty": lambda p: reserve(p, "a", "b"),
}


def queues_of_pattern(play: Play) -> Any:
    """``golden_worker(*["high*", "low"]).queues``: the list is written in Ruby as in JSON."""
    given = re.fullmatch(r"golden_worker\(\*(\[.*\])\)\.queues", play.world.scenario.ruby)
    assert given is not None
    return play.run(play.worker(*json.loads(given[1]))._queues())


PATTERNS = {name: queues_of_pattern for name in SCENARIOS if name.startswith("pattern_")}


# -- one job ------------------------------------------------------------------------------------------


def one_job(play: Play) -> Any:
    return play.run(play.worker("*").work_one_job())


def wrong_arity(play: Play) -> Any:
    class OneArg:
        @staticmethod
        def perform(a: Any) -> None:
            """Take one."""

    play.world.resque.job("OneArg", queue="q")(OneArg)
    return one_job(play)


def without_perform(play: Play) -> Any:
    class String:
        """A class that is no job any more when it is performed."""

        @staticmethod
        def perform() -> None: ...

    play.world.resque.job("String")(String)
    del String.perform
    return one_job(play)


def process_deprecated(play: Play) -> Any:
    play.executor = "inline"
    answer = play.run(play.worker().work_one_job())
    noted = play.world.events.all()
    assert noted[0][0] == "procline"
    play.world.events.path.write_text(
        "\n".join(map(json.dumps, noted[1:]))
    )  # the recorder noted no titles here
    return answer


#: Ruby's leaves these undone: see ``worker_better``.
NO_JOBS = ("job_payload_is_array", "job_payload_is_number", "job_payload_bad_json")

ONE_JOB: Calls = {
    name: one_job
    for name, one in SCENARIOS.items()
    if one.ruby == "w.work_one_job" and name.startswith("job_") and name not in NO_JOBS
} | {"job_wrong_arity": wrong_arity, "job_class_without_perform": without_perform}


# -- a forked child ------------------------------------------------------------------------------------


def forked(play: Play) -> Any:
    children_wait(play.world)
    return one_job(play)


def fork_hooks(play: Play) -> Any:
    play.world.resque.before_fork(lambda job: play.note("before_fork", job))
    children_wait(play.world)

    def after_fork(job: Job) -> None:
        play.note("after_fork", job, play.host.titles[-1].replace("pyresque-1.0.0", "resque-3.0.0"))

    play.world.resque.after_fork(after_fork)
    return one_job(play)


def refusing(message: str) -> Callable[..., None]:
    """A hook that raises."""

    def refuse(*args: Any) -> None:
        raise RuntimeError(message)

    return refuse


def fork_after_fork_raises(play: Play) -> Any:
    play.world.resque.after_fork(refusing("after_fork failed"))
    return forked(play)


def fork_before_fork_raises(play: Play) -> Any:
    play.world.resque.before_fork(refusing("before_fork failed"))
    return one_job(play)


FORKED: Calls = {
    "process_deprecated": process_deprecated,
    "fork_success": forked,
    "fork_raises": forked,
    "fork_hooks": fork_hooks,
    "fork_job_hooks": forked,
    "fork_after_fork_raises": fork_after_fork_raises,
    "fork_before_fork_raises": fork_before_fork_raises,
    "fork_child_killed": forked,
    "fork_child_segv_like_abrt": forked,
    "fork_child_term_with_term_child": forked,
    "fork_child_exit_0": forked,
    "fork_child_exit_7": forked,
    "fork_child_killed_unknown_class": forked,
}


# -- the work loop ----------------------------------------------------------------------------------------


def work(play: Play, *queues: str, interval: Interval | None = None, raises: str = "") -> Any:
    """Ruby's ``work`` swallows and logs what ends it; ours raises it, so that the process ends with an error."""
    if play.executor == "fork":
        children_wait(play.world)
    working = play.worker(*queues or ("*",)).work(interval or Interval.between(0.0))
    if raises:
        with pytest.raises(RuntimeError, match=raises):
            play.run(working)
    else:
        play.run(working)
    return None


def hooked(then: Callable[[Play], Any]) -> Callable[[Play], Any]:
    """With all worker hooks."""

    def with_hooks(play: Play) -> Any:
        all_hooks(play.world)
        return then(play)

    return with_hooks


def work_shutdown_after_job(play: Play) -> Any:
    worker = play.worker("*")
    stopping = StopsAfterEachJob(InlineExecutor(play.core.registry))
    worker.executor, stopping.worker, worker.fast_path = stopping, worker, None
    play.run(worker.work(Interval.between(0.0)))


def idle(play: Play, *queues: str, interval: Interval, sleeps: int = 1) -> Any:
    worker = play.worker(*queues)

    def sleep(seconds: float) -> None:
        play.note("sleep", round(seconds, 6))
        if not play.host.brings:
            worker.shutdown()

    play.host.brings = [sleep] * sleeps
    play.run(worker.work(interval))


def work_refused_fork(play: Play) -> Any:
    play.world.resque.before_fork(refusing("fork refused"))
    return work(play, raises="fork refused")


def work_refused_start(play: Play) -> Any:
    play.world.resque.before_first_fork(refusing("no start"))
    return work(play, raises="no start")


WORKING: Calls = {
    "work_nothing": work,
    "work_one_job": work,
    "work_two_queues_two_jobs": lambda p: work(p, "high", "low"),
    "work_failure": work,
    "work_no_fork": work,
    "work_all_hooks": hooked(work),
    "work_all_hooks_no_fork": hooked(work),
    "work_shutdown_after_job": hooked(work_shutdown_after_job),
    "work_before_first_fork_raises": work_refused_start,
    "work_paused_globally": work,
    "work_idle_procline": lambda p: idle(p, "high", "low", interval=Interval.between(2.5)),
    "work_idle_procline_star": lambda p: idle(p, "*", interval=Interval.between(5.0)),
    "work_paused_procline": lambda p: idle(p, "*", interval=Interval.between(5.0)),
    "work_backoff_intervals": lambda p: idle(
        p, "*", interval=Interval.between(1.0, 0.5, 1.25, 0.2), sleeps=4
    ),
    "work_procline_prefix": work,
    "work_exception_while_job_runs": hooked(work_refused_fork),
}


# -- signals ----------------------------------------------------------------------------------------------


def signalled(first: str, *at_rest: str, until: str = "") -> Callable[[Play], Any]:
    """A job that sends its own worker a signal, and at each later sleep of the worker one more.

    The job goes on when ``until`` is noted; without it, it waits to be ended.
    """

    def played(play: Play) -> Any:
        note, worker_pid = play.note, os.getpid()

        class SleepJob:
            @staticmethod
            def on_failure_x(error: BaseException, *args: Any) -> None:
                note("on_failure", error)

            @staticmethod
            def perform(*args: Any) -> None:
                note("perform started")
                os.kill(worker_pid, signal.Signals[f"SIG{first}"])
                if until:
                    wait_for(play.world, lambda event: until in (event, event[0]))
                    note("perform finished")
                else:
                    select.select([], [], [], PATIENCE)

        play.world.resque.job("SleepJob", queue="sleep")(SleepJob)
        all_hooks(play.world)
        children_wait(play.world)
        worker = play.worker("sleep", "low")
        play.host.brings = [
            lambda _, name=name: os.kill(worker_pid, signal.Signals[f"SIG{name}"])
            for name in at_rest
        ]
        with play.host.posix.hearing(worker):
            play.run(worker.work(Interval.between(0.2)))

    return played


SIGNALS: Calls = {
    "signal_quit_finishes_job": signalled("QUIT", until="shutdown"),
    "signal_term_kills_child": signalled("TERM"),
    "signal_int_kills_child": signalled("INT"),
    "signal_term_with_term_child": signalled("TERM"),
    "signal_term_graceful": signalled("TERM", until="shutdown"),
    "signal_usr1_kills_child_goes_on": signalled("USR1", "QUIT"),
    "signal_usr1_with_term_child": signalled("USR1", "QUIT"),
    "signal_usr2_pauses": signalled("USR2", "QUIT", until="before_pause"),
    "signal_usr2_then_cont": signalled("USR2", "CONT", "QUIT", until="before_pause"),
    "signal_term_with_term_child_no_fork": signalled("TERM"),
}


# -- pause and shutdown -----------------------------------------------------------------------------------


def paused(play: Play) -> Any:
    return play.run(play.worker().paused())


def pause_and_unpause(play: Play) -> Any:
    all_hooks(play.world)
    worker = play.worker()
    worker.pause_processing()
    before = play.run(worker.paused())
    worker.unpause_processing()
    return [before, play.run(worker.paused())]


def pause_local_skips_key(play: Play) -> Any:
    worker = play.worker()
    worker.pause_processing()
    asking = worker.paused()
    with pytest.raises(StopIteration) as answered:
        asking.send(None)  # an operation that asks for nothing: the key is not read
    return answered.value.value


def shutdown_hook(play: Play) -> Any:
    all_hooks(play.world)
    worker = play.worker()
    assert not worker.stopping
    worker.shutdown()
    return At({2: worker.stopping})


PAUSING: Calls = {
    **{name: paused for name in SCENARIOS if name.startswith("paused_key_")},
    "pause_and_unpause": pause_and_unpause,
    "pause_local_skips_key": pause_local_skips_key,
    "shutdown_hook": shutdown_hook,
}
