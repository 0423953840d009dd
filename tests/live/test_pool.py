"""A real pool: its master, its workers, their signals and their deaths."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.eventually import TIMEOUT, eventually
from tests.support.live_pool import pool, workers
from tests.support.live_worker import next_report, reported

if TYPE_CHECKING:
    from pathlib import Path

    import redis


def queues(db: redis.Redis) -> list[str]:
    return sorted(names for _, names in workers(db))


@pytest.fixture
def pool_file(tmp_path: Path) -> Path:
    path = tmp_path / "resque-pool.yml"
    path.write_text('low: 1\nproduction:\n  "high,low": 2\n')
    return path


def test_each_line_of_the_file_has_its_workers(db, redis_url, pool_file) -> None:
    with pool(redis_url, "pool", "-f", str(pool_file), "-E", "production") as master:
        eventually(lambda: queues(db) == ["high,low", "high,low", "low"])
        pids = [pid for pid, _ in workers(db)]
        assert len(set(pids)) == 3
        assert master.process.pid not in pids
        eventually(lambda: all(str(pid) in master.title() for pid in pids))
        assert master.title().startswith("resque-pool-master[tests.live.app:resque]: managing [")
        db.rpush("resque:queue:high", b'{"class":"Note","args":[1]}')
        assert next_report(db) == ["note", 1]
    assert workers(db) == []


def test_a_killed_worker_is_struck_out_with_its_job_recorded_and_another_follows(
    db, redis_url, pool_file
) -> None:
    with pool(redis_url, "pool", "-f", str(pool_file)):
        ((first, _),) = eventually(lambda: workers(db), lambda seen: len(seen) == 1)
        db.rpush("resque:queue:low", b'{"class":"Hold","args":["x"]}')
        assert next_report(db) == ["holding", "x"]
        os.kill(first, signal.SIGKILL)
        record = json.loads(eventually(lambda: db.lindex("resque:failed", 0)))
        assert record["exception"] == "Resque::DirtyExit"
        assert record["payload"] == {"class": "Hold", "args": ["x"]}
        ((second, _),) = eventually(
            lambda: workers(db), lambda seen: len(seen) == 1 and seen[0][0] != first
        )
        assert second != first
        db.rpush("live:release", 1)
    assert db.llen("resque:failed") == 1


def test_ttin_and_ttou_add_and_take_away(db, redis_url, pool_file) -> None:
    with pool(redis_url, "pool", "-f", str(pool_file)) as master:
        eventually(lambda: len(workers(db)) == 1)
        master.signal("SIGTTIN")
        eventually(lambda: len(workers(db)) == 2)
        master.signal("SIGTTOU")
        eventually(lambda: len(workers(db)) == 1)


def test_hup_reads_the_file_anew_and_replaces_every_worker(db, redis_url, pool_file) -> None:
    with pool(redis_url, "pool", "-f", str(pool_file)) as master:
        before = eventually(lambda: workers(db), lambda seen: len(seen) == 1)
        pool_file.write_text("high: 2\n")
        master.signal("SIGHUP")
        after = eventually(lambda: workers(db), lambda seen: [q for _, q in seen] == ["high"] * 2)
        assert not set(before) & set(after)
        pool_file.write_text("high: lots\n")
        master.signal("SIGHUP")
        eventually(lambda: any("the pool stays as it is" in line for line in master.lines))
        assert workers(db) == after


def test_winch_lets_all_leave_until_hup(db, redis_url, pool_file) -> None:
    with pool(redis_url, "pool", "-f", str(pool_file)) as master:
        eventually(lambda: len(workers(db)) == 1)
        master.signal("SIGWINCH")
        eventually(lambda: workers(db) == [])
        assert master.process.poll() is None
        master.signal("SIGHUP")
        eventually(lambda: len(workers(db)) == 1)


def test_quit_waits_for_the_jobs(db, redis_url, pool_file) -> None:
    with pool(redis_url, "pool", "-f", str(pool_file)) as master:
        eventually(lambda: len(workers(db)) == 1)
        db.rpush("resque:queue:low", b'{"class":"Hold","args":["x"]}')
        assert next_report(db) == ["holding", "x"]
        master.signal("SIGQUIT")
        eventually(lambda: any("exiting" in line for line in master.lines))
        assert master.process.poll() is None
        db.rpush("live:release", 1)
        assert next_report(db) == ["held", "x"]
        assert master.process.wait(TIMEOUT) == 0
    assert workers(db) == []
    assert db.llen("resque:failed") == 0


def test_int_waits_for_the_jobs_of_a_pool_as_quit_does(db, redis_url, pool_file) -> None:
    with pool(redis_url, "pool", "-f", str(pool_file)) as master:
        eventually(lambda: len(workers(db)) == 1)
        db.rpush("resque:queue:low", b'{"class":"Hold","args":["x"]}')
        assert next_report(db) == ["holding", "x"]
        master.signal("SIGINT")
        eventually(lambda: any("exiting" in line for line in master.lines))
        db.rpush("live:release", 1)
        assert next_report(db) == ["held", "x"]
        assert master.process.wait(TIMEOUT) == 0
    assert db.llen("resque:failed") == 0


def test_int_ends_the_jobs_of_counted_workers_as_it_does_alone(db, redis_url) -> None:
    with pool(redis_url, "worker", "-q", "low", "-c", "2") as master:
        eventually(lambda: len(workers(db)) == 2)
        db.rpush("resque:queue:low", b'{"class":"Hold","args":["x"]}')
        assert next_report(db) == ["holding", "x"]
        master.signal("SIGINT")
        assert master.process.wait(TIMEOUT) == 0
    record = json.loads(db.lindex("resque:failed", 0))
    assert record["exception"] == "Resque::DirtyExit"


def test_the_name_of_the_application_stands_in_the_title(db, redis_url, pool_file) -> None:
    with pool(redis_url, "pool", "-f", str(pool_file), "-a", "shop") as master:
        eventually(lambda: master.title().startswith("resque-pool-master[shop]: managing ["))


def test_what_is_printed_goes_to_the_files_that_are_named(
    db, redis_url, pool_file, tmp_path
) -> None:
    out, err = tmp_path / "out", tmp_path / "err"
    out.write_text("before\n")
    with pool(redis_url, "pool", "-f", str(pool_file), "-o", str(out), "-e", str(err)) as master:
        db.rpush("resque:queue:low", b'{"class":"Print","args":["to out","to err"]}')
        eventually(out.read_text, lambda text: "done: (Job{low}" in text)
        eventually(err.read_text, lambda text: text == "to err\n")
    assert out.read_text().startswith("before\n")
    assert "\nto out\n" in out.read_text()
    assert master.lines == []


def test_between_two_starts_lies_the_delay_that_is_named(db, redis_url, pool_file) -> None:
    pool_file.write_text("low: 2\n")
    with pool(redis_url, "pool", "-f", str(pool_file), "-s", "60000"):
        eventually(lambda: len(workers(db)) == 1)
        db.rpush("resque:queue:low", b'{"class":"Note","args":[1]}')
        assert next_report(db) == ["note", 1]
        assert len(workers(db)) == 1
    with pool(redis_url, "pool", "-f", str(pool_file), "-s", "10"):
        eventually(lambda: len(workers(db)) == 2)


@pytest.mark.parametrize(("options", "failed"), [([], 1), (["--term-graceful-wait"], 0)])
def test_term_ends_jobs_or_waits_for_them(db, redis_url, pool_file, options, failed) -> None:
    with pool(redis_url, "pool", "-f", str(pool_file), *options) as master:
        eventually(lambda: len(workers(db)) == 1)
        db.rpush("resque:queue:low", b'{"class":"Hold","args":["x"]}')
        assert next_report(db) == ["holding", "x"]
        master.signal("SIGTERM")
        if not failed:
            eventually(lambda: any("exiting" in line for line in master.lines))
            db.rpush("live:release", 1)
        assert master.process.wait(TIMEOUT) == 0
    assert db.llen("resque:failed") == failed
    assert workers(db) == []


def test_workers_whose_master_was_killed_leave_after_their_jobs(db, redis_url, pool_file) -> None:
    pool_file.write_text("low: 2\n")
    with pool(redis_url, "pool", "-f", str(pool_file)) as master:
        eventually(lambda: len(workers(db)) == 2)
        db.rpush("resque:queue:low", b'{"class":"Hold","args":["x"]}')
        assert next_report(db) == ["holding", "x"]
        master.process.kill()
        eventually(lambda: len(workers(db)) == 1)
        db.rpush("live:release", 1)
        assert next_report(db) == ["held", "x"]
        eventually(lambda: workers(db) == [])
    assert db.llen("resque:failed") == 0


@pytest.mark.parametrize("executor", ["fork", "inline"])
def test_a_count_makes_so_many_workers_of_the_same_queues(db, redis_url, executor) -> None:
    args = ("worker", "-q", "high,low", "-c", "3", "--executor", executor)
    with pool(redis_url, *args):
        eventually(lambda: queues(db) == ["high,low"] * 3)
    assert workers(db) == []


def test_a_burst_of_several_workers_ends_when_the_queues_are_empty(db, redis_url) -> None:
    for number in range(20):
        db.rpush("resque:queue:low", json.dumps({"class": "Note", "args": [number]}))
    with pool(redis_url, "worker", "-q", "low", "-c", "3", "--burst") as master:
        assert master.process.wait(TIMEOUT) == 0
    assert sorted(number for _, number in reported(db)) == list(range(20))
    assert workers(db) == []


def test_a_file_that_cannot_be_read_is_reported_before_anything_starts(db, redis_url, pool_file):
    pool_file.write_text("low: <%= 1 %>\n")
    with pool(redis_url, "pool", "-f", str(pool_file)) as master:
        assert master.process.wait(TIMEOUT) == 2
    assert "line 1: <% is a template" in "".join(master.lines)
