"""The first process of a container (pid 1), from which the system keeps every signal that it has no handler for."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT
from tests.support.eventually import TIMEOUT, eventually
from tests.support.live_worker import next_report
from tests.support.processes import children_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

UNSHARE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


def possible() -> bool:
    """Whether this user may make a world of processes of its own."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(
    not possible(), reason="no pid namespaces here: not Linux, or not root"
)

SLOW_TO_LOAD = """
import os, time
from pathlib import Path
from pyresque import Resque
resque = Resque()
resque.job("Slow", queue="low")(print)
Path(os.environ["LOADING"]).touch()
try:
    time.sleep(60)
except BaseException:
    time.sleep(60)  # as an import that catches everything
"""


class Container:
    """A command as the first process of a world of its own; signals go to that process."""

    def __init__(self, url: str, folder: Path, *args: str, **env: str) -> None:
        self.outer = subprocess.Popen(
            [*UNSHARE, sys.executable, "-m", "pyresque.cli", *args],
            env={
                **os.environ,
                "REDIS_URL": url,
                "REPORT_URL": url,
                "INTERVAL": "0.1",
                "PYTHONPATH": f"{folder}:{ROOT}",
                **env,
            },
            cwd=ROOT,
        )

    def signal(self, number: int) -> None:
        """To the first process, as ``docker stop`` sends it; ``unshare`` waits for it and takes no notice."""
        (first,) = eventually(lambda: children_of(self.outer.pid))
        os.kill(first, number)

    def ended(self) -> int:
        return self.outer.wait(TIMEOUT)

    def close(self) -> None:
        if self.outer.poll() is None:
            self.outer.kill()
        self.outer.wait(TIMEOUT)


@contextmanager
def container(url: str, folder: Path, *args: str, **env: str) -> Iterator[Container]:
    made = Container(url, folder, *args, **env)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
@pytest.mark.parametrize("command", [("worker",), ("worker", "-c", "2"), ("pool",)], ids=str)
def test_a_signal_that_comes_while_the_application_is_imported_ends_it(
    db: redis.Redis, redis_url: str, tmp_path: Path, command: tuple[str, ...], number: int
) -> None:
    (tmp_path / "slow_to_load.py").write_text(SLOW_TO_LOAD)
    (tmp_path / "pool.yml").write_text("low: 1\n")
    loading = tmp_path / "loading"
    env = {
        "PYRESQUE_APP": "slow_to_load",
        "LOADING": str(loading),
        "RESQUE_POOL_CONFIG": str(tmp_path / "pool.yml"),
        "QUEUE": "low",
    }
    with container(redis_url, tmp_path, *command, **env) as made:
        eventually(loading.exists)
        made.signal(number)
        assert made.ended() == 0
    assert db.keys("*") == []


@pytest.mark.parametrize(
    ("number", "env", "ends_with"),
    [
        (signal.SIGQUIT, {}, ["held", 1]),
        (signal.SIGTERM, {"GRACEFUL_TERM": "1"}, ["held", 1]),
        (signal.SIGTERM, {"TERM_CHILD": "1"}, ["terminated", 1]),
    ],
    ids=["QUIT", "graceful TERM", "TERM with TERM_CHILD"],
)
def test_a_worker_alone_in_its_container_hears_signals_as_any_other(
    db: redis.Redis,
    redis_url: str,
    tmp_path: Path,
    number: int,
    env: dict[str, str],
    ends_with: list[object],
) -> None:
    app = {"PYRESQUE_APP": "tests.live.app:resque", "QUEUE": "low"}
    db.rpush("resque:queue:low", b'{"class":"Hold","args":[1]}')
    with container(redis_url, tmp_path, "worker", **app, **env) as made:
        assert next_report(db) == ["holding", 1]
        (worker_id,) = db.smembers("resque:workers")
        assert worker_id.split(b":")[1] == b"1"
        made.signal(number)
        if ends_with[0] == "held":
            eventually(lambda: db.hexists("resque:workers:heartbeat", worker_id))
            db.rpush("live:release", 1)
        assert next_report(db) == ends_with
        assert made.ended() == 0
    assert db.smembers("resque:workers") == set()


def test_a_container_that_was_killed_is_pruned_by_the_next_one_of_its_name(
    db: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    """Both are ``host:1:low``: what the first was performing must not be taken for the second one's."""
    app = {"PYRESQUE_APP": "tests.live.app:resque", "QUEUE": "low"}
    db.rpush("resque:queue:low", b'{"class":"Hold","args":[1]}')
    with container(redis_url, tmp_path, "worker", **app) as first:
        assert next_report(db) == ["holding", 1]
        first.signal(signal.SIGKILL)
        first.ended()
    with container(redis_url, tmp_path, "worker", **app):
        eventually(lambda: db.llen("resque:failed") == 1)
        db.rpush("resque:queue:low", b'{"class":"Note","args":[2]}')
        assert next_report(db) == ["note", 2]
    assert db.llen("resque:failed") == 1
