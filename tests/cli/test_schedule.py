"""``pyresque schedule`` and ``pyresque scheduler``: what runs when, who leads, and a scheduler at work."""

from __future__ import annotations

import json
import signal

import pytest

LOCK = "resque:resque:resque_scheduler_master_lock"


@pytest.fixture
def kept(resque):
    config = {"cron": "0 9 * * *", "class": "Tea", "queue": "low", "args": [1]}
    resque.set_schedule("tea", config, persist=True)
    resque.set_schedule("bad", {"every": "soon", "class": "Tea"}, persist=True)
    return resque


def test_list_shows_when_each_runs_and_what_is_wrong(run, kept):
    shown = run("schedule").stdout
    assert "cron 0 9 * * *" in shown
    assert "'soon' is not a duration" in shown
    rows = {row["name"]: row for row in json.loads(run("schedule", "list", "--json").stdout)}
    assert rows["tea"]["next"].endswith("09:00:00+00:00") or rows["tea"]["next"]
    assert rows["bad"]["next"] is None


def test_a_file_s_entries_are_listed_beside_those_of_redis(run, kept, environment):
    (environment / "s.yml").write_text("tick: {every: 30s, queue: low}\n")
    shown = run("schedule", "list", "--schedule", "s.yml").stdout
    assert "tick" in shown
    assert "tea" in shown


def test_next_gives_the_runs_in_their_order(run, kept):
    runs = json.loads(run("schedule", "next", "tea", "--count", "3", "--json").stdout)
    assert [one["name"] for one in runs] == ["tea"] * 3
    assert runs == sorted(runs, key=lambda one: one["at"])
    assert run("schedule", "next", "nobody").exit_code == 1


def test_the_time_zone_may_be_told(run, kept):
    runs = json.loads(run("schedule", "next", "--time-zone", "Asia/Tokyo", "--json").stdout)
    assert runs[0]["at"].endswith("T09:00:00+09:00")
    assert run("schedule", "next", "--time-zone", "Mars").exit_code == 2


def test_set_writes_what_ruby_reads(run, resque, db):
    result = run("schedule", "set", "tea", "--every", "5m", "-q", "low", "--args", '{"a": 1}')
    assert result.exit_code == 0
    stored = db.hget("resque:persistent_schedules", "tea")
    assert stored == b'{"every":"5m","queue":"low","args":{"a":1},"class":"tea"}'
    assert db.smembers("resque:schedules_changed") == {b"tea"}


def test_set_takes_a_whole_configuration(run, resque):
    assert run("schedule", "set", "tea", '{"every": ["1h", {"first_in": "5s"}]}').exit_code == 0
    assert resque.fetch_schedule("tea") == {"every": ["1h", {"first_in": "5s"}], "class": "tea"}


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--cron", "61 * * * *"), "'61' is no minute"),
        (("-q", "low"), "say when it runs"),
        (("[1]",), "no JSON object"),
        (("--every", "5m", "--args", "text"), "is not JSON"),
    ],
)
def test_set_refuses_what_could_not_run(run, db, args, said):
    result = run("schedule", "set", "tea", *args)
    assert result.exit_code == 2
    assert said in result.stderr
    assert db.keys() == []


def test_remove_takes_entries_out_of_redis(run, kept):
    assert "would remove tea" in run("schedule", "remove", "tea", "--dry-run").stdout
    assert run("schedule", "remove", "tea", "--yes").exit_code == 0
    assert list(kept.schedule()) == ["bad"]
    assert run("schedule", "remove", "tea", "--yes").exit_code == 1


def test_run_enqueues_once_and_notes_nothing(run, kept, db):
    assert run("schedule", "run", "tea").stdout == "enqueued tea\n"
    assert db.lrange("resque:queue:low", 0, -1) == [b'{"class":"Tea","args":[1]}']
    assert db.exists("resque:delayed:last_enqueued_at") == 0
    assert run("schedule", "run", "nobody").exit_code == 1


def test_validate_names_each_fault_with_its_line(run, environment):
    (environment / "s.yml").write_text(
        "good: {cron: '0 9 * * *', queue: low}\nbad:\n  cron: '61 * * * *'\n  crom: 1\nidle: {class: Tea}\n"
    )
    result = run("schedule", "validate", "s.yml")
    assert result.exit_code == 1
    assert "line 2: bad\n  fault: cron: cron line '61 * * * *'" in result.stdout
    assert "'crom' is a key that means nothing" in result.stdout
    assert "it never runs by itself" in result.stdout
    assert "1 of 3 entries cannot run" in result.stderr
    told = json.loads(run("schedule", "validate", "s.yml", "--json").stdout)
    assert [len(one["next"]) for one in told] == [5, 0, 0]
    assert told[1]["line"] == 2


def test_validate_tells_the_line_of_what_is_no_schedule(run, environment):
    (environment / "s.yml").write_text("tea:\n  cron: <%= x %>\n")
    result = run("schedule", "validate", "s.yml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "line 2: <% is a template" in result.stderr


def test_lock_shows_who_leads_and_releases_on_request(run, db):
    assert "no scheduler leads" in run("schedule", "lock").stdout
    db.set(LOCK, "box:7", ex=100)
    shown = run("schedule", "lock").stdout
    assert "box:7" in shown
    assert "80 s ago" in shown or "81 s ago" in shown
    assert run("schedule", "lock", "--release").exit_code == 2
    assert "would release" in run("schedule", "lock", "--release", "--dry-run").stdout
    assert db.get(LOCK) == b"box:7"
    assert run("schedule", "lock", "--release", "--yes").exit_code == 0
    assert db.keys() == []


def test_a_stuck_lock_is_told_as_such(run, db):
    db.set(LOCK, "box:7")
    assert "never" in run("schedule", "lock").stdout
    assert json.loads(run("schedule", "lock", "--json").stdout) == {
        "key": LOCK,
        "holder": "box:7",
        "ttl": None,
        "released": False,
    }


def test_a_scheduler_works_is_told_what_to_do_by_signals_and_leaves_no_lock(
    start, resque, db, environment, eventually
):
    (environment / "s.yml").write_text("tick: {every: 1h, class: Tick, queue: low}\n")
    scheduler = start("scheduler", "--schedule", "s.yml", "-i", "0.1", "-E", "test", "-n", "ns")
    lock = "ns:ns:resque_scheduler_master_lock"
    eventually(lambda: (db.get(lock) or b"").endswith(b":%d" % scheduler.pid))
    scheduler.send_signal(signal.SIGUSR1)
    scheduler.send_signal(signal.SIGUSR2)
    lines = iter(scheduler.stdout.readline, "")
    assert any("Schedules Loaded" in line for line in lines)
    assert any(line.startswith("*** tick 1h") or "Loading" in line for line in lines)
    scheduler.send_signal(signal.SIGTERM)
    assert scheduler.wait(10) == 0
    assert db.get(lock) is None


def test_a_quiet_scheduler_says_nothing(start, db, eventually):
    scheduler = start("scheduler", "--quiet", "-i", "0.1")
    eventually(lambda: db.get(LOCK))
    scheduler.send_signal(signal.SIGINT)
    assert scheduler.communicate(timeout=10) == ("", "")


def test_a_file_that_cannot_be_read_is_bad_usage(finish):
    code, _, errors = finish("scheduler", "--schedule", "none.yml")
    assert code == 2
    assert "none.yml cannot be read" in errors
