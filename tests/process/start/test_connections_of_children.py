"""``resque.redis`` in children: each opens a connection of its own, and after the first one the fork server has rehearsed that."""

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

ROOT = Path(__file__).parents[3]

APP = """
import os, sys
from pyresque import Resque
resque = Resque()
if "AT_IMPORT" in os.environ:
    resque.redis.ping()
if "HOOK" in os.environ:
    getattr(resque, os.environ["HOOK"])(lambda *job: resque.redis.ping())

def connection():
    return resque.redis.execute_command("CLIENT", "ID")

@resque.job("Count", queue="low")
def count(by):
    known = "pyresque.driver.open_socket" in sys.modules
    number = resque.redis.incr("count", by)
    ids = [connection() for _ in range(2)]
    assert ids[0] == ids[1]
    pid = os.fork()
    if pid == 0:
        os._exit(connection() == ids[0])
    assert os.waitpid(pid, 0)[1] == 0
    assert connection() == ids[0]
    resque.redis.rpush("seen", f"{known} {ids[0]} {os.getpid()} {number}")

@resque.job("Enqueue", queue="low")
def enqueue(by):
    resque.enqueue("Count", by)
"""


@pytest.fixture
def work(db: redis.Redis, redis_url: str, tmp_path: Path):
    (tmp_path / "connecting_app.py").write_text(APP)

    def run(*jobs: str, flags: tuple[str, ...] = (), **environ: str) -> list[list[bytes]]:
        db.rpush("resque:queue:low", *(json.dumps({"class": job, "args": [1]}) for job in jobs))
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pyresque.cli", "worker", "-A", "connecting_app"),
                *("-q", "low", "--burst", *flags),
            ],
            env={
                **os.environ,
                "REDIS_URL": redis_url,
                "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
                **environ,
            },
            check=False,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert db.llen("resque:failed") == 0, db.lindex("resque:failed", 0)
        return [line.split() for line in db.lrange("resque:seen", 0, -1)]

    return run


@pytest.mark.parametrize("ahead", ["auto", "always", "never"])
@pytest.mark.parametrize(
    "environ",
    [{}, {"AT_IMPORT": "1"}, {"HOOK": "before_first_fork"}, {"HOOK": "before_fork"}],
    ids=lambda environ: "-".join(environ.values()) or "plain",
)
def test_each_child_has_a_connection_of_its_own(
    work, db: redis.Redis, environ: dict[str, str], ahead: str
) -> None:
    seen = work(*["Count"] * 12, flags=("--fork-ahead", ahead), **environ)
    assert len({connection for _, connection, _, _ in seen}) == 12
    assert len({pid for _, _, pid, _ in seen}) == 12
    assert [int(number) for *_, number in seen] == [*range(1, 13)]
    assert db.get("resque:stat:processed") == b"12"


@pytest.mark.parametrize("environ", [{}, {"AT_IMPORT": "1"}, {"HOOK": "before_first_fork"}])
def test_the_fork_server_rehearses_what_its_first_child_did(work, environ: dict[str, str]) -> None:
    known = [line[0] for line in work(*["Count"] * 6, flags=("--fork-ahead", "never"), **environ)]
    assert known == [b"False", *[b"True"] * 5]


def test_a_child_that_enqueues_has_it_rehearsed_too(work, db: redis.Redis) -> None:
    seen = work("Enqueue", "Enqueue", flags=("--fork-ahead", "never"))
    assert [line[0] for line in seen] == [b"True"] * 2
    assert db.get("resque:stat:processed") == b"4"


def test_a_child_that_serves_several_jobs_keeps_its_connection(work) -> None:
    seen = work(*["Count"] * 9, flags=("--jobs-per-child", "4"))
    assert {len({c for _, c, p, _ in seen if p == pid}) for _, _, pid, _ in seen} == {1}
