"""What a worker, a pool and a scheduler say of themselves at their start."""

from __future__ import annotations

import json
import re
import signal

import pytest

from pyresque import __version__

LOCK = "resque:resque:resque_scheduler_master_lock"


@pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])
def test_a_worker_says_who_it_is_and_what_it_works_with(finish, db, redis_url, executor):
    db.sadd("resque:queues", "low")
    code, output, errors = finish(
        *("worker", "-A", "myapp", "-q", "low,high_*,!x,*", "--burst", "-v", "--executor", executor)
    )
    assert (code, errors) == (0, "")
    first = output.splitlines()[0]
    assert re.fullmatch(
        rf"\*\*\* pyresque {__version__} starts as worker \S+:\d+:low,high_\*,\*: executor {executor}; "
        rf"4 jobs registered; namespace resque; Redis {re.escape(redis_url)}; no such queue yet: high_\*",
        first,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--executor", "thread", "-c", "3"), "executor thread with 3 workers; 4 jobs registered"),
        (("--executor", "fork", "-c", "2"), "workers: 2 of low; executor fork; 4 jobs registered"),
    ],
)
def test_several_workers_say_so_once(finish, words, said):
    output = finish("worker", "-A", "myapp", "-q", "low", "--burst", "-v", *words)[1]
    assert said in output
    assert output.count(" starts as ") == 1
    assert "no such queue yet: low" in output


def test_a_pool_reports_its_lines(finish, environment):
    (environment / "pool.yml").write_text('"high,low": 2\nmail: 1\n')
    code, output, errors = finish("pool", "-A", "myapp", "-f", "pool.yml", "--burst", "-v")
    assert (code, errors) == (0, "")
    assert " starts as pool " in output
    assert "workers: 2 of high,low, 1 of mail; executor fork; 4 jobs registered" in output
    assert "no such queue yet: high, low, mail" in output


def test_a_scheduler_reports_what_it_has_to_run(start, db, environment, eventually):
    (environment / "s.yml").write_text("a: {every: 1h}\n")
    scheduler = start("scheduler", "--schedule", "s.yml", "-i", "0.1", "-E", "test", "-D")
    eventually(lambda: db.get(LOCK))
    scheduler.send_signal(signal.SIGTERM)
    said = scheduler.communicate(timeout=60)[0].splitlines()
    assert any(
        " starts as scheduler " in line
        and "1 recurring job of s.yml; follows changes in Redis; environment test" in line
        for line in said[:1]
    ), said


def test_the_line_bears_no_password_and_is_an_event_in_json(finish, redis_url, db):
    url = redis_url.replace("redis://", "redis://:hidden-word@")
    db.config_set("requirepass", "hidden-word")
    try:
        code, output, errors = finish(
            *("worker", "-A", "myapp", "-q", "low", "--burst", "-v", "-u", url),
            *("--log-format", "json"),
        )
    finally:
        db.config_set("requirepass", "")
    assert (code, errors) == (0, "")
    assert "hidden-word" not in output
    line = json.loads(output.splitlines()[0])
    assert (line["event"], line["version"], line["level"]) == ("start", __version__, "info")
    assert "; Redis redis://***@" in line["message"]


def test_a_worker_that_is_not_verbose_says_nothing(finish):
    assert finish("worker", "-A", "myapp", "-q", "low", "--burst") == (0, "", "")


def test_a_name_that_ruby_might_take_for_a_list_of_queues_is_reported(finish, db):
    db.sadd("resque:queues", "@mine")
    code, output, errors = finish("worker", "-A", "myapp", "-q", "@mine", "--burst")
    assert (code, errors) == (0, "")
    assert output.startswith("*** the queue @mine is taken by that very name")
    assert output.count("\n") == 1


def test_a_daemon_reports_its_own_process(finish, db, environment, eventually):
    words = ("worker", "-A", "myapp", "-q", "low", "-v", "--background", "--interval", "0")
    words += ("--logfile", str(environment / "w.log"), "--pidfile", str(environment / "w.pid"))
    assert finish(*words) == (0, "", "")
    log = environment / "w.log"
    said = eventually(lambda: log.exists() and log.read_text())
    assert f":{(environment / 'w.pid').read_text()}:low: executor fork" in said


@pytest.mark.parametrize(
    ("executor", "unread"),
    [
        ("fork", ""),
        ("thread", "jobs_per_child, max_child_memory"),
        ("async", "jobs_per_child, max_child_memory"),
        ("inline", "jobs_per_child, max_child_memory, term_timeout"),
    ],
)
def test_options_that_the_executor_does_not_read_are_named_once(finish, executor, unread):
    code, output, errors = finish(
        *("worker", "-A", "myapp", "-q", "low", "--burst", "--executor", executor),
        *("--jobs-per-child", "3", "--term-timeout", "9", "-c", "2"),
        MAX_CHILD_MEMORY="100",
    )
    assert (code, errors) == (0, "")
    assert output == (f"*** no effect with executor {executor}: {unread}\n" if unread else "")


def test_rediss_to_a_port_without_tls_is_reported_at_once(finish, redis_url):
    url = redis_url.replace("redis://", "rediss://")
    slow = f"{url}?socket_connect_timeout=100"
    code, _, errors = finish("worker", "-A", "myapp", "-q", "low", "-u", slow)
    assert code == 2
    assert "does not speak TLS: write redis:// in place of rediss://" in errors
