"""``pyresque queues``: what waits, and removing it."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def filled(resque, db):
    resque.enqueue_to("low", "Archive", 1, {"a": "b"})
    resque.enqueue_to("low", "Archive", 2)
    resque.enqueue_to("high", "Charge")
    return db


def test_queues_alone_lists_them_with_their_sizes(run, filled):
    assert (
        run("queues").stdout
        == run("queues", "list").stdout
        == "QUEUE  JOBS\nhigh      1\nlow       2\n"
    )


def test_list_prints_json_for_programs(run, filled):
    assert json.loads(run("queues", "--json").stdout) == [
        {"queue": "high", "size": 1, "paused": False, "latency": None},
        {"queue": "low", "size": 2, "paused": False, "latency": None},
    ]


def test_no_queues_is_said_in_words_and_is_an_empty_list_in_json(run):
    assert run("queues").stdout == "no queues\n"
    assert json.loads(run("queues", "--json").stdout) == []


def test_a_key_that_is_no_list_does_not_hide_the_others(run, filled):
    filled.sadd("resque:queues", "odd")
    filled.set("resque:queue:odd", "text")
    result = run("queues")
    assert result.exit_code == 0
    assert "no list in Redis" in result.stdout
    assert "low" in result.stdout


def test_show_names_the_next_job_and_who_takes_from_the_queue(run, filled):
    filled.sadd("resque:workers", "box:1:high,low", "box:2:*", "box:3:high")
    shown = json.loads(run("queues", "show", "low", "--json").stdout)
    assert shown["size"] == 2
    assert shown["next"] == [{"index": 0, "payload": {"class": "Archive", "args": [1, {"a": "b"}]}}]
    assert shown["workers"] == ["box:1:high,low", "box:2:*"]
    assert "box:1:high,low, box:2:*" in run("queues", "show", "low").stdout


def test_a_queue_without_a_worker_is_said_so(run, filled):
    assert "none takes from this queue" in run("queues", "show", "low").stdout


def test_a_queue_nobody_knows_is_a_failure_that_names_the_known(run, filled):
    result = run("queues", "show", "hihg")
    assert (result.exit_code, result.stderr) == (
        1,
        "pyresque: no such queue: hihg (known: high, low)\n",
    )


def test_peek_leaves_the_jobs_where_they_are(run, filled):
    before = filled.lrange("resque:queue:low", 0, -1)
    output = run("queues", "peek", "low").stdout
    assert output.splitlines()[1:] == ['    0  Archive  [1, {"a": "b"}]', "    1  Archive  [2]"]
    assert filled.lrange("resque:queue:low", 0, -1) == before


def test_peek_takes_a_start_and_a_count(run, filled):
    shown = json.loads(
        run("queues", "peek", "low", "--start", "1", "--count", "1", "--json").stdout
    )
    assert shown == [{"index": 1, "payload": {"class": "Archive", "args": [2]}}]


def test_peek_shows_what_is_no_job_and_keeps_terminals_safe(run, filled):
    filled.rpush("resque:queue:low", b"\x1b[2J{bad", b"\xff\xfe")
    result = run("queues", "peek", "low")
    assert result.exit_code == 0
    assert result.stdout.count("(no job)") == 2
    assert "\x1b" not in result.stdout
    last = json.loads(run("queues", "peek", "low", "--json").stdout)[-1]
    assert (last["payload"], last["raw_base64"]) == (None, "//4=")


def test_remove_without_a_terminal_wants_a_yes(run, filled):
    result = run("queues", "remove", "low")
    assert result.exit_code == 2
    assert "add --yes" in result.stderr
    assert filled.llen("resque:queue:low") == 2


def test_a_dry_run_changes_nothing(run, filled):
    result = run("queues", "remove", "low", "--dry-run")
    assert (result.exit_code, result.stdout) == (0, "would remove low (2 jobs)\n")
    assert filled.llen("resque:queue:low") == 2


def test_remove_deletes_the_queues_and_their_names(run, filled):
    result = run("queues", "remove", "low", "high", "--yes")
    assert (result.exit_code, result.stdout) == (0, "removed low (2 jobs), high (1 job)\n")
    assert filled.keys("resque:*") == []


def test_one_unknown_name_removes_nothing(run, filled):
    assert run("queues", "remove", "low", "lwo", "--yes").exit_code == 1
    assert filled.llen("resque:queue:low") == 2


def test_the_jobs_that_were_asked_about_are_moved_though_workers_take_others(
    run, resque, db, monkeypatch
):
    for number in range(6):
        resque.enqueue_to("low", "Job", number)
    before = db.lrange("resque:queue:low", 0, -1)

    def taken_meanwhile(*_args: object, **_options: object) -> None:
        db.lpop("resque:queue:low", 2)

    monkeypatch.setattr("pyresque.cli.queue_moves.confirm", taken_meanwhile)
    result = run("queues", "move", "low", "3", "4", "--to", "high", "--yes")
    assert result.exit_code == 0, result.output
    assert db.lrange("resque:queue:high", 0, -1) == before[3:5]
    assert db.lrange("resque:queue:low", 0, -1) == [before[2], before[5]]
