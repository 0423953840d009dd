"""The page's snippets are run: the dashboard below a path of FastAPI, Litestar, Django and Flask, with its links and a change."""

from __future__ import annotations

import gc
import re
import sys
import types
from pathlib import Path

import pytest
from starlette.requests import Request  # noqa: TC002 - FastAPI reads it
from starlette.testclient import TestClient

from pyresque import Resque
from tests.support.variables import own_variables

#: A framework that mounts an application does not tell it of its end: the connection is closed with the process.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

PAGE = (Path(__file__).parents[2] / "docs" / "dashboard.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
USER = {"authorization": "Basic YW5uOnB3", "sec-fetch-site": "same-origin"}


def block(word):
    (found,) = (one for one in BLOCKS if word in one)
    return found


@pytest.fixture
def run(redis_url, db, monkeypatch):
    """Run the snippet that has a word, as a module of an application whose jobs are in ``myapp.jobs``."""
    for name in own_variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYRESQUE_WEB_AUTH", "ann:pw")
    # Flask's dashboard runs in a thread until the process ends: its timer would write into the Redis of later tests.
    monkeypatch.setattr("pyresque.web.charts.Timer.start", lambda timer: None)
    resque = Resque(redis_url)
    resque.enqueue_to("a/b", "Job", 7)
    jobs = types.ModuleType("myapp.jobs")
    jobs.resque = resque
    monkeypatch.setitem(sys.modules, "myapp", types.ModuleType("myapp"))
    monkeypatch.setitem(sys.modules, "myapp.jobs", jobs)

    def running(word):
        space = {"__name__": "site"}
        exec(compile(block(word), word, "exec"), space)
        return space

    yield running
    resque.close()
    gc.collect()  # what is left unclosed is warned of here, not in the middle of another test


class OfWsgi:
    """Flask's own test client, in the words of the other one."""

    def __init__(self, site):
        self.client = site.test_client()

    def get(self, path):
        return Answered(self.client.get(path, headers=USER))

    def post(self, path, data):
        return Answered(self.client.post(path, data=data, headers=USER))


class Answered:
    def __init__(self, answer):
        self.status_code, self.headers = answer.status_code, answer.headers
        self.text, self.json = answer.get_data(as_text=True), lambda: answer.json


def works(web, queues):
    page = web.get("/jobs/queues")
    assert page.status_code == 200, page.text
    paths = re.findall(r'(?:href|src|action)="([^"]*)"', page.text)
    assert [path for path in paths if not path.startswith(("/jobs/", "#"))] == []
    for path in sorted(set(paths) - {"#main"}):
        if "pause" not in path:
            assert web.get(path).status_code in {200, 302}, path
    assert web.get("/jobs/queues/a%2Fb.json").json()["size"] == 1
    asked = web.post("/jobs/queues/a%2Fb/remove", data={})
    assert 'action="/jobs/queues/a%2Fb/remove"' in asked.text
    assert queues() == ["a/b"]
    done = web.post("/jobs/queues/a%2Fb/remove", data={"confirm": "yes"})
    assert (done.status_code, done.headers["location"]) == (303, "/jobs/queues")
    assert queues() == []


def client(site):
    return TestClient(site, headers=USER, follow_redirects=False)


def queues_of(db):
    return lambda: sorted(name.decode() for name in db.smembers("resque:queues"))


def test_fastapi(run, db, monkeypatch):
    monkeypatch.setenv("SESSION_SECRET", "secret")
    api = run("FastAPI")["api"]

    @api.get("/log-in")
    def log_in(request: Request):
        request.session["user"] = "ann"

    with client(api) as web:
        assert web.get("/jobs/queues").status_code == 401
        web.get("/log-in")
        works(web, queues_of(db))


def test_litestar(run, db):
    with client(run("Litestar")["api"]) as web:
        works(web, queues_of(db))


def test_django(run, db):
    import django
    from django.conf import settings
    from django.test import override_settings

    if not settings.configured:
        settings.configure(SECRET_KEY="secret")
        django.setup()
    urls = types.ModuleType("tests.docs.no_urls")
    urls.urlpatterns = []
    sys.modules["tests.docs.no_urls"] = urls
    site = {"ROOT_URLCONF": "tests.docs.no_urls", "ALLOWED_HOSTS": ["*"]}
    with override_settings(**site), client(run("django")["application"]) as web:
        works(web, queues_of(db))
        assert web.get("/elsewhere").status_code == 404


def test_flask(run, db):
    site = run("flask")["site"]
    works(OfWsgi(site), queues_of(db))
    assert OfWsgi(site).get("/elsewhere").status_code == 404
