"""Warm-up functions of real workers: where they run, with every kind of job and executor, and what the log says of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyresque.executor.fork.warm_up import ROUNDS

if TYPE_CHECKING:
    import redis

ROOT = Path(__file__).parents[3]

APP = """
import asyncio, os, signal, threading, time
from pyresque import Resque, AsyncResque, plugins
resque = globals()[os.environ.get("FACE", "Resque")]()
calls = []
begun = []

def note(*words):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(f"{' '.join(map(str, words))}\\n")

@resque.warm_up
def warm():
    calls.append(os.getpid())

@resque.warm_up(in_child=True)
def begin():
    begun.append(os.getpid())
    if "FAULT" in os.environ:
        raise OSError("refused")

@resque.warm_up
def extra():
    what = os.environ.get("EXTRA")
    if what == "raise":
        raise ValueError("no database")
    if what == "exit":
        os._exit(3)
    if what == "stop" and not os.environ.get("STOPPED"):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        time.sleep(600)

if "HOOK" in os.environ:
    getattr(resque, os.environ["HOOK"])(lambda *job: None)

def perform(*args):
    here = calls.count(os.getppid()), calls.count(os.getpid())
    note(len(calls), *here, begun == [os.getpid()], os.getpid())

resque.job("Plain", queue="low")(perform)
resque.job("Limited", queue="low", timeout=60)(perform)
resque.job("Locked", queue="low", plugins=[plugins.Loner()])(perform)
resque.active_job("OfRails", queue="low")(perform)

@resque.job("Awaits", queue="low")
async def awaits():
    await asyncio.sleep(0)
    perform()

class Hooked:
    @staticmethod
    def after_perform_it(*args):
        pass
    perform = staticmethod(perform)

