"""``pyresque delayed`` and ``enqueue`` for later."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone

import pytest

AT = 4_000_000_000


@pytest.fixture
def filled(resque, db):
    for number in range(3):
        resque.enqueue_at_with_queue("low", AT, "Archive", number)
    resque.enqueue_at_with_queue("high", AT + 60, "Charge", {"a": 1})
    return db


def test_enqueue_puts_a_job_off(run, resque):
    before = int(time.time())
    assert run("enqueue", "Archive", "1", "-q", "low", "--in", "5m").exit_code == 0
    assert (
        run("enqueue", "Archive", "2", "-q", "low", "--at", "2096-10-02T07:06:40Z").exit_code == 0
    )
    first, second = resque.delayed_queue_peek(0, 9)
    assert before + 300 <= first <= before + 310
    assert second == AT


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--in", "soon"), "is not a duration"),
        (("--at", "then"), "is no point in time"),
        (("--in", "5m", "--at", "1"), "not both"),
    ],
)
def test_a_time_that_is_none_is_bad_usage(run, db, args, said):
    result = run("enqueue", "Archive", "-q", "low", *args)
    assert result.exit_code == 2
    assert said in result.stderr
    assert db.keys() == []


def test_list_shows_the_times_and_how_many_are_left(run, filled):
    assert str(AT) in run("delayed").stdout
    assert "and 1 later time" in run("delayed", "list", "--count", "1").stdout
    rows = json.loads(run("delayed", "--json").stdout)
    assert [(row["timestamp"], row["jobs"]) for row in rows] == [(AT, 3), (AT + 60, 1)]
    assert run("delayed", "count").stdout == "4 jobs at 2 times\n"


def test_peek_shows_the_jobs_of_a_time_or_of_the_next(run, filled):
    assert run("delayed", "peek").stdout == run("delayed", "peek", str(AT)).stdout
    shown = json.loads(run("delayed", "peek", str(AT + 60), "--json").stdout)
    assert shown == [
        {
            "timestamp": AT + 60,
            "time": "2096-10-02T07:07:40+00:00",
            "payload": {"class": "Charge", "args": [{"a": 1}], "queue": "high"},
        }
    ]


def test_enqueue_brings_jobs_to_their_queues_now(run, resque, filled):
    assert (
        run("delayed", "enqueue", "Archive", "1", "-q", "low").stdout == "enqueued 1 delayed job\n"
    )
    assert run("delayed", "enqueue", "--at", str(AT)).stdout == "enqueued 2 delayed jobs\n"
    assert run("delayed", "enqueue", "Charge", "--any-args").stdout == "enqueued 1 delayed job\n"
    assert resque.queue_sizes() == {"low": 3, "high": 1}


def test_remove_takes_out_those_that_are_meant_and_no_other(run, resque, filled):
    assert (
        run("delayed", "remove", "Archive", "7", "-q", "low", "--yes").stdout
        == "removed 0 delayed jobs\n"
    )
    assert "would remove 1" in run("delayed", "remove", "Archive", "0", "--dry-run").stdout
    assert run("delayed", "remove", "Archive", "0", "-q", "low", "--yes").exit_code == 0
    assert (
        run("delayed", "remove", "Archive", "--any-args", "--at", str(AT), "--yes").exit_code == 0
    )
    assert resque.count_all_scheduled_jobs() == 1


@pytest.mark.parametrize(
    "args", [(), ("Archive", "1", "--any-args"), ("Archive", "--any-args", "-q", "low")]
)
def test_which_jobs_are_meant_must_be_said(run, filled, args):
    assert run("delayed", "remove", *args, "--yes").exit_code == 2


def test_clear_deletes_all(run, resque, filled):
    assert run("delayed", "clear").exit_code == 2
    assert run("delayed", "clear", "--yes").stdout == "deleted 4 delayed jobs\n"
    assert resque.count_all_scheduled_jobs() == 0
    assert filled.keys("resque:timestamps:*") == []


def test_times_whose_jobs_were_all_removed_are_not_listed(run, resque, db):
    for at in range(120):
        db.zadd("resque:delayed_queue_schedule", {str(AT + at): AT + at})
    resque.enqueue_at_with_queue("low", AT + 119, "Archive", 1)
    resque.enqueue_at_with_queue("low", AT + 130, "Archive", 1)
    resque.enqueue_at_with_queue("low", AT + 140, "Archive", 1)
    rows = json.loads(run("delayed", "--json", "--count", "2").stdout)
    assert [(row["timestamp"], row["jobs"]) for row in rows] == [(AT + 119, 1), (AT + 130, 1)]
    listed = run("delayed", "--count", "2").stdout.splitlines()
    assert listed[-1] == "and 1 later time: --start 121"
    assert run("delayed", "list", "--start", "121").stdout.count("\n") == 2
    assert run("delayed", "count").stdout == "3 jobs at 3 times\n"


def test_no_time_is_left_behind_by_what_the_command_removes(run, resque, db):
    resque.enqueue_at_with_queue("low", AT, "Archive", 1)
    assert run("delayed", "remove", "--at", str(AT), "--yes").stdout == "removed 1 delayed job\n"
    assert db.keys() == []


def test_a_time_with_a_fraction_is_listed_as_it_is_and_as_iso_8601(run, db):
    db.zadd("resque:delayed_queue_schedule", {f"{AT}.5": AT + 0.5})
    db.rpush(f"resque:delayed:{AT}.5", b'{"class":"A","args":[],"queue":"q"}')
    (row,) = json.loads(run("delayed", "--json").stdout)
    assert row == {
        "timestamp": AT + 0.5,
        "time": datetime.fromtimestamp(AT + 0.5, timezone.utc).isoformat(),
        "timestamp_in_redis": f"{AT}.5",
        "jobs": 1,
    }
    assert f"{AT}.5" in run("delayed").stdout


def test_all_of_a_time_are_enqueued_past_what_is_no_job(run, resque, db):
    db.zadd("resque:delayed_queue_schedule", {str(AT): AT})
    db.rpush(f"resque:delayed:{AT}", b"{bad", b'{"class":"A","args":[],"queue":"q"}')
    assert run("delayed", "enqueue", "--at", str(AT)).stdout == "enqueued 2 delayed jobs\n"
    assert (db.llen("resque:queue:q"), db.llen("resque:failed")) == (1, 1)


def test_reschedule_moves_those_that_are_meant_to_another_time(run, resque, db):
    at = 4_000_000_000
    for number in range(3):
        resque.enqueue_at(at, "Later", number, queue="low")
    resque.enqueue_at(at, "Other", queue="low")
    told = run(
        "delayed", "reschedule", "--to", str(at + 60), "Later", "1", "-q", "low", "--dry-run"
    )
    assert told.output == "would move 1 delayed job\n"
    done = run("delayed", "reschedule", "--to", str(at + 60), "Later", "1", "-q", "low")
    assert done.output == "moved 1 delayed job\n"
    assert resque.scheduled_at("Later", 1, queue="low") == [at + 60]
    done = run("delayed", "reschedule", "--to", str(at + 60), "Later", "--any-args", "--json")
    assert json.loads(done.output) == {"dry_run": False, "jobs": 2}
    assert resque.delayed_timestamp_size(at) == 1
    assert run("delayed", "reschedule", "--to", "nonsense", "Later", "1").exit_code == 2
    assert run("delayed", "reschedule", "Later", "1").exit_code == 2
