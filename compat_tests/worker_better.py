"""Recorded worker scenarios where Ruby's loses a job, stops or is in the dark: what ours does in its place, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.golden import Wording
from compat_tests.worker_jobs import forked
from compat_tests.worker_play import ID, SCENARIOS
from compat_tests.worker_records import expired, unregister
from pyresque.errors import NoSuchWorker, WorkerIdError
from pyresque.job.worker_registry import WorkerId
from pyresque.process.worker.idle import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from compat_tests.worker_play import Play


# -- where Ruby loses a job, or stops -------------------------------------------------------------------------


def clear_error_for_a_malformed_id(play: Play) -> None:
    for odd in ("h:1", "h:1:"):
        with pytest.raises(
            WorkerIdError, match=f"'{odd}' is no worker id: it must be host:pid:queue,queue"
        ):
            WorkerId.parse(odd)


def unregisters_whatever_its_record_holds(play: Play) -> None:
    assert unregister(play) == (1, 1, 1, 0, 0, 0)
    assert kept(play) == [(ID, {"class": None, "args": [], "raw": "{bad"}, "Resque::DirtyExit")]
    assert play.world.state().keys() == {"resque:failed"}


def says_which_worker_is_missing(play: Play) -> None:
    with pytest.raises(NoSuchWorker, match="no worker 'nobody:1:q' is registered"):
        play.world.resque.remove_worker("nobody:1:q")


def leaves_an_unreadable_heartbeat_alone(play: Play) -> None:
    assert expired(play) == []


def fails_what_is_no_job_and_goes_on(play: Play) -> None:
    """Ruby loses the element and ends, or leaves its record behind; ours keeps it in a failed record."""
    (key,) = [key for key in play.world.scenario.before or {} if ":queue:" in key]
    (element,) = (play.world.scenario.before or {})[key]["value"]
    play.world.client.rpush(key, '{"class":"LowJob","args":["next"]}')
    play.run(
        play.worker("*" if "resque:queues" in (play.world.scenario.before or {}) else "q").work(
            Interval.between(0.0)
        )
    )
    assert ["perform", "LowJob", ["next"]] in play.world.events.all()
    ((_worker, payload, _exception),) = kept(play)
    assert payload == {"class": None, "args": [], "raw": element}
    left = play.world.state()
    assert not [name for name in left if ":queue:" in name or name.startswith("resque:worker")]
    assert left["resque:stat:processed"]["value"] == "2"
    assert left["resque:stat:failed"]["value"] == "1"


def keeps_a_null_payload(play: Play) -> None:
    """Ruby lets it vanish."""
    worker = play.worker("a", "b")
    play.run(worker.work(Interval.between(0.0)))
    ((_worker, payload, exception),) = kept(play)
    assert payload == {"class": None, "args": [], "raw": "null"}
    assert exception == "TypeError"
    assert ["perform", "LowJob", []] in play.world.events.all()


def records_a_child_that_ended_without_a_word(play: Play) -> None:
    """Ruby takes a child that calls ``exit!`` in the midst of its job for one that did its work."""
    assert forked(play) is True
    ((_worker, payload, exception),) = kept(play)
    assert payload == {"class": "ExitJob", "args": [7, True]}
    assert exception == "Resque::DirtyExit"
    (record,) = play.world.resque.failures.all(0, 10)
    assert record.error.startswith(
        "Child process exited with status 7 before it told how the job went: pid "
    )


def prunes_whatever_the_record_holds(play: Play) -> None:
    assert play.run(play.pruner().prune_dead_workers()) == ["elsewhere:999:x"]
    dead = {"class": None, "args": [], "raw": "{bad"}
    assert kept(play) == [("elsewhere:999:x", dead, "Resque::PruneDeadWorkerDirtyExit")]
    assert play.world.state().keys() == {"resque:failed", "resque:pruning_dead_workers_in_progress"}


def starts_beside_a_malformed_id(play: Play) -> None:
    before = dict(play.world.scenario.before or {})
    assert play.run(play.pruner().prune_dead_workers()) == []
    left = play.world.state()
    assert left.pop("resque:pruning_dead_workers_in_progress")["value"] == ID
    assert left == before


def kept(play: Play) -> list[tuple[str, Any, str]]:
    """Worker, payload and exception of each failed record."""
    records = play.world.resque.failures.all(0, 10)
    return [(one.worker, one.fields["payload"], one.exception) for one in records]


BETTER: dict[str, Callable[[Play], None]] = {
    "find_no_queues_part": clear_error_for_a_malformed_id,
    "find_empty_queues_part": clear_error_for_a_malformed_id,
    "unregister_bad_payload_in_worker_key": unregisters_whatever_its_record_holds,
    "remove_worker_missing": says_which_worker_is_missing,
    "expired_heartbeats_bad_text": leaves_an_unreadable_heartbeat_alone,
    "reserve_bad_json": fails_what_is_no_job_and_goes_on,
    "reserve_null_payload_goes_on": keeps_a_null_payload,
    "job_payload_is_array": fails_what_is_no_job_and_goes_on,
    "job_payload_is_number": fails_what_is_no_job_and_goes_on,
    "job_payload_bad_json": fails_what_is_no_job_and_goes_on,
    "work_bad_json_ends_worker": fails_what_is_no_job_and_goes_on,
    "fork_child_hard_exit_7": records_a_child_that_ended_without_a_word,
    "prune_bad_worker_payload": prunes_whatever_the_record_holds,
    "prune_worker_id_without_queues": starts_beside_a_malformed_id,
    "prune_worker_id_with_empty_queues": starts_beside_a_malformed_id,
}

#: Those that are about a job, which must end alike in place and in a child.
OF_JOBS = [
    name
    for name, better in BETTER.items()
    if better in {fails_what_is_no_job_and_goes_on, keeps_a_null_payload}
]

#: What has no like in Python, and why.
EXCEPTIONS = {
    "heartbeat_given_utc_time": "a beat is the server's time in the local zone; no other can be given",
    "process_nothing_still_counts": "Worker#process is deprecated in Ruby, and that it counts without a job is its bug",
    "perform_yields_job": "a block given to Worker#perform; Python has the executor for that",
    "fork_child_term": "without Ruby's handlers, TERM in the child is Ruby's SignalException; our worker always has handlers",
    "fork_child_usr1_default": "the same with USR1",
}

#: What Python says in its own words.
WORDING = {
    "job_wrong_arity": Wording(
        "TypeError", r".*perform\(\) takes 1 positional argument but 2 were given"
    ),
    "job_payload_is_string": Wording(
        "TypeError", r"a payload must be an object with class and args; .*"
    ),
    # Ruby's `exit` and `kill` are frames of their own; Python's are none.
    **{
        name: Wording("SystemExit", "exit", ["perform"])
        for name in ("job_inner_exit", "fork_child_exit_0", "fork_child_exit_7")
    },
    **{
        name: Wording("Resque::TermException", "SIGTERM", ["perform"])
        for name in SCENARIOS
        if "_term_child" in name or name == "signal_usr1_with_term_child"
    },
    # Ruby keeps no backtrace of an error outside the job; ours tells where it was raised, and the cause's own.
    "fork_after_fork_raises": Wording("RuntimeError", "after_fork failed", ["refuse"]),
    "work_exception_while_job_runs": Wording("RuntimeError", "fork refused", ["refuse"]),
    "job_failure_hook_raises": Wording(
        "RuntimeError",
        r"Additional error \(RuntimeError: hook failed too\) occurred in running failure hooks "
        r"for job \(Job\{fraise\} \| FailureHookRaisesJob \| \[1\]\)\n"
        r"Original error that caused job failure was RuntimeError: RuntimeError: first failure",
        ["perform"],
    ),
}