resque.job("Hooked", queue="low")(Hooked)
"""

OF_RAILS = {
    "class": "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper",
    "args": [
        {
            "job_class": "OfRails",
            "job_id": "b8a1",
            "queue_name": "low",
            "arguments": [],
            "executions": 0,
        }
    ],
}


@pytest.fixture
def work(db: redis.Redis, redis_url: str, tmp_path: Path):
    (tmp_path / "warm_app.py").write_text(APP)
    notes = tmp_path / "notes"

    def run(*jobs: str, flags: tuple[str, ...] = (), **environ: str) -> tuple[list[list[str]], str]:
        payloads = [
            OF_RAILS if job == "OfRails" else {"class": job, "args": [number]}
            for number, job in enumerate(jobs)
        ]
        for payload in payloads:
            if payload["class"] == "Awaits":
                payload["args"] = []
        db.rpush("resque:queue:low", *map(json.dumps, payloads))
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pyresque.cli", "worker", "-A", "warm_app", "-q", "low"),
                *("--burst", *flags),
            ],
            env={
                **os.environ,
                "REDIS_URL": redis_url,
                "NOTES": str(notes),
                "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
                **environ,
            },
            check=False,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert db.llen("resque:failed") == 0, db.lindex("resque:failed", 0)
        found = [line.split() for line in notes.read_text().splitlines()]
        assert len(found) == len(jobs)
        return found, done.stdout

    return run


KINDS = ("Plain", "Limited", "Locked", "OfRails", "Awaits", "Hooked")


@pytest.mark.parametrize("face", ["Resque", "AsyncResque"])
def test_children_of_every_kind_of_job_find_done_what_the_fork_server_did(work, face: str) -> None:
    found, log = work(*KINDS, FACE=face)
    assert [line[:4] for line in found] == [[str(ROUNDS), str(ROUNDS), "0", "True"]] * len(KINDS)
    assert "warm_up" not in log


@pytest.mark.parametrize("ahead", ["auto", "always", "never"])
def test_each_child_begins_with_its_own_function_also_on_the_fast_path(work, ahead: str) -> None:
    found, _ = work(*["Plain"] * 12, flags=("--fork-ahead", ahead))
    assert [line[:4] for line in found] == [[str(ROUNDS), str(ROUNDS), "0", "True"]] * 12
    assert len({line[4] for line in found}) == 12


def test_a_child_that_serves_several_jobs_begins_once(work) -> None:
    found, _ = work(*["Plain"] * 6, flags=("--jobs-per-child", "3"))
    assert [line[3] for line in found] == ["True"] * 6
    assert len({line[4] for line in found}) == 2


@pytest.mark.parametrize(
    ("hook", "in_server"), [("before_first_fork", True), ("before_fork", False)]
)
def test_the_process_that_forks_calls_them_whichever_it_is(
    work, hook: str, in_server: bool
) -> None:
    found, _ = work("Plain", "Hooked", "Plain", HOOK=hook)
    assert [line[:4] for line in found] == [[str(ROUNDS), str(ROUNDS), "0", "True"]] * 3


def test_each_worker_of_a_pool_calls_them(work) -> None:
    found, _ = work(*["Plain"] * 6, flags=("-c", "2"))
    assert [line[:4] for line in found] == [[str(ROUNDS), str(ROUNDS), "0", "True"]] * 6


@pytest.mark.parametrize("executor", ["inline", "thread", "async"])
def test_where_nothing_is_forked_none_is_called(work, executor: str) -> None:
    found, log = work("Plain", "Awaits", flags=("--executor", executor))
    assert [line[:4] for line in found] == [["0", "0", "0", "False"]] * 2
    assert "warm_up" not in log


def test_one_that_raises_is_logged_once_with_its_name_and_stops_nothing(work) -> None:
    found, log = work(*["Plain"] * 3, EXTRA="raise")
    assert [line[0] for line in found] == [str(ROUNDS)] * 3
    lines = [line for line in log.splitlines() if "warm_up" in line]
    assert len(lines) == 1
    assert lines[0].endswith("@resque.warm_up: warm_app.extra raised ValueError: no database")


def test_a_child_whose_function_raises_performs_its_job_and_the_log_says_so_once(work) -> None:
    found, log = work(*["Plain"] * 12, FAULT="1")
    assert [line[3] for line in found] == ["True"] * 12
    lines = [line for line in log.splitlines() if "warm_up" in line]
    assert len(lines) == 1
    assert "@resque.warm_up(in_child=True): warm_app.begin raised OSError: refused" in lines[0]


def test_one_that_ends_its_process_is_not_called_by_the_next_one(work) -> None:
    found, log = work("Plain", "Plain", EXTRA="exit")
    assert [line[0] for line in found] == ["0", "0"]
    assert "the functions of @resque.warm_up have ended the fork server" in log


@pytest.mark.parametrize("ahead", ["auto", "always"])
def test_a_child_that_dies_in_its_function_loses_no_job_and_the_log_says_so(
    db: redis.Redis, redis_url: str, tmp_path: Path, ahead: str
) -> None:
    (tmp_path / "dying_app.py").write_text(DYING_APP)
    died = tmp_path / "died"
    db.rpush("resque:queue:low", *[json.dumps({"class": "Plain", "args": []})] * 6)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pyresque.cli", "worker", "-A", "dying_app", "-q", "low"),
            *("--burst", "--fork-ahead", ahead),
        ],
        env={
            **os.environ,
            "REDIS_URL": redis_url,
            "DIED": str(died),
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        },
        check=True,
        capture_output=True,
        text=True,
    )
    # A child that is forked ahead dies before or after it is given a job.
    (line,) = [line for line in done.stdout.splitlines() if "child ended before" in line]
    when, cause = line.split(": ", 1)
    assert when.endswith(
        ("its child ended before the job began", "a child ended before it had a job")
    )
    assert cause.startswith("Child process exited with status 7")
    assert died.exists()
    assert (db.get("resque:stat:processed"), db.llen("resque:failed")) == (b"6", 0)


DYING_APP = """
import os, pathlib
from pyresque import Resque
resque = Resque()
died = pathlib.Path(os.environ["DIED"])

@resque.warm_up(in_child=True)
def begin():
    if resque.redis.incr("begun") == 4 and not died.exists():
        died.touch()
        os._exit(7)

@resque.job("Plain", queue="low")
def plain():
    pass
"""
