"""docs/leaving.md as its reader follows it: each of its lines is run by a shell, and what is left is Ruby's."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest

from pyresque import Resque
from pyresque.store.keys import Keys
from tests.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis

PAGE = (ROOT / "docs" / "leaving.md").read_text(encoding="utf-8")
BACK, ON = PAGE.split("## On to another queue")

JOBS = """
from pyresque import Resque

resque = Resque()


@resque.job("Note", queue="low")
def note(number):
    with open("done.txt", "a") as done:
        print(number, file=done)
"""

#: What of redis-cli the page uses, where there is none.
STAND_IN = """
import sys
import redis
_, _, url, *words = sys.argv
client = redis.Redis.from_url(url, decode_responses=True)
if words[0] == "--scan":
    answer = list(client.scan_iter(words[2]))
else:
    answer = client.execute_command(*[word for word in words if word != "--raw"])
for line in sorted(answer) if isinstance(answer, set) else answer if isinstance(answer, list) else [answer]:
    print(line)
"""

pytestmark = pytest.mark.process


@pytest.fixture
def shell(tmp_path: Path, redis_url: str) -> Callable[[str], str]:
    """Runs a line of the page in a folder with the application; what it printed."""
    programs = tmp_path / "bin"
    programs.mkdir()
    own = {"pyresque": "-m pyresque"}
    if shutil.which("redis-cli") is None:
        (programs / "stand_in.py").write_text(STAND_IN)
        own["redis-cli"] = str(programs / "stand_in.py")
    for name, words in own.items():
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        program.chmod(0o755)
    (tmp_path / "jobs.py").write_text(JOBS)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "REDIS_URL": redis_url, "PYTHONPATH": str(ROOT)}

    def run(line: str) -> str:
        done = subprocess.run(
            ["bash", "-c", f"set -eo pipefail; {line}"],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}: {done.stderr}"
        return done.stdout

    return run


def lines(part: str) -> list[str]:
    return re.findall(r"^    ((?:pyresque |redis-cli |for \w+ in \$).*)$", part, re.MULTILINE)


def ours() -> dict[str, str]:
    """The keys that Ruby does not read, below the namespace, by the name that Keys has for them."""
    found = {}
    for name, member in vars(Keys).items():
        if name.startswith("_") or not isinstance(member, (property, FunctionType)):
            continue
        source = inspect.getsource(member.fget if isinstance(member, property) else member)
        if "Ruby does not read it" in source or ":migrate:" in source or name == "throughput":
            key = getattr(Keys(), name)
            if callable(key):
                places = inspect.signature(key).parameters
                key = key(*[b"x" if place == "payload" else "x" for place in places])
            found[name] = key.removeprefix("resque:")
    return found


def test_the_page_names_every_key_that_ruby_does_not_read() -> None:
    table = BACK[BACK.index("| key below") : BACK.index("Leave `worker:*` alone")]
    patterns = [
        re.escape(one).replace(r"\*", ".*").replace("ID", ".*")
        for row in table.splitlines()
        if row.startswith("| `")
        for one in re.findall(r"`([^`]+)`", row.split("|")[1])
    ]
    missing = {
        name: key
        for name, key in ours().items()
        if not any(re.fullmatch(one, key) for one in patterns) and not key.endswith(":owner")
    }
    assert len(ours()) >= 15
    assert missing == {}
    assert "the lock's `:owner`" in table


def test_back_to_ruby_no_job_is_lost_and_no_key_of_ours_stays(
    shell: Callable[[str], str], db: redis.Redis, redis_url: str
) -> None:
    with Resque(redis_url) as resque:
        resque.enqueue_to("low", "Note", 3)
    payloads = [json.dumps({"class": "Note", "args": [one]}).encode() for one in (1, 2)]
    db.rpush("resque:migrate:queue:low", *payloads)
    db.sadd("resque:migrate:queues", "low")
    note = db.set("resque:worker:web.1:77:note", "a Ruby worker's job")
    for key in (
        "migrate:last",
        "migrate:performed:2026-03-01:Two words",
        "throughput:2026-03-01T09",
    ):
        db.hset(f"resque:{key}", "field", "1")
    for key in ("redeliveries:low:0", "waiting:watchers:low"):
        db.set(f"resque:{key}", "1")
    asked = 'redis-cli -u "$REDIS_URL"'
    said = {line: shell(line) for line in lines(BACK)}
    assert len(said) == 10
    assert said[f"{asked} --scan --pattern 'resque:migrate:queue:*'"] == ""
    assert said[f"{asked} llen resque:failed_aside"] == "0\n"
    assert "Note" in said["pyresque migrate inventory"]
    jobs = [json.loads(raw)["args"] for raw in db.lrange("resque:queue:low", 0, -1)]
    assert jobs == [[1], [2], [3]]
    assert note
    left = {key.decode() for key in db.keys("*")}
    assert left == {"resque:queues", "resque:queue:low", "resque:worker:web.1:77:note"}


def test_on_to_another_queue_all_jobs_are_drained_or_exported(
    shell: Callable[[str], str], db: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    with Resque(redis_url) as resque:
        resque.enqueue_to("low", "Note", 1)
        resque.enqueue_at_with_queue("later", 4_000_000_000, "Note", 2)
        resque.set_schedule("tea", {"every": "5m", "class": "Note", "persist": True})
    drain, *export, schedule, delete = lines(ON)
    shell(drain)
    assert (tmp_path / "done.txt").read_text() == "1\n"
    failed = json.dumps({"payload": {"class": "Note", "args": [4]}, "exception": "OSError"})
    db.rpush("resque:failed", failed)
    with Resque(redis_url) as resque:
        resque.enqueue_to("low", "Note", 3, "ü")
        resque.enqueue_to("mailers", "WelcomeMailer", 7)
    for line in [*export, schedule]:
        shell(line)
    assert (tmp_path / "delayed.txt").read_text().splitlines() == [
        '4000000000 {"class":"Note","args":[2],"queue":"later"}'
    ]
    assert (tmp_path / "failed.jsonl").read_text() == f"{failed}\n"
    assert "tea" in (tmp_path / "schedule.json").read_text()
    names: dict[str, Any] = {}
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(block, names)
    sent: list[tuple[str, list[Any]]] = []
    for queue in ("low", "mailers"):
        names["import_jobs"](tmp_path / f"{queue}.jsonl", lambda *job: sent.append(job))
    assert sent == [("Note", [3, "ü"]), ("WelcomeMailer", [7])]
    shell(delete)
    assert db.keys("*") == []
