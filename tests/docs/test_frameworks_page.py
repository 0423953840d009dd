"""The page on web frameworks: its modules run, with requests, with workers, and with its commands."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys

import pytest
from litestar.testing import TestClient as LitestarClient
from starlette.requests import Request  # noqa: TC002 - FastAPI reads it
from starlette.testclient import TestClient

from pyresque.settings import Settings
from tests.support import ROOT
from tests.support.variables import own_variables

PAGE = (ROOT / "docs" / "frameworks.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL))
COMMANDS = [line.split() for line in re.findall(r"^    (.*)$", PAGE, re.MULTILINE)]


@pytest.fixture
def page(redis_url, db, monkeypatch, tmp_path):
    """Import one of the page's modules, on the tests' Redis."""
    for name in own_variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for file, code in BLOCKS.items():
        (tmp_path / file).write_text(code, encoding="utf-8")
        monkeypatch.delitem(sys.modules, file[:-3], raising=False)
    importlib.invalidate_caches()
    yield importlib.import_module
    for name in ("jobs", "with_flask"):
        if name in sys.modules:
            sys.modules[name].resque.close()


def queued(db, queue="resque:queue:reports"):
    return [json.loads(raw)["args"] for raw in db.lrange(queue, 0, -1)]


@pytest.mark.redis
def test_fastapi_enqueues_and_closes_its_connection(page, db):
    app = page("with_fastapi").app
    before = int(db.info("clients")["connected_clients"])
    with TestClient(app) as client:
        for _ in "12":
            answer = client.post("/reports/7")
            assert (answer.status_code, answer.json()) == (202, {"enqueued": True})
    assert queued(db) == [[7], [7]]
    assert int(db.info("clients")["connected_clients"]) == before


def test_fastapi_has_a_test_that_overrides_the_dependency(page, db):
    page("test_with_fastapi").test_a_request_enqueues_the_report()
    assert queued(db) == []
    assert queued(db, "test:queue:reports") == [[7]]


def test_a_lifespan_of_its_own_runs_inside_and_keeps_its_state(page):
    app = page("with_own_lifespan").app

    @app.get("/")
    def look(request: Request) -> list[str]:
        return [request.state.greeting, type(request.state.resque).__name__]

    with TestClient(app) as client:
        assert client.get("/").json() == ["hello", "AsyncResque"]


def test_starlette(page, db):
    with TestClient(page("with_starlette").app) as client:
        assert client.post("/reports/7").status_code == 202
    assert queued(db) == [[7]]


def test_litestar(page, db):
    app = page("with_litestar").app
    with LitestarClient(app) as client:
        assert client.post("/reports/7").json() == {"enqueued": True}
    assert queued(db) == [[7]]


@pytest.mark.process
@pytest.mark.parametrize("executor", ["fork", "thread", "async"])
def test_flask_performs_its_jobs_inside_its_context(page, db, executor):
    found = page("with_flask")
    with found.create_app().test_client() as client:
        assert client.post("/greet/Ann").json == {"enqueued": True}
    assert queued(db, "shop:queue:mailers") == [["Ann"]]
    worker = next(line for line in COMMANDS if line[0] == "flask" and "worker" in line)
    assert run(*worker, "--burst", "--executor", executor).splitlines() == ["Hello Ann"]


@pytest.mark.process
def test_the_worker_of_a_module_that_has_made_the_application_does_so_too(page, db):
    page("wsgi").resque.enqueue("Greet", "Bob")
    worker = next(line for line in COMMANDS if "wsgi:resque" in line)
    assert run(*worker, "--burst").splitlines() == ["Hello Bob"]


@pytest.mark.process
def test_the_commands_of_flask_are_those_of_pyresque(page, db):
    assert run("flask", "--app", "with_flask", "pyresque", "failed", "list", "--json") == "[]\n"
    runner = page("with_flask").create_app().test_cli_runner()
    told = runner.invoke(args=["pyresque", "--help"]).output
    named = [line[4] for line in COMMANDS if line[0] == "flask"]
    assert len(named) == 4
    assert [name for name in named if not re.search(rf"^  {name} ", told, re.MULTILINE)] == []


def test_the_settings_that_the_page_names_are_some():
    named = set(re.findall(r"`PYRESQUE_(\w+)", PAGE)) - {""}
    assert {name.lower() for name in named} <= set(Settings.ROWS)


def run(program, *args):
    module = {"flask": "flask", "pyresque": "pyresque.cli"}[program]
    done = subprocess.run(
        [sys.executable, "-m", module, *args], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
