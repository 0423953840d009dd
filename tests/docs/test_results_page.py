"""The page on results: its jobs, its clients and its web page run, and say what the page says."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import re
import subprocess
import sys

import pytest

from pyresque import errors
from pyresque.handles import OwnStatus
from pyresque.plugins.status import RESULT_LIMIT, TRACKED_FOR
from tests.support import ROOT

PAGE = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")

BLOCKS = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def page(redis_url, db, monkeypatch, tmp_path):
    """The page's modules, to be imported."""
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    monkeypatch.syspath_prepend(str(tmp_path))
    for file, code in BLOCKS.items():
        (tmp_path / file).write_text(code, encoding="utf-8")
        monkeypatch.delitem(sys.modules, file[:-3], raising=False)
    return importlib.import_module


@contextlib.contextmanager
def worker(app, executor="thread"):
    """A worker of a module of the page, as a process."""
    command = (sys.executable, "-m", "pyresque.cli", "worker", "-A", app, "-q", "reports")
    process = subprocess.Popen((*command, "--executor", executor))
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(60) == 0


@pytest.mark.process
def test_the_client_of_the_page_sees_the_job_through(page, capsys):
    with worker("jobs"):
        found = page("client")
    assert found.handle.result() == {"number": 44, "pages": 3}
    assert capsys.readouterr().out.splitlines()[-1].startswith("100 Completed at")


@pytest.mark.process
def test_the_async_job_of_the_page_runs_beside_its_client(page, capsys):
    with worker("async_jobs:tasks", "async"):
        assert asyncio.run(page("async_jobs").client()) == "done"
    assert capsys.readouterr().out.split()[-1] == "100"


@pytest.mark.process
def test_the_web_page_polls(page):
    found = page("web")

    async def browse():
        status, begun = await asked(found.app, "POST", "/reports/44")
        assert status == 202
        where = f"/reports/{begun['id']}"
        queued = {"status": "queued", "percent": 0, "result": None}
        assert await asked(found.app, "GET", where) == (200, queued)
        with worker("jobs"):
            await found.web.handle(begun["id"]).wait(60)
        result = {"number": 44, "pages": 3}
        done = {"status": "completed", "percent": 100, "result": result}
        assert await asked(found.app, "GET", where) == (200, done)
        assert await asked(found.app, "DELETE", where) == (200, {"cancelled": False})
        assert (await asked(found.app, "GET", "/reports/nothing"))[0] == 404
        assert (await asked(found.app, "DELETE", "/reports/nothing"))[0] == 404
        await found.web.close()

    asyncio.run(browse())


async def asked(app, method, path):
    """The status and the JSON that an ASGI application answers."""
    sent = []
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "state": {},
    }

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], json.loads(body)


def test_the_page_names_every_method_and_every_error():
    rows = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    named = set(re.findall(r"`(\w+)\(", " ".join(rows)))
    assert {name for name in vars(OwnStatus) if not name.startswith("_")} <= named
    raised = re.findall(r"^\| .* \| `(\w+)` \|$", PAGE, re.MULTILINE)
    assert all(hasattr(errors, name) or name == "TimeoutError" for name in raised)
    assert set(raised) == {
        "JobFailed",
        "JobCancelled",
        "ResultNotKept",
        "NoJobStatus",
        "TimeoutError",
    }


def test_the_page_names_the_limits():
    assert RESULT_LIMIT == 64 * 1024
    assert TRACKED_FOR == 24 * 3600
    assert "64 KiB" in PAGE
    assert "lives for a day" in PAGE
