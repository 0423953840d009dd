"""Every recorded worker scenario (worker.json), asked of our worker: real Redis, real forks, real signals."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.golden import NOW, differences, older, plain, raised, unlike
from compat_tests.worker_better import BETTER, EXCEPTIONS, OF_JOBS, WORDING
from compat_tests.worker_jobs import FORKED, ONE_JOB, PATTERNS, PAUSING, RESERVING, SIGNALS, WORKING
from compat_tests.worker_play import NOTHING, SCENARIOS, At, Play, now, value
from compat_tests.worker_records import IDENTITY, LIVENESS, PRUNING, RECORDS, taken_for_workers
from compat_tests.worker_stage import in_its_own_process
from pyresque.errors import JobInHand
from pyresque.failure.record import kept_payload
from pyresque.ruby.time import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from compat_tests.conftest import Enter
    from compat_tests.golden import Scenario, State
    from compat_tests.world import World

REPLAYED = (
    IDENTITY
    | RECORDS
    | LIVENESS
    | RESERVING
    | PATTERNS
    | ONE_JOB
    | FORKED
    | WORKING
    | SIGNALS
    | PAUSING
    | PRUNING
)


def compare(play: Play, answer: Any) -> None:
    """Answer, state and events against the recording."""
    scenario = play.world.scenario
    wording = WORDING.get(scenario.name)
    found = []
    returns = plain(scenario.returns)
    if isinstance(answer, At):
        for place, one in answer.items():
            found += unlike(returns[place], value(one), scenario)
    elif answer is not NOTHING:
        found += unlike(returns, value(answer), scenario)
    found += differences(scenario, play.world.state(), wording)
    noted = play.world.events.all()
    if play.executor == "fork" and scenario.env.get("FORK_PER_JOB") == "false":
        noted = [event for event in noted if event[0] != "procline" or " Forked " not in event[1]]
    found += unlike(list(scenario.events), noted, scenario, wording)
    assert not found, "\n".join(found)


@pytest.fixture
def enter_play(enter: Enter) -> Iterator[Callable[..., Play]]:
    """The entry into a scenario with its host."""
    with ExitStack() as stack:

        def entering(name: str, executor: str = "") -> Play:
            play = Play(stack.enter_context(enter(SCENARIOS[name])), executor)
            stack.callback(play.host.close)
            return play

        yield entering


@pytest.mark.usefixtures(
    "full_waits"
)  # a heartbeat that is due sooner, at random, would shorten a wait
@pytest.mark.parametrize("name", [name for name in REPLAYED if name not in SIGNALS])
def test_our_worker_does_as_rubys(name: str, enter_play: Callable[..., Play]) -> None:
    play = enter_play(name)
    try:
        answer = REPLAYED[name](play)
    except Exception as error:
        if "raised" not in (play.world.scenario.returns or ()):
            raise
        answer = raised(error)
    compare(play, answer)


@pytest.mark.parametrize("executor", ["fork", "thread", "async"])
@pytest.mark.parametrize("name", ONE_JOB)
def test_a_job_elsewhere_ends_as_it_does_in_place(
    name: str, executor: str, enter_play: Callable[..., Play]
) -> None:
    play = enter_play(name, executor)
    compare(play, ONE_JOB[name](play))


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signalled_worker_does_as_rubys(name: str, enter_play: Callable[..., Play]) -> None:
    play = enter_play(name)
    in_its_own_process(lambda: SIGNALS[name](play))
    compare(play, NOTHING)


@pytest.mark.parametrize("name", BETTER)
def test_our_worker_does_better_where_rubys_loses_a_job_or_stops(
    name: str, enter_play: Callable[..., Play]
) -> None:
    BETTER[name](enter_play(name))


@pytest.mark.parametrize("executor", ["inline", "fork", "thread", "async"])
@pytest.mark.parametrize("name", OF_JOBS)
def test_what_is_no_job_is_kept_by_every_executor(
    name: str, executor: str, enter_play: Callable[..., Play]
) -> None:
    BETTER[name](enter_play(name, executor))


def test_resque_web_is_no_worker_whatever_else_its_title_says(
    enter_play: Callable[..., Play],
) -> None:
    posix = enter_play("worker_pids_by_process_title").host.posix
    title = "ruby resque-web -r resque-3.0.0"
    assert taken_for_workers(posix, [title]) == {title: False}


def test_every_recorded_scenario_is_in_one_table() -> None:
    tables = [set(REPLAYED), set(BETTER), set(EXCEPTIONS)]
    assert set().union(*tables) == set(SCENARIOS)
    assert sum(map(len, tables)) == len(SCENARIOS)


def test_few_scenarios_are_exceptions() -> None:
    _, replayed, total = coverage()
    assert replayed >= 0.95 * total


def test_a_worker_that_has_a_job_reserves_no_other(enter_play: Callable[..., Play]) -> None:
    """Ruby's second reserve overwrites the record of the first job, which nobody finds again."""
    play = enter_play("reserve_until_empty")
    worker = play.worker("low", "high")
    first = play.run(worker.reserve())
    with pytest.raises(JobInHand, match="has a job already"):
        play.run(worker.reserve())
    assert play.run(play.core.worker_registry.working_on(worker.id)).job == first
    assert "resque:stat:processed" not in play.world.state()
    play.run(worker.done_working())
    assert play.run(worker.reserve()).queue == "high"


