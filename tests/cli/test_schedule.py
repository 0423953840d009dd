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


def test_the_time_zone_may_be_given(run, kept):
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
    shown = json.loads(run("schedule", "validate", "s.yml", "--json").stdout)
    assert [len(one["next"]) for one in shown] == [5, 0, 0]
    assert shown[1]["line"] == 2


def test_validate_reports_the_line_of_what_is_no_schedule(run, environment):
    (environment / "s.yml").write_text("tea:\n  cron: <%= x %>\n")
    result = run("schedule", "validate", "s.yml")
    assert (result.exit_code, result.stdout) == (1, "")
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


def test_lock_is_released_only_from_the_holder_that_is_named(run, db):
    db.set(LOCK, "alive:8", ex=100)
    result = run("schedule", "lock", "--release", "--yes", "--holder", "dead:7")
    assert (result.exit_code, db.get(LOCK)) == (1, b"alive:8")
    assert "alive:8 holds the master lock, no longer dead:7" in result.stderr
    assert run("schedule", "lock", "--holder", "alive:8").exit_code == 2
    assert run("schedule", "lock", "--release", "--yes", "--holder", "alive:8").exit_code == 0
    assert db.keys() == []


def test_a_stuck_lock_is_reported_as_such(run, db):
    db.set(LOCK, "box:7")
    assert "never" in run("schedule", "lock").stdout
    assert json.loads(run("schedule", "lock", "--json").stdout) == {
        "key": LOCK,
        "holder": "box:7",
        "ttl": None,
        "released": False,
    }


def test_a_scheduler_at_work_obeys_signals_and_leaves_no_lock(
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
    assert scheduler.wait(60) == 0
    assert db.get(lock) is None


def test_a_quiet_scheduler_says_nothing(start, db, eventually):
    scheduler = start("scheduler", "--quiet", "-i", "0.1")
    eventually(lambda: db.get(LOCK))
    scheduler.send_signal(signal.SIGINT)
    assert scheduler.communicate(timeout=60) == ("", "")


def test_a_file_that_cannot_be_read_is_bad_usage(finish):
    code, _, errors = finish("scheduler", "--schedule", "none.yml")
    assert code == 2
    assert "none.yml cannot be read" in errors


SECTIONED = (
    "production:\n  Tea:\n    cron: '0 9 * * *'\n    queue: low\ntest:\n  Tea: {every: 1s}\n"
)


def test_a_file_of_sections_is_reported_as_such_and_the_section_can_be_named(run, environment, db):
    (environment / "s.yml").write_text(SECTIONED)
    result = run("schedule", "validate", "s.yml")
    assert result.exit_code == 1
    assert result.stderr == (
        "pyresque: s.yml: no entry runs; 'production' never runs: is it a section? "
        "Name it with --schedule-section production\n"
    )
    result = run("schedule", "validate", "s.yml", "--schedule-section", "production")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("line 2: Tea\n")
    runs = json.loads(
        run(
            "schedule", "next", "--schedule", "s.yml", "--schedule-section", "production", "--json"
        ).stdout
    )
    assert {one["name"] for one in runs} == {"Tea"}
    result = run("schedule", "next", "--schedule", "s.yml", "--schedule-section", "prod")
    assert result.exit_code == 2
    assert "s.yml has no section 'prod'; it has production, test" in result.stderr


def test_a_scheduler_warns_of_sections_and_of_what_stands_twice(start, environment, db, eventually):
    (environment / "s.yml").write_text(SECTIONED + "x: {every: 1h}\nx: {every: 2h}\n")
    scheduler = start("scheduler", "--schedule", "s.yml", "-i", "0.1")
    eventually(lambda: db.get(LOCK))
    scheduler.send_signal(signal.SIGTERM)
    said = scheduler.communicate(timeout=60)[0]
    assert "s.yml, line 1: 'production' never runs: is it a section?" in said
    assert "s.yml, 'x' stands in line 7 and in line 8: the last one counts" in said


def test_an_entry_that_would_run_beyond_all_years_is_one_fault_of_the_file(run, environment):
    (environment / "s.yml").write_text(
        "a: {every: 999999999999999999y, queue: q}\nb: {every: 999y, queue: q}\n"
        "c: {every: [1d, {first_at: '9999-12-31 12:00'}], queue: q}\n"
    )
    result = run("schedule", "validate", "s.yml")
    assert result.exit_code == 1
    assert "'999999999999999999y' is longer than 1000 years" in result.stdout
    assert "1 of 3 entries cannot run" in result.stderr
    for words in (("list",), ("next",), ("next", "b", "--count", "50")):
        shown = run("schedule", *words, "--schedule", "s.yml")
        assert shown.exit_code == 0, shown.output


def test_validate_of_many_entries_reports_how_far_it_is_and_sums_up_when_interrupted(
    start, environment
):
    # With a symbol in braces the file is read by PyYAML, which takes more than two seconds anywhere.
    (environment / "s.yml").write_text(
        "".join(f"e{n}: {{:cron: '{n % 60} * * * *', queue: q}}\n" for n in range(60_000))
    )
    validate = start("schedule", "validate", "s.yml")
    assert "reading s.yml, line: " in validate.stderr.readline()
    validate.send_signal(signal.SIGINT)
    said = validate.communicate(timeout=60)[1]
    assert validate.returncode == 130
    assert "interrupted: nothing was checked" in said
