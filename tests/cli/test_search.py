"""Looking for a text, and acting on what is found: ``search``, ``queues search|drop``, ``delayed search``, ``failed groups``; ``stats``."""

from __future__ import annotations

import json

import pytest

from pyresque.failure.record import FailedRecord
from pyresque.failure.undo import Keeping
from tests.support.hostile_text import payload


def read(run, *args: str):
    result = run(*args, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def jobs(resque, db):
    for number in range(500):
        resque.enqueue_to("mailers", "Mail", number, "plain")
    resque.enqueue_to("mailers", "Mail", 501, "Needle")
    resque.enqueue_to("low", "Needle::Job", 1)
    resque.enqueue_at_with_queue("later", 2_000_000_000, "Later", "a needle")
    resque.enqueue_at_with_queue("later", 2_000_000_001, "Later", "hay")
    for number in range(3):
        record = {
            "payload": {"class": "Boom", "args": [number]},
            "exception": "KeyError",
            "error": f"no needle {number}",
            "queue": "low",
            "failed_at": f"2026/11/2{number} 10:00:00 UTC",
        }
        db.rpush("resque:failed", json.dumps(record))
    record = {"payload": {"class": "Other", "args": []}, "exception": "X", "error": "y"}
    db.rpush("resque:failed", json.dumps({**record, "queue": "low"}))
    resque.set_schedule("needle", {"every": "1h", "class": "X", "queue": "q"}, persist=True)
    return resque


def test_search_looks_everywhere(run, jobs):
    found = read(run, "search", "NEEDLE")
    assert found["names"] == {"queues": [], "workers": [], "schedule": ["needle"]}
    assert set(found["places"]) == {"failed", "queue mailers", "queue low", "delayed"}
    assert len(found["places"]["failed"]) == 3
    assert found["places"]["queue mailers"][0]["index"] == 500
    assert found["places"]["delayed"][0]["payload"]["args"] == ["a needle"]
    text = run("search", "needle", "--count", "1").stdout
    assert text.count("failed list") == 1
    assert run("search", "nowhere at all").stdout == "nothing was found\n"


def test_jobs_of_a_queue_are_found_by_a_text(run, jobs):
    assert [one["index"] for one in read(run, "queues", "search", "mailers", "needle")] == [500]
    assert run("queues", "search", "mailers", "xyz").stdout == "no such job\n"
    assert "and more" in run("queues", "search", "mailers", "plain", "--count", "2").stdout


def test_found_jobs_are_dropped_and_no_others(run, jobs):
    told = read(run, "queues", "drop", "mailers", "--search", "needle", "--dry-run")
    assert (told["dry_run"], [one["index"] for one in told["removed"]]) == (True, [500])
    assert jobs.size("mailers") == 501
    refused = run("queues", "drop", "mailers", "--search", "needle")
    assert (refused.exit_code, jobs.size("mailers")) == (2, 501)
    told = read(run, "queues", "drop", "mailers", "--search", "needle", "--yes")
    assert (told["dry_run"], [one["index"] for one in told["removed"]]) == (False, [500])
    assert jobs.size("mailers") == 500
    told = run("queues", "drop", "mailers", "--class", "Mail", "--yes").stdout
    assert told.endswith("removed 500 jobs in all\n")
    assert jobs.size("low") == 1


def test_of_equal_jobs_as_many_are_dropped_as_were_named(run, resque):
    for _ in range(4):
        resque.enqueue_to("low", "Job", 1)
    assert run("queues", "drop", "low", "1", "3", "--yes").exit_code == 0
    assert resque.size("low") == 2
    assert run("queues", "drop", "low", "7", "--yes").exit_code == 1
    assert run("queues", "drop", "low", "7", "--yes", "--json").stdout == ""
    assert run("queues", "drop", "low").exit_code == 2
    assert run("queues", "drop", "low", "0", "--search", "x").exit_code == 2
    assert resque.size("low") == 2


def numbers(resque, queue: str) -> list[int]:
    return [job.args[0] for job in resque.peek(queue, 0, 100)]


def test_jobs_are_moved_by_index_by_a_text_and_all(run, resque):
    for number in range(6):
        resque.enqueue_to("low", "Job", number, "odd" if number % 2 else "even")
    assert run("queues", "move", "low", "4", "--first").exit_code == 0
    assert numbers(resque, "low") == [4, 0, 1, 2, 3, 5]
    told = read(run, "queues", "move", "low", "1", "3", "--to", "high", "--dry-run")
    assert told == {"dry_run": True, "moved": 2, "stayed": 0}
    assert numbers(resque, "high") == []
    told = read(run, "queues", "move", "low", "3", "1", "--to", "high", "--yes")
    assert told == {"dry_run": False, "moved": 2, "stayed": 0}
    assert (numbers(resque, "low"), numbers(resque, "high")) == ([4, 1, 3, 5], [0, 2])
    refused = run("queues", "move", "low", "--search", "ODD", "--to", "high")
    assert refused.exit_code == 2
    assert (
        "moved 3 jobs"
        in run(*("queues", "move", "low", "--search", "ODD", "--to", "high", "--yes")).stdout
    )
    assert (numbers(resque, "low"), numbers(resque, "high")) == ([4], [0, 2, 1, 3, 5])
    assert read(run, "queues", "move", "high", "--all", "--to", "low", "--yes")["moved"] == 5
    assert numbers(resque, "low") == [4, 0, 2, 1, 3, 5]


@pytest.mark.parametrize(
    "words",
    [
        ("low", "0"),
        ("low", "--to", "x"),
        ("low", "0", "--to", "x", "--first"),
        ("low", "0", "1", "--first"),
        ("low", "--all", "--first"),
        ("low", "0", "--all", "--to", "x"),
        ("low", "0", "--to", "low"),
        ("low", "0", "--to", " "),
    ],
)
def test_a_move_that_says_too_little_or_too_much_is_bad_usage(run, resque, words):
    resque.enqueue_to("low", "Job", 1)
    assert run("queues", "move", *words, "--yes").exit_code == 2
    assert resque.queue_sizes() == {"low": 1}


def test_dropping_a_job_releases_the_mark_of_its_plugin(run, resque, environment, db):
    (environment / "app_loner.py").write_text(
        "from pyresque import Resque\nfrom pyresque.plugins import Loner\n"
        "resque = Resque()\nresque.declare('Once', queue='low', plugins=[Loner()])\n"
    )
    from pyresque.process.start.load_app import load_app

    load_app("app_loner:resque").enqueue("Once", 1)
    assert db.keys("resque:loners:*")
    run("queues", "drop", "low", "0", "--yes", "-A", "app_loner:resque")
    assert db.keys("resque:loners:*") == []
    assert resque.size("low") == 0


def test_delayed_jobs_are_found_enqueued_and_removed_by_a_text(run, jobs):
    (found,) = read(run, "delayed", "search", "NEEDLE")
    assert found["timestamp"] == 2_000_000_000
    told = read(run, "delayed", "enqueue", "--search", "needle", "--dry-run")
    assert told == {"dry_run": True, "jobs": 1}
    assert jobs.size("later") == 0
    assert read(run, "delayed", "enqueue", "--search", "needle")["jobs"] == 1
    assert jobs.size("later") == 1
    assert read(run, "delayed", "remove", "--search", "hay", "--yes")["jobs"] == 1
    assert jobs.count_all_scheduled_jobs() == 0
    assert run("delayed", "enqueue", "Later", "--search", "x").exit_code == 2


def test_failed_jobs_are_grouped_and_a_group_is_what_filters_take(run, jobs):
    found = read(run, "failed", "groups")
    assert (found["kinds"], found["others"]) == (2, 0)
    first = found["groups"][0]
    assert first == {
        "class": "Boom",
        "exception": "KeyError",
        "message": "no needle …",
        "count": 3,
        "first": "2026/11/20 10:00:00 UTC",
        "last": "2026/11/22 10:00:00 UTC",
    }
    assert len(read(run, "failed", "list", "--message", first["message"])) == 3
    assert len(read(run, "failed", "list", "--search", "needle 1")) == 1
    told = read(run, "failed", "remove", "--search", "NEEDLE 1", "--yes")
    assert len(told["removed"]) == 1
    assert jobs.failures.count() == 3
    assert read(run, "failed", "groups", "--count", "1")["others"] == 1


def test_failed_jobs_older_than_some_time_are_meant(run, jobs):
    record = {"payload": {"class": "Old", "args": []}, "queue": "low"}
    old = json.dumps({**record, "failed_at": "2020/01/02 10:00:00 UTC"})
    jobs.redis.rpush("failed", old)
    (found,) = read(run, "failed", "list", "--older", "1000d")
    assert found["payload"]["class"] == "Old"
    assert len(read(run, "failed", "remove", "--older", "1000d", "--yes")["removed"]) == 1
    assert jobs.failures.count() == 4
    assert run("failed", "list", "--older", "soon").exit_code == 2


def test_a_removal_is_undone_once(run, resque, db):
    record = json.dumps({"payload": {"class": "Job", "args": [1]}, "queue": "low"}).encode()
    token = "removed-" + 32 * "a"
    db.rpush("resque:failed", b"{}")
    resque.run(Keeping(resque.core.failed_table, token).keep([FailedRecord(0, record)]))
    assert read(run, "failed", "undo", token, "--dry-run") == {
        "dry_run": True,
        "undone": 1,
        "begun": 0,
    }
    assert db.llen("resque:failed") == 1
    assert read(run, "failed", "undo", token)["undone"] == 1
    assert db.lrange("resque:failed", 0, -1) == [b"{}", record]
    assert run("failed", "undo", token).exit_code == 1
    assert run("failed", "undo", "removed-x").exit_code == 2


def test_a_recurring_job_runs_with_other_arguments(run, resque):
    config = {"every": "1h", "class": "Report", "queue": "reports", "args": [1]}
    resque.set_schedule("report", config, persist=True)
    told = read(run, "schedule", "run", "report", "--args", '[{"month": 2}]', "--dry-run")
    assert told["config"]["args"] == [{"month": 2}]
    assert resque.size("reports") == 0
    assert run("schedule", "run", "report", "--args", '["x", 2]').exit_code == 0
    assert resque.peek("reports")[0].args == ("x", 2)
    assert resque.fetch_schedule("report") == config
    assert run("schedule", "run", "report", "--args", "oops").exit_code == 2


def test_a_dry_run_changes_nothing(run, resque, db):
    resque.enqueue_to("low", "Job")
    before = sorted(db.keys("*"))
    for line in (
        ("queues", "pause", "low"),
        ("queues", "pause", "--all"),
        ("queues", "resume", "low"),
        ("workers", "pause"),
        ("workers", "resume"),
        ("status", "cancel", "nothing"),
        ("schedule", "set", "e", '{"every": "1h", "class": "X", "queue": "q"}'),
    ):
        for more in ((), ("--json",)):
            result = run(*line, "--dry-run", *more)
            assert result.exit_code == 0, (line, result.stderr)
            assert "would" in result.stdout or "no such" in result.stdout or more
    assert sorted(db.keys("*")) == before


def test_stats_show_counters_redis_and_keys(run, resque, db):
    resque.enqueue_to("low", "Job", 1)
    db.zadd("resque:delayed_queue_schedule", {"7": 7})
    assert read(run, "stats", "counters")["pending"] == 1
    assert "used_memory" in read(run, "stats", "redis")
    keys = {one["name"]: one for one in read(run, "stats", "keys")["keys"]}
    assert keys["queue:low"] == {"name": "queue:low", "type": "list", "size": 1}
    assert [one["name"] for one in read(run, "stats", "keys", "--search", "delayed")["keys"]] == [
        "delayed_queue_schedule"
    ]
    assert read(run, "stats", "key", "queue:low")["elements"] == [
        ["0", '{"class":"Job","args":[1]}']
    ]
    assert read(run, "stats", "key", "delayed_queue_schedule")["elements"] == [["7", "7"]]
    assert "low" in run("stats", "key", "queues").stdout
    assert run("stats", "key", "nothing").exit_code == 1


def test_many_keys_come_in_parts(run, db):
    pipe = db.pipeline()
    for number in range(3000):
        pipe.set(f"resque:stat:processed:{number}", number)
    pipe.execute()
    names, cursor = set(), "0"
    while cursor:
        found = read(run, "stats", "keys", "--cursor", cursor)
        names |= {one["name"] for one in found["keys"]}
        cursor = str(found["cursor"] or "")
    assert len(names) == 3000


def test_hostile_keys_are_text(run, db):
    db.rpush("resque:queue:\x1b[31m", payload())
    for line in (("stats", "keys"), ("stats", "key", "queue:\x1b[31m")):
        result = run(*line)
        assert result.exit_code == 0
        assert all(part.isprintable() for part in result.stdout.split("\n"))
