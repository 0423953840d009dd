"""``pyresque enqueue`` and ``pyresque worker``: what they do, and what they say where they cannot."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.redis_server import RedisServer


def waiting(db, queue: str = "low") -> list[bytes]:
    return db.lrange(f"resque:queue:{queue}", 0, -1)


# -- enqueue


def test_arguments_are_json_and_arrive_as_ruby_writes_them(run, db):
    result = run(
        "enqueue",
        "Archive",
        "35",
        '"branch"',
        "null",
        "true",
        "2.50",
        "-1",
        '{"a": [1, {}]}',
        "-q",
        "low",
    )
    assert result.exit_code == 0, result.stderr
    assert waiting(db) == [
        b'{"class":"Archive","args":[35,"branch",null,true,2.5,-1,{"a":[1,{}]}]}'
    ]
    assert db.smembers("resque:queues") == {b"low"}
    assert result.stdout.startswith('enqueued Archive [35, "branch"')


def test_a_job_without_arguments_has_an_empty_list(run, db):
    assert run("enqueue", "Archive", "--queue", "low").exit_code == 0
    assert waiting(db) == [b'{"class":"Archive","args":[]}']


def test_a_bare_word_is_refused_with_the_way_to_quote_it(run, db):
    result = run("enqueue", "Archive", "35", "branch", "-q", "low")
    assert result.exit_code == 2
    assert result.stderr == (
        "pyresque: argument 2, 'branch', is not JSON: write a text with its quotes, "
        "as '\"branch\"', or give --str\n"
    )
    assert waiting(db) == []


@pytest.mark.parametrize("text", ["NaN", "Infinity", "{", "01", "'x'", ""])
def test_what_ruby_cannot_read_is_refused(run, db, text: str):
    result = run("enqueue", "Archive", text, "-q", "low")
    assert result.exit_code == 2
    assert "argument 1" in result.stderr
    assert waiting(db) == []


def test_str_takes_every_argument_as_a_text(run, db):
    assert run("enqueue", "Archive", "35", "a b", "-q", "low", "--str").exit_code == 0
    assert waiting(db) == [b'{"class":"Archive","args":["35","a b"]}']


def test_a_job_of_the_application_needs_no_queue(run, db):
    assert run("enqueue", "Note", "1", "-A", "myapp:resque").exit_code == 0
    assert waiting(db) == [b'{"class":"Note","args":[1]}']


def test_a_job_that_nobody_knows_needs_a_queue(run):
    result = run("enqueue", "Archive", "1")
    assert result.exit_code == 2
    assert "No queue could be inferred for class Archive: give one by -q QUEUE" in result.stderr


def test_a_hook_that_says_no_is_a_failure(run, db):
    result = run("enqueue", "Vetoed", "-A", "myapp:resque")
    assert result.exit_code == 1
    assert "a before_enqueue hook said no" in result.stderr
    assert waiting(db) == []


def test_enqueue_prints_json_for_programs(run):
    result = run("enqueue", "Archive", "1", "-q", "low", "--json")
    assert json.loads(result.stdout) == {
        "enqueued": True,
        "queue": "low",
        "class": "Archive",
        "args": [1],
    }


def test_a_rails_dialect_escapes_as_rails_does(run, db):
    assert (
        run(
            "enqueue", "Archive", '"<b>"', "-q", "low", "--dialect", "json_gem_activesupport"
        ).exit_code
        == 0
    )
    assert waiting(db) == [rb'{"class":"Archive","args":["\u003cb\u003e"]}']


def test_another_namespace_is_written_to(run, db):
    assert run("enqueue", "Archive", "-q", "low", "-n", "shop").exit_code == 0
    assert db.llen("shop:queue:low") == 1


# -- trouble


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://localhost", "is no Redis URL"),
        ("redis://localhost:seven", "cannot be used"),
        ("redis://localhost/0?colour=red", "colour"),
    ],
)
def test_a_url_that_is_none_is_bad_usage(run, url: str, words: str):
    result = run("info", "-u", url)
    assert result.exit_code == 2, result.output
    assert words in result.stderr


def test_a_redis_that_is_not_there_is_one_line(finish):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        code, output, errors = finish("info", "-u", f"redis://127.0.0.1:{taken.getsockname()[1]}/0")
    assert (code, output) == (1, "")
    assert errors.startswith("pyresque: Redis at redis://127.0.0.1:")
    assert errors.count("\n") == 1


def test_a_refused_password_is_one_line_without_the_password(finish, redis_url, db):
    url = redis_url.replace("redis://", "redis://:secret@")
    db.config_set("requirepass", "another")
    try:
        code, _, errors = finish("worker", "-A", "myapp", "-q", "low", "-u", url)
    finally:
        db.config_set("requirepass", "")
    assert code == 2, errors
    assert errors.startswith("pyresque: ")
    assert "refused the log-in" in errors
    assert "secret" not in errors
    assert errors.count("\n") == 1


# -- worker


def test_a_worker_without_an_application_says_what_names_it(run):
    result = run("worker", "-q", "low")
    assert result.exit_code == 2
    assert (
        "-A module:attribute (or PYRESQUE_APP) names the application whose jobs to perform"
        in result.stderr
    )


def test_a_worker_of_an_application_without_jobs_says_so(run, environment):
    (environment / "app_empty.py").write_text("from pyresque import Resque\nresque = Resque()\n")
    result = run("worker", "-A", "app_empty", "-q", "low")
    assert result.exit_code == 2
    assert "registers no job" in result.stderr


def test_a_worker_without_a_queue_says_how_to_name_one(run):
    result = run("worker", "-A", "myapp")
    assert result.exit_code == 2
    assert "set the QUEUE env var, or give -q" in result.stderr


def test_a_worker_that_may_only_skip_queues_is_reported(finish):
    code, output, errors = finish("worker", "-A", "myapp", "-q", "!low")
    assert (code, output) == (2, "")
    assert errors == "pyresque: Please give each worker at least one queue.\n"


@pytest.mark.process
def test_a_log_file_that_cannot_be_written_is_one_line(run):
    result = run("worker", "-A", "myapp", "-q", "low", "--logfile", "/nowhere/at/all")
    assert result.exit_code == 1
    assert result.stderr == (
        "pyresque: [Errno 2] the log file cannot be written: No such file or directory: '/nowhere/at/all'\n"
    )


@pytest.mark.parametrize("executor", ["fork", "inline"])
def test_a_burst_performs_all_and_leaves(finish, run, db, executor: str):
    for word in ("1", "2", "3"):
        run("enqueue", "Note", word, "-q", "low")
    run("enqueue", "OldBoom", "-q", "reports")
    code, output, errors = finish(
        "worker", "-A", "myapp:resque", "-q", "reports,low", "--burst", "--executor", executor, "-v"
    )
    assert (code, errors) == (0, "")
    assert db.lrange("noted", 0, -1) == [b"(1,)", b"(2,)", b"(3,)"]
    assert output.count("*** got: ") == 4
    (failed,) = db.lrange("resque:failed", 0, -1)
    assert json.loads(failed)["exception"] == "KeyError"
    assert (db.get("resque:stat:processed"), db.get("resque:stat:failed")) == (b"4", b"1")
    assert db.smembers("resque:workers") == set()


def test_a_procfile_changes_one_word(finish, run, db):
    run("enqueue", "Note", "1", "-q", "low")
    code, _, errors = finish(
        "worker", PYRESQUE_APP="myapp", QUEUE="low", INTERVAL="0", FORK_PER_JOB="false"
    )
    assert (code, errors) == (0, "")
    assert db.llen("noted") == 1


def test_queues_are_taken_in_the_order_of_their_patterns(finish, run, db):
    for queue in ("slow", "high_b", "high_a", "critical"):
        run("enqueue", "Note", f'"{queue}"', "-q", queue)
    code, _, errors = finish(
        "worker", "-A", "myapp", "-q", "critical", "-q", "high_*,!slow", "--burst"
    )
    assert (code, errors) == (0, "")
    assert db.lrange("noted", 0, -1) == [b"('critical',)", b"('high_a',)", b"('high_b',)"]
    assert db.llen("resque:queue:slow") == 1


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGTERM, signal.SIGINT])
def test_an_idle_worker_leaves_on_every_signal_with_exit_code_0(start, db, eventually, number):
    worker = start("worker", "-A", "myapp", "-q", "low", "--interval", "30")
    eventually(lambda: db.smembers("resque:workers"))
    worker.send_signal(number)
    assert worker.wait(60) == 0
    assert worker.stderr.read() == ""
    assert db.smembers("resque:workers") == set()


def test_quit_lets_the_job_end(start, run, db, eventually):
    run("enqueue", "Hold", "-q", "low")
    worker = start("worker", "-A", "myapp", "-q", "low")
    eventually(lambda: db.llen("holding"))
    worker.send_signal(signal.SIGQUIT)
    db.rpush("release", "go")
    assert worker.wait(60) == 0
    assert db.llen("resque:failed") == 0
    assert db.get("resque:stat:processed") == b"1"


def test_term_kills_the_job_and_keeps_it_as_a_failure(start, run, db, eventually):
    run("enqueue", "Hold", "-q", "low")
    worker = start("worker", "-A", "myapp", "-q", "low")
    eventually(lambda: db.llen("holding"))
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    (failed,) = db.lrange("resque:failed", 0, -1)
    assert json.loads(failed)["exception"] == "Resque::DirtyExit"


def test_a_worker_that_starts_before_its_redis_waits_for_it(start, eventually, tmp_path):
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    server.kill()
    worker = start("worker", "-A", "myapp", "-q", "low", "-u", server.url)
    assert "the worker waits for it" in worker.stdout.readline()
    server.start()
    try:
        with server.client() as client:
            eventually(lambda: client.smembers("resque:workers"))
        worker.send_signal(signal.SIGQUIT)
        assert worker.wait(60) == 0
    finally:
        server.kill()


def test_in_the_background_the_command_returns_and_the_worker_stays(
    finish, db, eventually, environment
):
    pidfile = environment / "worker.pid"
    code, output, errors = finish(
        "worker", "-A", "myapp", "-q", "low", "--background", "--pidfile", str(pidfile)
    )
    assert (code, output, errors) == (0, "", "")
    (worker_id,) = eventually(lambda: db.smembers("resque:workers"))
    pid = int(pidfile.read_text())
    assert worker_id.decode().split(":")[1] == str(pid)
    os.kill(pid, signal.SIGQUIT)
    eventually(lambda: not db.smembers("resque:workers"))


def test_the_process_id_is_written_where_it_is_asked_for(start, db, eventually, environment):
    pidfile = environment / "worker.pid"
    worker = start("worker", "-A", "myapp", "-q", "low", "--pidfile", str(pidfile))
    eventually(lambda: db.smembers("resque:workers"))
    assert pidfile.read_text().strip() == str(worker.pid)


def test_a_log_file_takes_the_log_in_the_form_asked_for(finish, run, environment):
    run("enqueue", "Note", "1", "-q", "low")
    logfile = environment / "worker.log"
    code, output, _ = finish(
        "worker",
        "-A",
        "myapp",
        "-q",
        "low",
        "--burst",
        "-v",
        "--logfile",
        str(logfile),
        "--log-format",
        "json",
    )
    assert (code, output) == (0, "")
    lines = [json.loads(line) for line in logfile.read_text().splitlines()]
    assert [line["message"].split(":")[0] for line in lines if line["level"] == "info"][1:3] == [
        "got",
        "done",
    ]


def test_jobs_of_the_worker_follow_its_flags(finish, db, environment):
    (environment / "app_chain.py").write_text(
        "from pyresque import Resque\nresque = Resque()\n"
        "@resque.job(queue='low')\ndef first():\n    resque.enqueue_to('next', 'Second')\n"
    )
    db.rpush("shop:queue:low", '{"class":"First","args":[]}')
    code, _, errors = finish("worker", "-A", "app_chain", "-q", "low", "-n", "shop", "--burst")
    assert (code, errors) == (0, "")
    assert db.lrange("shop:queue:next", 0, -1) == [b'{"class":"Second","args":[]}']


def test_a_file_of_the_current_directory_is_not_taken_for_a_module_of_pythons(finish, environment):
    """A worker begins anew as a program of the interpreter's, which would look there first."""
    for name in ("json", "logging", "signal", "dataclasses"):
        (environment / f"{name}.py").write_text("raise SystemExit('taken')\n")
    script = Path(sys.executable).with_name("pyresque")
    done = subprocess.run(
        [script, "worker", "-A", "myapp", "-q", "low", "--burst"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
