"""The pages of docs/migrate.md as their reader follows them: the files are written, the commands run one after the other, in a folder of their own."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import click
import pytest

from pyresque import Resque
from pyresque.cli.main import cli
from pyresque.migrate import shadow_compare
from pyresque.migrate.schedule_findings import KINDS
from tests.support import ROOT
from tests.support.eventually import eventually
from tests.support.pages import Step, steps_of, text_of

if TYPE_CHECKING:
    from pathlib import Path

PAGE = text_of(
    "migrate.md", "migrate-run.md", "migrate-switch.md", "migrate-finish.md", "migrate-back.md"
)

#: What the shop's Ruby side wrote: 50 thumbnails, 50 of StockSync, 75 receipts, 25 reports.
RECORDED = (ROOT / "examples" / "gradual_migration" / "from_ruby.jsonl").read_text().splitlines()
THUMBNAILS = 50

#: The module of the shop that the page's handlers call.
SHOP = """
def note(*what):
    with open("done.txt", "a") as done:
        print(*what, file=done)

def thumbnail(image, size):
    note("thumbnail", image, size)

def sync(article):
    note("sync", article)

def mail_receipt(order, gross):
    note("receipt", order, gross)
"""

#: What its commands begin with.
PROGRAMS = "pyresque|python|rm"

#: Commands that keep running, and those whose exit code is another one than 0, by their beginnings.
KEEP_RUNNING = ("worker ", "migrate move -A", "scheduler ")
CODES = {
    "migrate coverage -A jobs.app:resque": 1,  # Reports::Daily has no handler
    "migrate shadow Thumbnails::Make -A jobs.app:resque --watch": 1,  # Ruby performs nothing here
}


def fill(db):
    for line in map(json.loads, RECORDED[:200]):
        db.sadd("resque:queues", line["queue"])
        db.rpush(f"resque:queue:{line['queue']}", line["payload"])
        for key, value in line.get("locks", {}).items():
            db.set(f"resque:{key}", value)


def failed(exception, error, number):
    """A failed record of a thumbnail."""
    payload = {"class": "Thumbnails::Make", "args": [number]}
    told = {"exception": exception, "error": error, "backtrace": [], "worker": "w:1:default"}
    record = {"failed_at": "2026/03/01 12:00:00 UTC", "payload": payload, **told}
    return json.dumps({**record, "queue": "default"})


class Reader:
    """Follows the page."""

    def __init__(self, folder: Path, url: str, db, resque) -> None:
        self.folder = folder
        self.db = db
        self.resque = resque
        path = os.pathsep.join((str(ROOT), str(folder)))
        self.env = {**os.environ, "REDIS_URL": url, "PYTHONPATH": path}
        self.running: list[subprocess.Popen[bytes]] = []
        self.said: dict[str, str] = {}

    def follow(self, step: Step) -> None:
        if step.file:
            path = self.folder / step.file
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(step.text)
            return
        words = step.text.partition("  #")[0].replace("60s", "0.2s")
        program, _, rest = words.partition(" ")
        self.prepare(rest)
        command = {
            "pyresque": f"{shlex.quote(sys.executable)} -m pyresque {rest}",
            "python": f"{shlex.quote(sys.executable)} {rest} -p no:cacheprovider",
        }.get(program, words)
        if rest.startswith(KEEP_RUNNING):
            started = subprocess.Popen(shlex.split(command), cwd=self.folder, env=self.env)
            self.running.append(started)
            self.await_start(rest)
            return
        done = subprocess.run(
            command, shell=True, cwd=self.folder, env=self.env, capture_output=True, check=False
        )
        output = (done.stdout + done.stderr).decode()
        code = next((CODES[begin] for begin in CODES if f"{rest} ".startswith(f"{begin} ")), 0)
        assert done.returncode == (0 if "--min" in rest else code), f"{words}: {output}"
        self.said[words] = output
        self.wait_for_effect(rest)

    def prepare(self, words: str) -> None:
        """See to it that there is something to do for a command."""
        if words.startswith("failed retry"):
            self.db.rpush("resque:failed", failed("ValueError", "no", 1001))
        elif words == "migrate rescue --dry-run":
            error = "uninitialized constant Thumbnails::Make"
            self.db.rpush("resque:failed", failed("NameError", error, 1002))
        elif words.startswith("migrate move --back --all"):
            self.stop()

    def await_start(self, words: str) -> None:
        if words.startswith("worker "):
            eventually(lambda: self.db.scard("resque:workers"))
        if words.startswith("scheduler "):
            eventually(lambda: self.db.exists("resque:resque:resque_scheduler_master_lock"))

    def wait_for_effect(self, words: str) -> None:
        if words == "migrate route set Thumbnails::Make python":
            eventually(lambda: len(self.done()) >= THUMBNAILS + 1)
        elif words == "migrate rescue --yes":
            eventually(lambda: len(self.done()) >= THUMBNAILS + 2)

    def done(self) -> list[str]:
        path = self.folder / "done.txt"
        return path.read_text().splitlines() if path.exists() else []

    def stop(self) -> None:
        while self.running:
            process = self.running.pop()
            process.terminate()
            process.wait(60)


@pytest.fixture
def reader(tmp_path, redis_url, db):
    (tmp_path / "config").mkdir()
    entry = "tea: {cron: '0 9 * * *', class: Thumbnails::Make, queue: default}\n"
    (tmp_path / "config" / "resque_schedule.yml").write_text(entry)
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    fill(db)
    with Resque(redis_url) as resque:
        made = Reader(tmp_path, redis_url, db, resque)
        try:
            yield made
        finally:
            made.stop()


@pytest.mark.process
def test_the_shop_moves_as_the_page_says(reader, db):
    queued = {queue: db.lrange(f"resque:queue:{queue}", 0, -1) for queue in ("default", "mailers")}
    for step in steps_of(PAGE, PROGRAMS):
        reader.follow(step)
        if step.text.startswith("pyresque migrate stubs"):
            [shown] = re.findall(r"```python\n(\"\"\"The job.*?)```", PAGE, re.DOTALL)
            assert (reader.folder / "jobs/thumbnails/make.py").read_text() == shown
    assert "87.5%" in reader.said["pyresque migrate coverage -A jobs.app:resque"]
    counted = Counter(line.split()[1] for line in reader.done())
    numbers = [json.loads(raw)["args"][0] for raw in queued["default"] if b"Thumbnails" in raw]
    assert counted == Counter(map(str, [*numbers, 1001, 1002]))
    assert {line.split()[0] for line in reader.done()} == {"thumbnail"}
    assert db.lrange("resque:queue:default", 0, -1) == [
        raw for raw in queued["default"] if b"Thumbnails" not in raw
    ]
    assert db.lrange("resque:queue:mailers", 0, -1) == queued["mailers"]
    assert not db.keys("resque:migrate:queue:*")
    assert db.llen("resque:failed") == 0
    assert "tripped" not in reader.said["pyresque migrate route status"]
    assert (reader.folder / "inventory.html").read_text().startswith("<!")
    assert "PyresqueGuard" in (reader.folder / "resque_guard.rb").read_text()


@pytest.mark.process
def test_its_ruby_is_ruby():
    blocks = re.findall(r"^```ruby\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    if shutil.which("ruby") is None:
        pytest.skip("there is no ruby here to read them")
    for block in blocks:
        done = subprocess.run(
            ["ruby", "-c"], input=block, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_the_commands_that_it_names_are_there():
    group = cli.get_command(click.Context(cli), "migrate")
    assert isinstance(group, click.Group)
    named = set(re.findall(r"`pyresque migrate ([a-z-]+)", PAGE))
    run = {
        step.text.split()[2]
        for step in steps_of(PAGE, PROGRAMS)
        if step.text.startswith("pyresque migrate ")
    }
    there = set(group.list_commands(click.Context(group)))
    assert named <= there
    assert run == there, "every command is run on the page"


def table(first: str) -> str:
    return PAGE[PAGE.index(first) :].split("\n\n")[0]


def test_its_verdicts_are_those_of_the_code():
    rows = table("| verdict |").splitlines()[2:]
    cells = [row.split(" | ")[0].removeprefix("| ") for row in rows]
    named = {
        verdict
        for cell in cells
        for verdict in ([cell] if cell.startswith("Python") else cell.split(", "))
    }
    names = ("SAME", "SAME_ERROR", "OTHER_ERROR", "RUBY_FAILED", "PYTHON_FAILED")
    names = (*names, "UNKNOWN_FAILED", "PYTHON_PERFORMED")
    assert named == {getattr(shadow_compare, name) for name in names}


def test_its_kinds_are_those_that_make_a_difference():
    named = {
        kind
        for row in re.findall(r"^\| (.*?) \|", table("| kind |"), re.MULTILINE)
        for kind in re.findall(r"`([\w-]+)`", row)
    }
    assert named == set(KINDS)
    code = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("migrate", "cli/migrate")
        for path in (ROOT / "pyresque" / folder).glob("schedule*.py")
    )
    assert named <= set(re.findall(r"Finding\(\s*\"([\w-]+)\"", code))


def test_its_keys_are_those_of_the_code():
    named = set(re.findall(r"`(migrate:[\w:]+)`", table("| key | what |")))
    named = {re.sub(r":(DAY|HOUR|NAME|CLASS).*", "", one) for one in named}
    code = (ROOT / "pyresque" / "store" / "keys.py").read_text(encoding="utf-8")
    assert named == set(re.findall(r"}:(migrate:[a-z:]+[a-z])", code))
