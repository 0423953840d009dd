"""The fork server that is made before the process is a worker: when, and that no job can notice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from pyresque.process.start.startup import fork_early
from tests.support.eventually import eventually
from tests.support.processes import command_line

if TYPE_CHECKING:
    import redis

ROOT = Path(__file__).parents[2]

APP = """
import os, sys
from pyresque import Resque
resque = Resque()
prepared = []

if "HOOK" in os.environ:
    getattr(resque, os.environ["HOOK"])(lambda *job: prepared.append(os.environ["HOOK"]))

if "MIDDLEWARE" in os.environ:
    @resque.middleware
    def around(call_next, job):
        prepared.append("middleware")
        return call_next(job)

@resque.job("Note", queue="low")
def note(*args):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(f"{prepared} {'pyresque.core' in sys.modules} {os.getppid()}\\n")

@resque.job("Environ", queue="low")
def environ():
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(str(os.environ.get("LD_BIND_NOW")) + chr(10))

@resque.job("Enqueue", queue="low")
def enqueue():
    resque.enqueue("Note", "from a child")

@resque.job("Later", queue="low")
async def later():
    note()

@resque.job("Given", queue="low")
def given():
    return later()

@resque.job("Fail", queue="low")
def fail(word):
    inner(word)

def inner(word):
    raise KeyError(word)

class Hooked:
    @staticmethod
    def before_perform_it(*args):
        prepared.append("before")

    perform = staticmethod(note)

if "HOOKED" in os.environ:
    resque.job("Hooked", queue="low")(Hooked)
"""


@pytest.fixture
def work(db: redis.Redis, redis_url: str, tmp_path: Path):
    (tmp_path / "sown_app.py").write_text(APP)

    def run(*jobs: str, **environ: str) -> list[str]:
        payloads = [json.dumps({"class": job, "args": []}) for job in jobs]
        db.sadd("resque:queues", "low")
        db.rpush("resque:queue:low", *payloads)
        done = subprocess.run(
            [*(sys.executable, "-m", "pyresque.cli", "worker"), *("-A", "sown_app", "--burst")],
            env={
                **os.environ,
                "QUEUE": "low",
                "REDIS_URL": redis_url,
                "NOTES": str(tmp_path / "notes"),
                "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
                **environ,
            },
            check=False,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert db.llen("resque:failed") == 0, db.lindex("resque:failed", 0)
        return (tmp_path / "notes").read_text().splitlines()

    return run


def test_a_plain_jobs_child_has_the_application_and_no_more(work) -> None:
    first, second = work("Note", "Note")
    assert first == second
    assert first.startswith("[] False ")


@pytest.mark.parametrize("given", [None, "1"])
def test_what_the_linker_was_asked_is_not_in_the_environment_of_what_jobs_start(
    work, given: str | None
) -> None:
    assert work("Environ", **({} if given is None else {"LD_BIND_NOW": given})) == [str(given)]


@pytest.mark.parametrize("job", ["Note", "Enqueue", "Later", "Given", "Hooked"])
def test_every_kind_of_job_is_performed(work, job: str) -> None:
    environ = {"HOOKED": "1"} if job == "Hooked" else {}
    found = work(job, "Note", **environ)
    assert len(found) == 2
    assert sum("before" in line for line in found) == (job == "Hooked")


@pytest.mark.parametrize("hook", ["before_first_fork", "before_fork", "after_fork"])
def test_hooks_prepare_what_children_find(work, hook: str) -> None:
    assert [line.partition("]")[0] for line in work("Note", HOOK=hook)] == [f"['{hook}'"]


def test_middleware_is_around_every_job(work) -> None:
    assert work("Note", MIDDLEWARE="1")[0].startswith("['middleware'] True ")


@pytest.mark.parametrize(
    ("hook", "settings"),
    [
        ("before_first_fork", {}),
        ("before_fork", {}),
        (None, {"background": True}),
        (None, {"executor": "inline"}),
    ],
)
def test_it_is_not_made_where_somebody_could_notice(hook, settings) -> None:
    resque = Resque("redis://nowhere:1/0", **settings)
    resque.job("X", queue="low")(print)
    if hook is not None:
        getattr(resque, hook)(lambda *_: None)
    assert fork_early(resque) is None


@pytest.mark.parametrize("executor", ["fork", "inline"])
def test_an_error_is_recorded_with_the_jobs_own_frames(
    db: redis.Redis, redis_url: str, tmp_path: Path, executor: str
) -> None:
    app = tmp_path / "sown_app.py"
    app.write_text(APP)
    for word in ("one", "two"):
        db.rpush("resque:queue:low", json.dumps({"class": "Fail", "args": [word]}))
    subprocess.run(
        [
            *(sys.executable, "-m", "pyresque.cli", "worker", "-A", "sown_app", "-q", "low"),
            *("--burst", "--executor", executor),
        ],
        env={
            **os.environ,
            "REDIS_URL": redis_url,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        },
        check=True,
        capture_output=True,
    )
    records = [json.loads(record) for record in db.lrange("resque:failed", 0, -1)]
    lines = APP.splitlines()
    raising = lines.index("    raise KeyError(word)") + 1
    calling = lines.index("    inner(word)") + 1
    for record, word in zip(records, ("one", "two"), strict=True):
        assert (record["exception"], record["error"]) == ("KeyError", repr(word))
        assert record["backtrace"] == [f"{app}:{raising}:in `inner'", f"{app}:{calling}:in `fail'"]


def test_one_that_nothing_came_of_is_ended() -> None:
    resque = Resque("redis://nowhere:1/0")
    resque.job("X", queue="low")(print)
    seed = fork_early(resque)
    assert Path(f"/proc/{seed.pid}").exists()
    seed.close()
    seed.close()
    assert not Path(f"/proc/{seed.pid}").exists()


def test_a_worker_that_cannot_begin_leaves_no_server_behind(tmp_path: Path, redis_url: str) -> None:
    (tmp_path / "sown_app.py").write_text(APP)
    done = subprocess.run(
        [*(sys.executable, "-m", "pyresque.cli", "worker"), *("-A", "sown_app", "-q", "low")],
        env={
            **os.environ,
            "REDIS_URL": redis_url.replace("redis://", "redis://:wrong@"),
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert "refused the log-in" in done.stderr


def test_it_ends_with_its_worker(db: redis.Redis, redis_url: str, tmp_path: Path) -> None:
    (tmp_path / "sown_app.py").write_text(APP)
    worker = subprocess.Popen(
        [*(sys.executable, "-m", "pyresque.cli", "worker"), *("-A", "sown_app", "-q", "low")],
        env={
            **os.environ,
            "REDIS_URL": redis_url,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        },
    )
    children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children")
    eventually(lambda: db.scard("resque:workers") == 1)
    (server,) = children.read_text().split()
    assert f"forks for {worker.pid}" in command_line(int(server))
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    eventually(lambda: not Path(f"/proc/{server}").exists())
