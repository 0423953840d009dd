"""Every listing and bulk command with many entries: a page costs a page, bulk work is one pass, memory is flat.

``PYRESQUE_ENTRIES=200000`` is the long form; the bounds are those of the long form, and of the short one where they are tighter.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys

import pytest

ENTRIES = int(os.environ.get("PYRESQUE_ENTRIES", "20000"))

#: The long form takes six minutes on a machine that has nothing else to do.
pytestmark = pytest.mark.timeout(1800 if ENTRIES > 20_000 else 300)

#: The largest memory that a command may have taken.
MEGABYTES = 60 if ENTRIES > 20_000 else 45


def record(at: int) -> str:
    backtrace = [f"/usr/lib/app/jobs/{'x' * 20}.py:{line}:in `perform'" for line in range(8)]
    return json.dumps(
        {
            "failed_at": "2026/11/28 12:00:00 UTC",
            "payload": {"class": "ABC"[at % 3], "args": [at]},
            "exception": "KeyError",
            "error": str(at),
            "backtrace": backtrace,
            "worker": "h:1:q",
            "queue": f"q{at % 3}",
        }
    )


def push(db, key, values):
    values = list(values)
    for start in range(0, len(values), 2000):
        db.rpush(key, *values[start : start + 2000])


#: Runs a command and tells its peak of memory last: a process counts that of the one it was forked from as its own.
LAUNCH = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


class Ran:
    """A command that has run to its end as a process of its own: what it printed and what it took."""

    def __init__(self, tmp_path, *args: str) -> None:
        output, errors = tmp_path / "output", tmp_path / "errors"
        with output.open("wb") as to, errors.open("wb") as errors_to:
            done = subprocess.run(
                [sys.executable, "-S", "-c", LAUNCH, sys.executable, "-m", "pyresque.cli", *args],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=to,
                stderr=errors_to,
            )
        self.code = done.returncode
        *lines, peak = errors.read_text().splitlines()
        self.output, self.errors = output.read_text(), "\n".join(lines)
        self.megabytes = int(peak) / (1024 if sys.platform != "darwin" else 1 << 20)

    def fine(self) -> Ran:
        assert self.code == 0, self.errors
        assert self.megabytes < MEGABYTES
        return self


@pytest.fixture
def ran(tmp_path):
    return lambda *args: Ran(tmp_path, *args)


def calls(db, command: str) -> int:
    return db.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"]


@pytest.fixture
def failed(db):
    push(db, "resque:failed", map(record, range(ENTRIES)))
    db.config_resetstat()
    return db


def test_a_page_of_failed_jobs_costs_a_page(ran, failed):
    lines = ran("failed").fine().output.splitlines()
    assert lines[1].split()[0] == str(ENTRIES - 1)
    assert lines[-1].startswith(f"20 of {ENTRIES};")
    ran("failed", "--start", str(ENTRIES - 50), "--json").fine()
    ran("failed", "--class", "A").fine()
    ran("info").fine()
    assert calls(failed, "lrange") < 6
    assert failed.info("stats")["total_net_output_bytes"] < 500_000


def test_failed_jobs_are_removed_in_one_pass(ran, failed):
    ran("failed", "remove", "--class", "A", "--yes").fine()
    assert failed.llen("resque:failed") == ENTRIES * 2 // 3
    assert calls(failed, "lrem") < ENTRIES // 200
    assert calls(failed, "lrange") < ENTRIES // 100


def test_failed_jobs_are_put_back_in_one_pass(ran, failed):
    output = ran("failed", "retry", "--class", "B").fine().output.splitlines()
    assert len(output) == 21
    assert output[-1] == f"retried {failed.llen('resque:queue:q1')} failed jobs in all"
    assert failed.llen("resque:queue:q1") == (ENTRIES + 1) // 3
    assert calls(failed, "evalsha") < ENTRIES // 200


def test_all_failed_jobs_as_json_are_written_as_they_are_read(ran, failed):
    output = ran("failed", "--json", "--count", str(ENTRIES // 4)).fine().output
    assert len(json.loads(output)) == ENTRIES // 4
    summary = json.loads(ran("failed", "retry", "--class", "A", "--json").fine().output)
    assert (len(summary["retried"]), summary["left"]) == ((ENTRIES + 2) // 3, [])


@pytest.mark.parametrize("as_json", [False, True])
def test_an_interrupted_removal_sums_up_and_loses_nothing(failed, start, eventually, as_json):
    arguments = ["--json"] if as_json else []
    process = start("failed", "remove", "--queue", "q0", "--queue", "q0", "--yes", *arguments)
    eventually(lambda: failed.llen("resque:failed") < ENTRIES)
    process.send_signal(2)
    output, errors = process.communicate(timeout=60)
    left = failed.llen("resque:failed")
    assert process.returncode == 130
    assert errors.splitlines()[-1] == (
        f"pyresque: interrupted: removed {ENTRIES - left} failed jobs; "
        "the others are as they were, and the same command goes on"
    )
    if as_json:
        assert len(json.loads(output)["removed"]) == ENTRIES - left
    assert left > ENTRIES * 2 // 3
    assert b"\x00" not in b"".join(failed.lrange("resque:failed", 0, -1))


def delayed_payload(at: int) -> bytes:
    made = {"class": "ABC"[at % 3], "args": [at], "queue": "low"}
    return json.dumps(made, separators=(",", ":")).encode()


@pytest.fixture(params=["one time", "many times"])
def delayed(request, db):
    for start in range(0, ENTRIES, 2000):
        with db.pipeline(transaction=False) as pipe:
            for at in range(start, min(start + 2000, ENTRIES)):
                when = 1_900_000_000 + (at if request.param == "many times" else 0)
                pipe.rpush(f"resque:delayed:{when}", delayed_payload(at))
                pipe.sadd(b"resque:timestamps:" + delayed_payload(at), f"delayed:{when}")
                pipe.zadd("resque:delayed_queue_schedule", {str(when): when})
            pipe.execute()
    db.config_resetstat()
    return db


def test_delayed_jobs_are_listed_by_the_page(ran, delayed):
    ran("delayed").fine()
    ran("delayed", "peek").fine()
    ran("delayed", "list", "--start", str(ENTRIES - 5), "--json").fine()
    assert delayed.info("stats")["total_net_output_bytes"] < 200_000
    assert ran("delayed", "count").fine().output.startswith(f"{ENTRIES} jobs at ")


def test_delayed_jobs_are_removed_and_enqueued_in_one_pass(ran, delayed):
    each = (ENTRIES + 2) // 3
    output = ran("delayed", "remove", "A", "--any-args", "--yes").fine().output
    assert output == f"removed {each} delayed jobs\n"
    each = (ENTRIES + 1) // 3
    output = ran("delayed", "enqueue", "B", "--any-args").fine().output
    assert output == f"enqueued {each} delayed jobs\n"
    assert delayed.llen("resque:queue:low") == each
    if delayed.zcard("resque:delayed_queue_schedule") == 1:
        assert calls(delayed, "lrem") < ENTRIES // 200
    assert calls(delayed, "evalsha") < ENTRIES // 200
    ran("delayed", "clear", "--yes").fine()
    assert delayed.keys("resque:delayed*") == []


def test_an_interrupted_removal_of_delayed_jobs_sums_up(delayed, start, eventually):
    process = start("delayed", "remove", "A", "--any-args", "--yes")
    eventually(lambda: calls(delayed, "evalsha"))
    process.send_signal(2)
    _, errors = process.communicate(timeout=60)
    left = sum(
        len([raw for raw in delayed.lrange(key, 0, -1) if b'"A"' in raw])
        for key in delayed.scan_iter("resque:delayed:*")
    )
    done = (ENTRIES + 2) // 3 - left
    assert process.returncode == 130
    assert f"interrupted: removed {done} delayed jobs; the others wait as before" in errors


def test_jobs_of_a_class_leave_a_queue_in_one_pass(resque, db):
    push(db, "resque:queue:low", map(delayed_payload, range(ENTRIES)))
    db.config_resetstat()
    assert resque.destroy("low", "A") == (ENTRIES + 2) // 3
    assert db.llen("resque:queue:low") == ENTRIES - (ENTRIES + 2) // 3
    assert calls(db, "lrem") < ENTRIES // 200


def test_a_page_of_a_long_queue_costs_a_page(ran, db):
    push(db, "resque:queue:low", map(delayed_payload, range(ENTRIES)))
    db.sadd("resque:queues", "low")
    db.config_resetstat()
    ran("queues", "peek", "low", "--start", str(ENTRIES - 5), "--json").fine()
    ran("queues", "show", "low").fine()
    assert ran("queues").fine().output.split()[-2:] == ["low", str(ENTRIES)]
    assert db.info("stats")["total_net_output_bytes"] < 100_000


def test_workers_and_queues_by_the_thousand_are_listed_as_they_are_read(ran, db):
    many = ENTRIES // 10
    for start in range(0, many, 1000):
        with db.pipeline(transaction=False) as pipe:
            for at in range(start, start + 1000):
                pipe.sadd("resque:workers", f"box{at}:{at}:low")
                pipe.sadd("resque:queues", f"queue{at}")
            pipe.execute()
    assert ran("workers").fine().output.count("\n") == many + 1
    assert len(json.loads(ran("workers", "--json").fine().output)) == many
    assert ran("queues").fine().output.count("\n") == many + 1
    assert json.loads(ran("info", "--json").fine().output)["workers"] == many


@pytest.fixture
def dead(db):
    """Workers that are dead: half of them by their heartbeat, half of them on this host without a process."""
    host = socket.gethostname()
    for start in range(0, ENTRIES, 2000):
        with db.pipeline(transaction=False) as pipe:
            for at in range(start, min(start + 2000, ENTRIES)):
                worker_id = f"{host if at % 2 else 'box'}:{9_000_000 + at}:low,high"
                pipe.sadd("resque:workers", worker_id)
                if not at % 2:
                    pipe.hset("resque:workers:heartbeat", worker_id, "2020-01-01T12:00:00+00:00")
            pipe.execute()
    db.config_resetstat()
    return db


def test_dead_workers_are_found_and_pruned_page_by_page(ran, dead):
    output = ran("workers", "prune", "--dry-run").fine().output
    assert output.splitlines()[-1] == f"would prune {ENTRIES} workers in all"
    assert calls(dead, "hgetall") == calls(dead, "smembers") == 0
    assert dead.info("stats")["total_net_output_bytes"] < 150 * ENTRIES
    summary = json.loads(ran("workers", "prune", "--yes", "--json").fine().output)
    assert len(set(summary["pruned"])) == ENTRIES
    assert dead.keys("resque:worker*") == []


def test_an_interrupted_prune_sums_up(dead, start, eventually):
    process = start("workers", "prune", "--yes")
    eventually(lambda: calls(dead, "evalsha"))
    process.send_signal(2)
    _, errors = process.communicate(timeout=60)
    done = ENTRIES - dead.scard("resque:workers")
    assert process.returncode == 130
    assert f"interrupted: pruned {done} workers; the others are as they were" in errors


def test_recurring_jobs_are_listed_some_at_a_time(ran, db):
    many = ENTRIES // 10
    for start in range(0, many, 2000):
        made = {
            f"entry{at}": json.dumps({"cron": "0 9 * * *", "class": "A", "args": [at]})
            for at in range(start, start + 2000)
        }
        db.hset("resque:persistent_schedules", mapping=made)
    db.config_resetstat()
    assert ran("schedule", "list").fine().output.count("\n") == many + 1
    assert ran("schedule", "next").fine().output.count("\n") == 6
    assert calls(db, "hgetall") == 0


def test_retries_are_gone_through_in_steps(ran, db):
    jobs = ({"class": "ABC"[at % 3], "args": [at], "queue": "low"} for at in range(ENTRIES))
    lists: dict[int, list[str]] = {}
    counters: dict[str, int] = {}
    for at, job in enumerate(jobs):
        lists.setdefault(4_000_000_000 + at % 7, []).append(json.dumps(job))
        digest = hashlib.sha1(str(at).encode(), usedforsecurity=False).hexdigest()
        counters[f"resque:resque-retry:{job['class']}:{digest}"] = 1
    for timestamp, payloads in lists.items():
        push(db, f"resque:delayed:{timestamp}", payloads)
        db.zadd("resque:delayed_queue_schedule", {str(timestamp): timestamp})
    db.mset(counters)
    db.config_resetstat()
    assert ran("retries").fine().output.splitlines()[-1] == "and more: --start 20"
    assert db.info("stats")["total_net_output_bytes"] < 500_000
    ran("retries", "list", "--start", str(ENTRIES - 10)).fine()
    made = json.loads(ran("retries", "run", "--class", "A", "--json").fine().output)
    assert made["count"] == len(made["run"]) == db.llen("resque:queue:low") == (ENTRIES + 2) // 3
    ran("retries", "cancel", "--all", "--yes").fine()
    assert db.keys("resque:delayed*") == []
    assert len(db.keys("resque:resque-retry:*")) == made["count"]
    assert calls(db, "keys") == 2  # this test's own
    assert calls(db, "mget") < ENTRIES // 20
