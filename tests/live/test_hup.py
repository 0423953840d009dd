"""HUP: a terminal that was closed lets the job end; any other HUP stops nobody, and a log file that was moved away is followed."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

EXECUTORS = pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])
APP = ["-A", "tests.live.forking_app"]


def line(*words: str) -> list[str]:
    return [sys.executable, "-m", "pyresque.cli", *words]


def environment(url: str) -> dict[str, str]:
    return {**os.environ, "REDIS_URL": url, "PYTHONPATH": str(ROOT)}


def push(db: redis.Redis, name: str, *args: object) -> None:
    db.rpush("resque:queue:low", json.dumps({"class": name, "args": args}))


def notes(db: redis.Redis) -> list[bytes]:
    return db.lrange("notes", 0, -1)


class InTerminal:
    """A process that was started in a terminal; closing that sends HUP to it and to its children."""

    def __init__(self, words: list[str], env: dict[str, str]) -> None:
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execve(words[0], words, env)
        self._closing = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.status: int | None = None

    def _read(self) -> None:
        """Show what is written, to nobody; no read must be under way when it is closed."""
        with suppress(OSError):
            while not self._closing.is_set():
                if select.select([self.terminal], [], [], 0.02)[0]:
                    os.read(self.terminal, 4096)

    def hang_up(self) -> None:
        self._closing.set()
        self._reader.join()
        os.close(self.terminal)

    def ended(self) -> int:
        def look() -> int | None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return os.waitstatus_to_exitcode(status) if pid else None

        self.status = eventually(look, lambda status: status is not None)
        return self.status

    def close(self) -> None:
        with suppress(OSError):
            self.hang_up()
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


@contextmanager
def in_terminal(url: str, *words: str, nohup: bool = False) -> Iterator[InTerminal]:
    command = line(*words)
    if nohup:
        command = ["/bin/sh", "-c", 'trap "" HUP; exec "$@"', "sh", *command]
    started = InTerminal(command, environment(url))
    try:
        yield started
    finally:
        started.close()


@EXECUTORS
@pytest.mark.parametrize("count", ["1", "2"])
def test_a_worker_whose_terminal_is_closed_finishes_its_job_and_leaves(
    db: redis.Redis, redis_url: str, executor: str, count: str
):
    push(db, "Held", 1)
    with in_terminal(
        redis_url, "worker", *APP, "-q", "low", "--executor", executor, "-c", count
    ) as worker:
        eventually(lambda: notes(db) == [b"holding 1"])
        worker.hang_up()
        db.rpush("release", 1)
        assert worker.ended() == 0
    assert notes(db) == [b"holding 1", b"held 1"]
    assert db.llen("resque:failed") == 0
    assert db.keys("resque:worker*") == []


def test_a_scheduler_whose_terminal_is_closed_releases_its_lock(db: redis.Redis, redis_url: str):
    with in_terminal(redis_url, "scheduler") as scheduler:
        eventually(lambda: db.keys("resque:*master_lock*"))
        scheduler.hang_up()
        assert scheduler.ended() == 0
    assert db.keys("resque:*master_lock*") == []


def test_a_worker_under_nohup_goes_on_without_its_terminal(db: redis.Redis, redis_url: str):
    push(db, "Held", 1)
    with in_terminal(redis_url, "worker", *APP, "-q", "low", nohup=True) as worker:
        eventually(lambda: notes(db) == [b"holding 1"])
        worker.hang_up()
        db.rpush("release", 1)
        push(db, "Note", 2)
        eventually(lambda: notes(db) == [b"holding 1", b"held 1", b"2"])
        os.kill(worker.pid, signal.SIGQUIT)
        assert worker.ended() == 0


@EXECUTORS
def test_a_log_file_that_is_moved_away_is_opened_anew_and_hup_stops_nobody(
    db: redis.Redis, redis_url: str, tmp_path: Path, executor: str
):
    log, old = tmp_path / "worker.log", tmp_path / "worker.log.1"
    words = ["worker", *APP, "-q", "low", "-v", "--executor", executor, "--logfile", str(log)]
    push(db, "Note", 1)
    with subprocess.Popen(line(*words), env=environment(redis_url)) as worker:
        try:
            eventually(lambda: log.exists() and "done: (Job{low} | Note | [1])" in log.read_text())
            log.rename(old)
            worker.send_signal(signal.SIGHUP)
            push(db, "Note", 2)
            eventually(lambda: log.exists() and "done: (Job{low} | Note | [2])" in log.read_text())
            worker.send_signal(signal.SIGQUIT)
            assert worker.wait(60) == 0
        finally:
            worker.kill()
    assert "[2]" not in old.read_text()
    assert notes(db) == [b"1", b"2"]
    assert db.keys("resque:worker*") == []


def test_a_pool_opens_its_files_anew_by_hup(db: redis.Redis, redis_url: str, tmp_path: Path):
    (tmp_path / "pool.yml").write_text("low: 1\n")
    out, old = tmp_path / "out.log", tmp_path / "out.log.1"
    words = ["pool", *APP, "-v", "-f", str(tmp_path / "pool.yml"), "--stdout", str(out)]
    with subprocess.Popen(line(*words), env=environment(redis_url)) as master:
        try:
            push(db, "Note", 1)
            # A job that has not begun when its worker is asked to leave goes back into its queue.
            eventually(
                lambda: (
                    "done: (Job{low} | Note | [1])" in out.read_text() if out.exists() else False
                )
            )
            out.rename(old)
            master.send_signal(signal.SIGHUP)
            eventually(out.exists)
            push(db, "Note", 2)
            eventually(lambda: notes(db) == [b"1", b"2"])
            master.send_signal(signal.SIGQUIT)
            assert master.wait(60) == 0
        finally:
            master.kill()
    assert db.keys("resque:worker*") == []
