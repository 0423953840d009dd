"""How a worker redelivers the job of a child that died, also when the connection breaks in between."""

from __future__ import annotations

import pytest

from pyresque.errors import DirtyExit, HardTimeLimit, RedisUnavailable
from pyresque.executor.base import Outcome
from pyresque.failure.report import ErrorReport
from pyresque.store.scripts import script
from tests.support.scripted_driver import ScriptedDriver
from tests.support.scripted_worker import worker

pytestmark = pytest.mark.usefixtures("full_waits")

RAW = b'{"class":"X","args":[1]}'
RECORD = b'{"queue":"low","run_at":"2026-03-01T12:00:00Z","payload":{"class":"X","args":[1]}}'
GOT = [0, 1, RAW, b"", []]
NOTHING = [0, 0, b"", b"", []]
ENDED = [1, 0, b"", b"", []]
AWAY = RedisUnavailable("away")
DIED = Outcome(process_error=DirtyExit("gone"))


def commands_of(driver: ScriptedDriver) -> list[object]:
    """What was asked for: scripts by their names, other commands by their first word."""
    names = {script(name).sha: name for name in ("turn", "redeliver")}
    return [names[args[1]] if args[0] == "EVALSHA" else args[0] for args in driver.asked]


def having(*outcomes: Outcome, redeliveries: int = 2):
    one = worker(*outcomes)
    one.core.registry.add(lambda _: None, name="X", queue="low", redeliveries=redeliveries)
    return one


def test_it_goes_back_in_one_step_and_the_next_turn_finishes_nothing(caplog):
    one, driver = having(DIED), ScriptedDriver(GOT, None, 1, NOTHING)
    assert driver.run(one.perform_jobs()) is True
    assert commands_of(driver) == ["turn", "GET", "redeliver", "turn"]
    back = driver.asked[2]
    assert back[3:9] == (
        b"resque:worker:host:42:low",
        "resque:stat:processed",
        b"resque:stat:processed:host:42:low",
        b"resque:queue:low",
        b"resque:queues",
        one.core.keys.redeliveries("low", RAW).encode(),
    )
    assert back[9:12] == (RECORD, RAW, b"low")
    turn = driver.asked[3]
    assert turn[-1] == b"", "it had nothing to finish any more"
    assert "goes back into its queue (1 of 2): gone" in caplog.text


def test_after_so_many_times_it_fails_and_is_counted_no_more():
    one, driver = having(DIED), ScriptedDriver(GOT, b"2", 1, ENDED)
    driver.run(one.work_one_job())
    assert commands_of(driver) == ["turn", "GET", "DEL", "turn"]
    assert b'"exception":"Resque::DirtyExit"' in driver.asked[3][-4]


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(report=ErrorReport("ValueError", "boom")),
        Outcome(process_error=HardTimeLimit(3)),
        Outcome(),
    ],
    ids=["failed", "beyond its hard limit", "done"],
)
def test_a_job_that_came_to_an_end_is_forgotten(outcome):
    one, driver = having(outcome), ScriptedDriver(GOT, 0, ENDED)
    driver.run(one.work_one_job())
    assert commands_of(driver) == ["turn", "DEL", "turn"]


def test_a_job_that_is_not_registered_so_asks_for_nothing_more():
    one, driver = having(DIED, redeliveries=0), ScriptedDriver(GOT, ENDED)
    driver.run(one.work_one_job())
    assert commands_of(driver) == ["turn", "turn"]


def test_what_was_carried_out_before_the_wire_broke_is_not_done_again():
    one, driver = having(DIED), ScriptedDriver(GOT, None, AWAY, b"1", NOTHING)
    assert driver.run(one.perform_jobs()) is True
    assert commands_of(driver) == ["turn", "GET", "redeliver", "GET", "turn"]


def test_what_was_not_carried_out_is_sent_again():
    one, driver = having(DIED), ScriptedDriver(GOT, None, AWAY, None, 1, NOTHING)
    assert driver.run(one.perform_jobs()) is True
    assert commands_of(driver) == ["turn", "GET", "redeliver", "GET", "redeliver", "turn"]
    assert one.host.slept == [0.5]


def test_a_worker_that_was_pruned_meanwhile_leaves_the_job_to_its_pruner(caplog):
    one, driver = having(DIED), ScriptedDriver(GOT, None, 0, NOTHING)
    assert driver.run(one.perform_jobs()) is True
    assert commands_of(driver) == ["turn", "GET", "redeliver", "turn"]
    assert "was pruned while it worked, and its job with it" in caplog.text
