"""``pyresque failed``: looking at failed jobs, putting them back, deleting them."""

from __future__ import annotations

import json
import re
from datetime import datetime

import pytest

from pyresque.ruby.time import parse_time

BOOM = ("reports", "Reports::Boom", 1, "a")


@pytest.fixture
def three(fail, db):
    """Two jobs of one class that raised, and one of a class nobody has."""
    fail(BOOM, ("low", "Nobody", 2), ("reports", "Reports::Boom", 3))
    return db


def records(db) -> list[dict]:
    return [json.loads(raw) for raw in db.lrange("resque:failed", 0, -1)]


def test_failed_alone_lists_them_the_latest_first(run, three):
    lines = run("failed").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["INDEX", "2", "1", "0"]
    assert "Reports::Boom" in lines[1]
    assert "NameError" in lines[2]


def test_list_is_paged_and_says_so(run, three):
    lines = run("failed", "list", "--start", "1", "--count", "1").stdout.splitlines()
    assert lines[1].lstrip().startswith("1 ")
    assert lines[-1] == "1 of 3; --start and --count show others"


@pytest.mark.parametrize(
    ("option", "indexes"),
    [
        (("--queue", "reports"), [2, 0]),
        (("--class", "Nobody"), [1]),
        (("--exception", "KeyError"), [2, 0]),
        (("--retried",), []),
        (("--not-retried", "--queue", "low"), [1]),
    ],
)
def test_filters_choose_and_join(run, three, option, indexes):
    assert [one["index"] for one in json.loads(run("failed", *option, "--json").stdout)] == indexes


def test_json_is_the_record_with_its_times_as_iso_8601_beside_redis_own(run, three):
    (first,) = json.loads(run("failed", "--json", "--start", "2").stdout)
    record = records(three)[0]
    written = record.pop("failed_at")
    assert datetime.fromisoformat(first.pop("failed_at")) == parse_time(written)
    assert first == {
        "index": 0,
        "failure_queue": "failed",
        **record,
        "failed_at_in_redis": written,
        "retried_at": None,
        "retried_at_in_redis": None,
    }
    assert json.loads(run("failed", "show", "0", "--json").stdout)["retried_at"] is None


def test_a_time_that_is_none_is_null_beside_what_is_written(run, db):
    db.rpush("resque:failed", b'{"failed_at":"yesterday","retried_at":"2026/03/01 12:00:00 EST"}')
    (found,) = json.loads(run("failed", "--json").stdout)
    assert (found["failed_at"], found["failed_at_in_redis"]) == (None, "yesterday")
    assert found["retried_at"] == "2026-03-01T12:00:00-05:00"


def test_show_reports_all_with_the_backtrace(run, three):
    output = run("failed", "show", "0").stdout
    assert re.search(r'^args +\[1, "a"\]$', output, re.MULTILINE)
    assert re.search(r"^exception +KeyError$", output, re.MULTILINE)
    assert "myapp.py" in output


def test_an_index_that_is_not_there_is_a_failure(run, three):
    result = run("failed", "show", "7")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "there is no failed job 7" in result.stderr


def test_retry_puts_back_the_very_bytes_and_marks_the_record(run, three):
    result = run("failed", "retry", "0")
    assert (result.exit_code, result.stdout) == (0, "retried 0: Reports::Boom of reports\n")
    assert three.lrange("resque:queue:reports", 0, -1) == [
        b'{"class":"Reports::Boom","args":[1,"a"]}'
    ]
    assert ["retried_at" in record for record in records(three)] == [True, False, False]


def test_retry_all_puts_back_every_one(run, three):
    assert run("failed", "retry", "--all").exit_code == 0
    assert (three.llen("resque:queue:reports"), three.llen("resque:queue:low")) == (2, 1)


def test_retry_of_those_not_retried_never_doubles_the_work(run, three):
    run("failed", "retry", "--not-retried")
    assert "no failed job is meant" in run("failed", "retry", "--not-retried").stdout
    assert three.llen("resque:queue:reports") == 2


