"""``pyresque queues pause`` and ``resume``, and where paused queues and old jobs show."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def filled(resque, db):
    resque.enqueue_to("low", "Archive", 1)
    resque.enqueue_to("high", "Charge")
    return db


def test_a_queue_is_paused_under_the_plugin_s_key_and_resumed(run, filled):
    assert run("queues", "pause", "low").stdout == "paused low\n"
    assert filled.get("resque:pause:queue:low") == b"true"
    assert run("queues").stdout == "QUEUE  JOBS  STATE\nhigh      1  -\nlow       1  paused\n"
    assert [row["paused"] for row in json.loads(run("queues", "--json").stdout)] == [False, True]
    assert "paused" in run("queues", "show", "low").stdout
    assert json.loads(run("queues", "show", "low", "--json").stdout)["paused"] is True
    assert "paused queues" in run("info").stdout
    assert json.loads(run("info", "--json").stdout)["paused_queues"] == ["low"]
    assert run("queues", "resume", "low", "high").stdout == (
        "resumed low\nnot paused by itself: high\n"
    )
    assert filled.exists("resque:pause:queue:low") == 0
    assert "paused" not in run("info").stdout


def test_all_queues_are_paused_at_once(run, filled):
    run("queues", "pause", "--all")
    assert filled.get("resque:pause:all") == b"true"
    assert "until `pyresque queues resume --all`" in run("queues").stdout
    assert "all, until" in run("info").stdout
    resumed = run("queues", "resume", "low").stdout
    assert "not paused by itself: low" in resumed
    assert "resume --all" in resumed
    assert json.loads(run("queues", "resume", "--all", "--json").stdout) == {
        "all": True,
        "resumed": [],
        "all_paused": False,
    }
    assert run("queues", "resume", "--all").stdout == "all queues were not paused\n"


def test_a_name_that_nobody_knows_is_paused_and_said_to_be_unknown(run, db):
    assert "nobody knows yet" in run("queues", "pause", "soon").stdout
    assert db.get("resque:pause:queue:soon") == b"true"
    shown = json.loads(run("queues", "pause", "soon", "soon", "--json").stdout)
    assert shown == {"all": False, "paused": ["soon"]}


@pytest.mark.parametrize("args", [(), ("low", "--all")])
@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_neither_names_nor_all_or_both_is_a_misuse(run, verb, args):
    result = run("queues", verb, *args)
    assert result.exit_code == 2
    assert "name queues, or give --all" in result.stderr


def test_the_age_of_the_next_job_shows_where_payloads_tell_it(run, resque, filled):
    assert "OLDEST" not in run("queues").stdout
    resque.push("old", {"class": "X", "args": [], "enqueued_at": "2020-01-01T00:00:00Z"})
    resque.push("odd", {"class": "X", "args": [], "enqueued_at": {"no": "date"}})
    lines = dict(line.split(maxsplit=1) for line in run("queues").stdout.splitlines())
    assert lines["old"].endswith(" d")
    assert lines["odd"].endswith("-")
    found = {row["queue"]: row["latency"] for row in json.loads(run("queues", "--json").stdout)}
    assert found["old"] > 86400 * 365
    assert found["odd"] is None is found["low"]
    assert "oldest" in run("queues", "show", "old").stdout
