from __future__ import annotations

import pytest

from pyresque.executor.fork.child_pool import ROUND, TRIAL, ForkAhead


def rounds(decision: ForkAhead, ahead: float, without: float, jobs: int) -> list[bool]:
    """What is decided for so many jobs, when each way takes so long."""
    decided = []
    for _ in range(jobs):
        decided.append(decision.worth_it())
        decision.took(ahead if decided[-1] else without)
    return decided


@pytest.mark.parametrize(("choice", "always"), [("always", True), ("never", False)])
def test_a_choice_is_kept_whatever_it_costs(choice, always):
    assert set(rounds(ForkAhead(choice), 1.0, 1.0, 2 * ROUND)) == {always}


@pytest.mark.parametrize(("ahead", "without", "better"), [(1.0, 2.0, True), (2.0, 1.0, False)])
def test_both_ways_are_tried_and_the_faster_one_is_taken(ahead, without, better):
    decided = rounds(ForkAhead("auto"), ahead, without, ROUND)
    assert decided[:TRIAL] == [False] * TRIAL
    assert decided[TRIAL : 2 * TRIAL] == [True] * TRIAL
    assert set(decided[2 * TRIAL + 1 :]) == {better}


def test_what_has_become_better_is_found_out_in_the_next_round():
    decision = ForkAhead("auto")
    assert rounds(decision, 1.0, 2.0, ROUND)[-1] is True
    assert rounds(decision, 2.0, 1.0, ROUND)[-1] is False


def test_one_job_that_took_long_decides_nothing():
    decision = ForkAhead("auto")
    for number in range(2 * TRIAL):
        ahead = decision.worth_it()
        decision.took(500.0 if number == TRIAL + 5 else (1.0 if ahead else 2.0))
    decision.took(1.0)
    assert decision.worth_it() is True