def test_retry_of_all_twice_never_doubles_the_work_unless_asked(run, three):
    run("failed", "retry", "1")
    assert "retried 2" in run("failed", "retry", "--all").stdout
    assert run("failed", "retry", "--all").stdout == "no failed job is meant\n"
    assert run("failed", "retry", "--class", "Nobody").stdout == "no failed job is meant\n"
    assert (three.llen("resque:queue:reports"), three.llen("resque:queue:low")) == (2, 1)
    run("failed", "retry", "--class", "Nobody", "--again")
    run("failed", "retry", "--retried", "--queue", "low")
    run("failed", "retry", "1")
    assert three.llen("resque:queue:low") == 4


def test_a_dry_retry_changes_nothing(run, three):
    assert run("failed", "retry", "--all", "--dry-run").stdout.count("would retry") == 3
    assert three.exists("resque:queue:reports") == 0


def test_retry_goes_on_past_a_record_without_a_job_and_fails_in_the_end(run, three):
    three.lpush("resque:failed", "no record at all")
    result = run("failed", "retry", "--all")
    assert result.exit_code == 1
    assert "1 record could not be put back" in result.stderr
    assert three.llen("resque:queue:reports") == 2


@pytest.mark.parametrize("verb", ["retry", "remove"])
@pytest.mark.parametrize("which", [(), ("0", "--queue", "low")])
def test_retry_and_remove_want_one_way_of_saying_which(run, three, verb, which):
    result = run("failed", verb, *which)
    assert result.exit_code == 2
    assert "say which failed jobs" in result.stderr
    assert len(records(three)) == 3


def test_remove_deletes_those_named_and_no_other(run, three):
    result = run("failed", "remove", "0", "1", "--yes")
    assert result.exit_code == 0
    assert [record["payload"]["args"] for record in records(three)] == [[3]]


def test_remove_by_filter_deletes_what_it_chooses(run, three):
    assert run("failed", "remove", "--class", "Reports::Boom", "--yes").exit_code == 0
    assert [record["payload"]["class"] for record in records(three)] == ["Nobody"]


@pytest.mark.parametrize("command", [("remove", "0"), ("clear",)])
def test_what_destroys_wants_a_yes_without_a_terminal(run, three, command):
    assert run("failed", *command).exit_code == 2
    assert run("failed", *command, "--dry-run").exit_code == 0
    assert len(records(three)) == 3


def test_clear_deletes_all(run, three):
    assert run("failed", "clear", "--yes").stdout == "deleted 3 failed jobs\n"
    assert records(three) == []
    assert run("failed", "clear").stdout == "deleted 0 failed jobs\n"


def test_records_of_any_shape_are_listed(run, db):
    for raw in (
        b"text",
        b"[]",
        b'{"payload":null}',
        b"\xff",
        b'{"payload":{"class":null,"args":[],"raw":"{bad"}}',
    ):
        db.rpush("resque:failed", raw)
    result = run("failed")
    assert result.exit_code == 0
    assert result.stdout.count("(no job)") == 5
    assert len(json.loads(run("failed", "--json").stdout)) == 5
    for index in range(5):
        assert run("failed", "show", str(index)).exit_code == 0


def test_a_payload_that_was_no_job_goes_back_as_it_was(run, db, fail):
    db.sadd("resque:queues", "low")
    db.rpush("resque:queue:low", b"{bad")
    fail()
    assert run("failed", "retry", "0").exit_code == 0
    assert db.lrange("resque:queue:low", 0, -1) == [b"{bad"]


def test_lists_of_a_queue_each_are_shown_and_cleared_apart(run, db, monkeypatch, fail):
    monkeypatch.setenv("FAILURE_BACKEND", "redis_multi_queue")
    fail(BOOM, ("low", "Nobody", 2))
    shown = json.loads(run("failed", "--json").stdout)
    assert {(one["failure_queue"], one["index"]) for one in shown} == {
        ("low_failed", 0),
        ("reports_failed", 0),
    }
    assert "Nobody" in run("failed", "show", "0", "--failure-queue", "low_failed").stdout
    assert run("failed", "retry", "0", "--failure-queue", "reports_failed").exit_code == 0
    assert db.llen("resque:queue:reports") == 1
    assert (
        run("failed", "clear", "--failure-queue", "low_failed", "--yes").stdout
        == "deleted 1 failed job\n"
    )
    assert db.llen("resque:reports_failed") == 1


def test_a_failed_list_that_the_backend_does_not_have_is_bad_usage(run, three):
    result = run("failed", "--failure-queue", "low_failed")
    assert (result.exit_code, result.stderr) == (2, "pyresque: invalid queue: low_failed\n")
