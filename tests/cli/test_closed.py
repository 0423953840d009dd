"""The command line where standard output is closed or full, the current directory is gone, or a disk has no room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import redis

ROOT = Path(__file__).parents[2]
APP = "tests.live.forking_app"
NO_ROOM = "No space left on device"


def sh(url: str, line: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a line of the shell, in which pyresque is called."""
    command = f'pyresque() {{ "{sys.executable}" -m pyresque.cli "$@"; }}; {line}'
    return subprocess.run(
        ["sh", "-c", command],
        env={**os.environ, "REDIS_URL": url, "PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])
@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-", "> /dev/full 2>&1"])
def test_a_worker_works_without_standard_output_and_error(
    db: redis.Redis, redis_url: str, executor: str, closed: str
):
    job = "Note" if "full" in closed else "Print"  # a job's own print may fail on a full disk
    for number in range(5):
        db.rpush("resque:queue:low", json.dumps({"class": job, "args": [number]}))
    flags = f"-q low --burst -v --executor {executor}"
    done = sh(redis_url, f"pyresque worker -A {APP} {flags} {closed}")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert db.get("resque:stat:processed") == b"5"
    assert sorted(db.lrange("notes", 0, -1)) == [b"%d" % number for number in range(5)]
    assert db.llen("resque:failed") == 0


@pytest.mark.parametrize(
    ("flag", "where"), [("-l /dev/full", "/dev/full"), ("> /dev/full", "standard output")]
)
def test_a_worker_whose_log_has_no_room_says_so_once_and_goes_on(
    db: redis.Redis, redis_url: str, flag: str, where: str
):
    for number in range(5):
        db.rpush("resque:queue:low", json.dumps({"class": "Note", "args": [number]}))
    done = sh(redis_url, f"pyresque worker -A {APP} -q low --burst -v {flag}")
    assert done.returncode == 0
    assert done.stderr == (
        f"pyresque: the log cannot be written to {where}: {NO_ROOM}; the process goes on\n"
    )
    assert db.get("resque:stat:processed") == b"5"


@pytest.mark.parametrize(
    "command", ["info", "info --json", "queues", "workers --json", "failed", "--help", "--version"]
)
def test_a_command_whose_output_has_no_room_says_so_in_one_line(redis_url: str, command: str):
    done = sh(redis_url, f"pyresque {command} > /dev/full")
    assert done.returncode == 1
    assert done.stderr == f"pyresque: standard output cannot be written: {NO_ROOM}\n"


def test_a_command_without_standard_output_is_done(redis_url: str):
    assert sh(redis_url, "pyresque info >&-").returncode == 0


@pytest.mark.parametrize("command", ["worker -q low --burst", "scheduler"])
def test_a_pid_file_that_has_no_room_is_named(redis_url: str, command: str):
    done = sh(redis_url, f"pyresque {command} -A {APP} --pidfile /dev/full")
    assert done.returncode == 1
    assert done.stderr == (
        f"pyresque: [Errno 28] the pid file cannot be written: {NO_ROOM}: '/dev/full'\n"
    )


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (f"worker -A {APP} -q low --burst", 0, ""),
        ("worker -A nowhere_at_all -q low", 2, "in the current directory, which is no more,"),
        (f"pool -A {APP}", 2, "there is no resque-pool.yml"),
        (f"enqueue -A {APP} Note 1", 0, ""),
        ("info", 0, ""),
    ],
)
def test_a_current_directory_that_is_gone_is_no_traceback(
    redis_url: str, tmp_path: Path, command: str, code: int, message: str
):
    line = f"mkdir {tmp_path}/gone && cd {tmp_path}/gone && rmdir {tmp_path}/gone"
    done = sh(redis_url, f"{line} && pyresque {command}")
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 1