def coverage() -> tuple[str, int, int]:
    """How much of the recording is replayed."""
    return ("worker.json", len(REPLAYED) + len(BETTER), len(SCENARIOS))


def every_state() -> dict[str, Scenario]:
    """The state after each scenario, as each version of Ruby's libraries left it."""
    found = {f"3.0.0 {name}": one for name, one in SCENARIOS.items()}
    for file in ("resque_2_7_0", "resque_1_27_4", "redis_rb_5"):
        found |= {f"{file} {name}": one for name, one in older(file, "worker").items()}
    return {name: one for name, one in found.items() if one.after}


EVERY_STATE = every_state()

#: A worker's record; its start time stands beside it under a name that is longer.
RECORD = re.compile(r"resque:worker:[^:]+:[^:]+:.+(?<!:started)")


@pytest.fixture
def enter_left(enter: Enter) -> Iterator[Callable[[Scenario], World]]:
    """The entry into what a scenario left."""
    with ExitStack() as stack:

        def entering(scenario: Scenario) -> World:
            return stack.enter_context(enter(replace(scenario, before=scenario.after)))

        yield entering


def members(state: State, key: str) -> list[Any]:
    """The elements of a set, list or hash; none where it is missing."""
    return list(state[key]["value"]) if key in state else []


@pytest.mark.parametrize("left_by", EVERY_STATE)
def test_workers_and_failures_are_read_whatever_ruby_left(
    left_by: str, enter_left: Callable[[Scenario], World]
) -> None:
    state = EVERY_STATE[left_by].after
    resque = enter_left(EVERY_STATE[left_by]).resque
    infos = resque.workers()
    assert [info.id for info in infos] == members(state, "resque:workers")
    assert {f"resque:worker:{info.id}" for info in resque.working()} == {
        key
        for key in state
        if RECORD.fullmatch(key) and key[14:] in members(state, "resque:workers")
    }
    for text in (date for info in infos for date in (info.started, info.heartbeat) if date):
        assert parse_time(text, now().tzinfo).timestamp() <= NOW
    found = resque.failures.all(0, 100)
    assert len(found) == len(members(state, "resque:failed")) == resque.info().failed
    assert all(one.readable and one.exception and one.worker and one.queue for one in found)


@pytest.mark.parametrize("left_by", EVERY_STATE)
def test_whatever_workers_ruby_left_are_cleared_with_their_jobs_kept(
    left_by: str, enter_left: Callable[[Scenario], World]
) -> None:
    world = enter_left(EVERY_STATE[left_by])
    state = EVERY_STATE[left_by].after
    world.client.delete("resque:pruning_dead_workers_in_progress")
    world.clock.now += 86400
    before = world.resque.failures.count()
    beats = state.get("resque:workers:heartbeat", {"value": {}})["value"]
    readable = [worker_id for worker_id, text in beats.items() if text != "garbage"]
    working_on = {info.id: info.working_on for info in world.resque.workers()}
    assert world.resque.run(world.worker("none").prune_dead_workers()) == readable
    kept = {one.worker: one.fields["payload"] for one in world.resque.failures.all(before, 100)}
    codec = world.resque.core.codec
    assert kept == {
        worker_id: codec.decode(kept_payload(codec, on.job))
        for worker_id in readable
        if (on := working_on.get(worker_id))
    }
