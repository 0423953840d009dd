"""The pages that newcomers read first: their blocks run one after the other, and what they enqueue is performed."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pyresque import Resque
from pyresque.job.perform import perform
from tests.support import ROOT


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


def run(page: str, names: dict[str, Any]) -> dict[str, Any]:
    """Run the blocks of a page; return the names that they leave."""
    for number, code in enumerate(blocks(page)):
        exec(compile(code, f"{page}, block {number}", "exec"), names)
    return names


@contextlib.asynccontextmanager
async def span(name: str) -> Any:
    yield name


@pytest.fixture(autouse=True)
def server(redis_url: str, db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    for queue in ("mailers", "reports"):
        failed = {"payload": {"class": "X", "args": [1]}, "queue": queue, "exception": "OSError"}
        db.rpush("resque:failed", json.dumps({**failed, "error": "", "failed_at": ""}))


def test_the_jobs_of_the_readme_are_enqueued_and_performed(db, monkeypatch, capsys):
    jobs, client = blocks("README.md")
    made = ModuleType("jobs")
    exec(jobs, vars(made))
    monkeypatch.setitem(sys.modules, "jobs", made)
    exec(client, {})
    resque: Resque = vars(made)["resque"]
    assert resque.queue_sizes() == {"file_serve": 1, "mailers": 1}
    while job := resque.reserve("file_serve"):
        resque.run(perform(resque.core.registry, job))
    resque.close()
    assert capsys.readouterr().out.splitlines() == ["archiving 44 at masterbrew"]


def test_the_blocks_of_the_guide_run(db):
    tracer = SimpleNamespace(current=lambda: "trace-1", span=span)
    names = run("docs/guide.md", {"time": time, "tracer": tracer, "is_night": lambda: True})
    run("docs/middleware.md", names)
    run("docs/guide-workers.md", names)
    assert (names["sent"], names["lock"]) == (2, b"me")
    left = [json.loads(raw)["queue"] for raw in db.lrange("resque:failed", 0, -1)]
    assert left == ["reports"], "the other record was requeued and removed"
    assert [json.loads(raw)["class"] for raw in db.lrange("resque:queue:mailers", 0, -1)] == [
        "WelcomeMailer",
        "X",
    ]
    assert db.zcard("resque:delayed_queue_schedule") > 0
    names["resque"].close()


def test_the_limits_of_the_page_are_those_of_its_jobs():
    resque = Resque()
    run("docs/limits.md", {"resque": resque, "download": print, "remove_partial_file": print})
    kept = {entry.name: entry for entry in resque.registered}
    assert (kept["MonthlyReport"].timeout.soft, kept["MonthlyReport"].timeout.hard) == (30, 35)
    assert (kept["Fetch"].timeout.soft, kept["Fetch"].timeout.hard) == (600, 660)
    assert kept["Thumbnail"].redeliveries == 3


def test_the_block_of_the_page_on_the_scheduler_runs():
    with Resque() as resque:
        run("docs/scheduler.md", {"resque": resque})
        assert resque.schedule() == {}
