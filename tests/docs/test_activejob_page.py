"""The page on jobs of Rails: its code runs, and the jobs it defines are performed."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from pyresque.process.run.worker import run_worker
from pyresque.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "activejob.md"


@pytest.fixture
def page(redis_url, db, monkeypatch):
    """What the page's code defines, run from top to bottom."""
    monkeypatch.setenv("REDIS_URL", redis_url)
    names = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), names)
    yield names
    names["resque"].close()


def perform(page):
    page["resque"].configure(queues=("python",), executor="inline")
    run_worker(page["resque"], burst=True)


def test_what_the_page_enqueues_waits_for_rails(page, db):
    shown = [job.payload.args[0] for job in page["resque"].peek("rails", 0, 20)]
    assert [job["arguments"][0] for job in shown] == [
        7,
        *range(3),
        {"_aj_globalid": "gid://shop/Account/7"},
    ]
    assert shown[-1]["arguments"][1] == {"_aj_serialized": "MoneySerializer", "cents": 1250}
    assert page["resque"].count_all_scheduled_jobs() == 2
    asyncio.run(page["handler"]())
    assert page["resque"].size("rails") == 6
    assert page["resque"].size("default") == 1


def test_the_jobs_of_the_page_are_performed(page, db, capsys):
    resque = page["resque"]
    resque.active_job("SyncAccountJob").set(queue="python").enqueue(page["Account"](7), force=True)
    resque.active_job("ChargeJob").set(queue="python").enqueue(page["Account"](404), 1)
    perform(page)
    assert capsys.readouterr().out.splitlines()[-1] == "synced Account(id=7) by force"
    assert not db.exists("resque:failed")


def test_the_job_in_steps_of_the_page_runs_its_isolated_step_in_a_second_run(page, db, capsys):
    resque = page["resque"]
    resque.active_job("ImportJob").set(queue="python").enqueue(2)
    perform(page)
    first = capsys.readouterr().out.splitlines()
    assert first[-2:] == ["row 0", "row 1"]
    (at, *_) = resque.delayed_queue_peek(0, 1)
    resque.run(resque.core.delayed.move_due(now=at + 1))
    perform(page)
    assert capsys.readouterr().out.splitlines() == ["in a run of its own"]
    assert not db.exists("resque:failed")


def test_the_page_names_settings_that_there_are():
    text = PAGE.read_text(encoding="utf-8")
    known = {entry for row in Settings.ROWS.values() for entry in row.env if isinstance(entry, str)}
    named = set(re.findall(r"\b(?:RESQUE_[A-Z_]+|TERM_CHILD|GRACEFUL_TERM)\b", text))
    assert named <= known
