from __future__ import annotations

import threading

import pytest

from pyresque.job.worker_registry import WorkerId
from pyresque.process.crew.crew import NAME, WRITING, Crew, SharedTitle
from pyresque.process.worker.liveness import Heartbeats
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.worker import Worker
from tests.support.scripted_driver import ScriptedDriver
from tests.support.scripted_worker import ScriptedExecutor, ScriptedHost, worker

TIME = [b"1772366400", b"0"]


class Interrupted(ScriptedExecutor):
    """An executor that notes how its jobs are to end."""

    isolated = False
    performing = True

    def __init__(self) -> None:
        super().__init__()
        self.interrupts: list[str] = []

    def terminate(self) -> None:
        self.interrupts.append("terminate")

    def kill(self) -> None:
        self.interrupts.append("kill")


def crew(**settings: object) -> Crew:
    """Two workers of one process; their wakes are counted by the hooks' list."""
    first = worker(**settings)
    core, queue_list = first.core, QueueList.parse(("low",))
    me = WorkerId("host", 42, ("low",))
    workers = [
        Worker(
            core,
            me.slot(n),
            queue_list,
            Interrupted(),
            ScriptedHost(core.clock),
            first.health,
            in_crew=True,
            hooks=core.hooks.only("queue_empty"),
        )
        for n in (1, 2)
    ]
    wakes: list[int] = []
    made = Crew(core, workers, lambda: wakes.append(1), first.health)
    made.wakes = wakes
    return made


def interrupts(one: Crew) -> list[list[str]]:
    return [each.executor.interrupts for each in one.workers]


@pytest.fixture
def shown() -> list[str]:
    return []


@pytest.fixture
def sign(shown: list[str]) -> SharedTitle:
    return SharedTitle(shown.append, 2, threading.Lock())


def test_the_title_counts_the_jobs_while_there_are_any(sign, shown):
    sign.show(1, f"mine: {NAME}Waiting for low")
    sign.show(2, f"mine: {NAME}Waiting for low")
    sign.show(1, f"mine: {NAME}Processing low since 1 [X]")
    sign.show(2, f"mine: {NAME}Processing low since 1 [Y]")
    sign.show(1, f"mine: {NAME}Waiting for low")
    sign.show(2, f"mine: {NAME}Waiting for low")
    assert [title.removeprefix(f"mine: {NAME}") for title in shown] == [
        *("Waiting for low", "Waiting for low"),
        *("Processing 1 of 2 jobs", "Processing 2 of 2 jobs", "Processing 1 of 2 jobs"),
        "Waiting for low",
    ]


def test_the_title_is_not_set_anew_for_one_job_after_another(sign, shown):
    for job in range(3):
        sign.show(1, f"{NAME}Processing low since {job} [X]")
    assert len(shown) == 1


def test_one_heartbeat_is_for_all_that_are_registered():
    one = crew()
    one.workers[0].heartbeat.registered = True
    driver = ScriptedDriver(TIME, [1, 1])
    driver.run(one.upkeep.heartbeat.beat())
    assert {command[1:3] for command in driver.asked[1]} == {
        ("resque:workers:heartbeat", b"host:42:low"),
        ("resque:workers", b"host:42:low"),
    }
    one.workers[1].heartbeat.registered = True
    both = ScriptedDriver(TIME, [1, 1])
    both.run(one.upkeep.heartbeat.beat())
    beat, entering = both.asked[1]
    assert beat[2::2] == entering[2:] == (b"host:42:low", b"host~2:42:low")


def test_the_first_heartbeat_for_all_is_due_within_an_interval_after_the_start(full_waits):
    one = crew(heartbeat_interval=60.0)
    pulses = Heartbeats(one.core, [each.heartbeat for each in one.workers])
    assert ScriptedDriver().run(pulses.beat_if_due()) == 60.0


def test_a_graceful_signal_stops_all_and_presses_nobody():
    one = crew()
    one.shutdown()
    assert [each.stopping for each in one.workers] == [True, True]
    assert one.wakes == [1]
    assert one.due() == float("inf")
    assert not one.end_jobs()


def test_term_with_graceful_term_is_a_graceful_signal():
    one = crew(graceful_term=True)
    one.terminate()
    assert one.stopping
    assert one.due() == float("inf")


def test_a_signal_to_stop_at_once_gives_jobs_the_time_a_child_has():
    one = crew(term_child=True, pre_shutdown_timeout=3.0, term_timeout=4.0)
    one.terminate()
    assert one.due() == 3.0
    assert not one.end_jobs()
    assert interrupts(one) == [[], []]
    one.core.clock.passed += 3.0
    assert not one.end_jobs()
    assert interrupts(one) == [["terminate"], ["terminate"]]
    assert one.due() == 4.0
    one.terminate()
    assert one.due() == 4.0
    one.core.clock.passed += 4.0
    assert one.end_jobs()


def test_workers_whose_jobs_have_ended_get_time_to_write_that_and_not_for_ever():
    one = crew(term_timeout=4.0)
    one.terminate()
    one.core.clock.passed += 4.0
    for each in one.workers:
        each.executor.performing = False
    assert not one.end_jobs()
    assert one.due() == WRITING
    one.core.clock.passed += WRITING
    assert one.end_jobs()


def test_the_shutdown_hooks_run_once():
    one, ran = crew(), []
    one.core.hooks.add("shutdown", lambda: ran.append("shutdown"))
    one.shutdown()
    one.shutdown_now()
    assert ran == ["shutdown"]


def test_a_pause_is_for_all_and_its_hooks_run_once():
    one, ran = crew(), []
    one.core.hooks.add("before_pause", lambda each: ran.append(each.id))
    one.core.hooks.add("after_pause", lambda each: ran.append(each.id))
    one.pause_processing()
    assert [each.health.paused_by_signal for each in one.workers] == [True, True]
    one.unpause_processing()
    assert [each.health.paused_by_signal for each in one.workers] == [False, False]
    assert ran == ["host:42:low"] * 2


@pytest.mark.parametrize(("term_child", "interrupt"), [(True, "terminate"), (False, "kill")])
def test_usr1_is_for_every_running_job(term_child, interrupt):
    one = crew(term_child=term_child)
    one.kill_jobs()
    assert interrupts(one) == [[interrupt], [interrupt]]
    assert not one.stopping
