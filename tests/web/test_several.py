"""Several Resques in one dashboard: each below its name, a switch between them, and nothing of one on another's pages."""

from __future__ import annotations

import logging
import re
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from pyresque import AsyncResque, Resque
from pyresque.errors import SettingsError
from pyresque.settings import Settings
from pyresque.web import Access, anybody, app
from pyresque.web.pages import PAGES
from pyresque.web.targets import targets_of
from tests.web.conftest import OWN


@pytest.fixture
def both(redis_url):
    """A live Resque with one job, and one of batches with a queue whose name has a slash."""
    with Resque(redis_url, namespace="live") as live, Resque(redis_url, namespace="batch") as batch:
        live.enqueue_to("low", "LiveJob")
        batch.enqueue_to("a/b", "BatchJob")
        yield {"live": live, "batch": batch}


@pytest.fixture
def web(both):
    with TestClient(app(both, authorize=anybody), headers=OWN, follow_redirects=False) as client:
        yield client


def test_each_has_its_pages_below_its_name(web):
    for name, own, other in (("live", "LiveJob", "BatchJob"), ("batch", "BatchJob", "LiveJob")):
        queue = {"live": "low", "batch": "a%2Fb"}[name]
        page = web.get(f"/{name}/queues/{queue}")
        assert own in page.text
        assert other not in page.text
        assert f"· {name} · Resque</title>" in page.text
        assert web.get(f"/{name}/queues/{queue}.json").json()["jobs"][0]["class"] == own
        assert web.get(f"/{name}/live.json").json()["pending"] == 1
        assert "resque_jobs_pending 1" in web.get(f"/{name}/metrics").text
        assert web.get(f"/{name}/stats.txt").text.startswith("resque.pending=1")
        assert web.get(f"/{name}/healthz").json() == {"status": "ok"}
        assert web.get(f"/{name}/static/style.css").status_code == 200


def test_all_links_of_one_stay_with_it_but_for_the_switch(web):
    page = web.get("/batch/queues").text
    paths = re.findall(r'(?:href|src|action)="([^"]*)"', page)
    assert {path for path in paths if not path.startswith(("/batch/", "#"))} == {"/switch"}
    seen, waiting = set(), ["/batch/overview"]
    while waiting and len(seen) < 60:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        found = web.get(path)
        assert found.status_code == 200, path
        assert "LiveJob" not in found.text
        waiting += map(unescape, re.findall(r'href="(/[^"#]*)"', found.text))
    assert len(seen) > 10


@pytest.mark.parametrize(
    ("query", "to"),
    [
        ("to=batch&page=/failed", "/batch/failed"),
        ("to=live&page=/queues", "/live/queues"),
        ("to=batch", "/batch/overview"),
        ("to=batch&page=//evil.example", "/batch/overview"),
        ("to=batch&page=/failed/../../x", "/batch/overview"),
        ("to=batch&page=%0d%0aevil:1", "/batch/overview"),
    ],
)
def test_the_switch_leads_to_the_same_tab_of_another(web, query, to):
    answer = web.get(f"/switch?{query}")
    assert (answer.status_code, answer.headers["location"]) == (303, to)
    assert "evil" not in str(answer.headers)


@pytest.mark.parametrize("query", ["", "to=", "to=nothing", "to=//evil.example", "to=.."])
def test_the_switch_leads_nowhere_else(web, query):
    assert web.get(f"/switch?{query}").status_code == 404


def test_the_switch_is_a_form_with_a_label_that_knows_where_it_is(web):
    page = web.get("/batch/failed").text
    assert (
        '<form class="search" action="/switch"><input type="hidden" name="page" value="/failed">'
        in page
    )
    assert "<option>live</option><option selected>batch</option>" in page


def test_a_path_without_a_name_leads_to_the_first(web):
    for path, to in (
        ("/", "/live/overview"),
        ("/failed", "/live/failed"),
        ("/queues/a%2Fb?q=x", "/live/queues/a%2Fb?q=x"),
        ("/failed.json", "/live/failed.json"),
    ):
        answer = web.get(path)
        assert (answer.status_code, answer.headers["location"]) == (302, to)
    for path in (
        "/nothing",
        "/livelier/failed",
        "http://testserver//evil.example/failed",
        "/static/live.js",
        "/metrics",
    ):
        answer = web.get(path)
        assert answer.status_code == 404
        assert "frame-ancestors" in answer.headers["content-security-policy"]


def test_a_change_is_made_below_a_name_alone(web, both):
    for path in ("/queues/low/remove", "/workers/pause", "/", "/switch?to=live"):
        assert web.post(path, data={"confirm": "yes"}).status_code in {302, 303, 404}
    assert both["live"].size("low") == 1
    assert not both["live"].all_paused()
    done = web.post("/batch/queues/a%2Fb/remove", data={"confirm": "yes"})
    assert done.headers["location"] == "/batch/queues"
    assert "path=/batch" in done.headers["set-cookie"].lower()
    assert both["batch"].queues() == []
    assert both["live"].size("low") == 1
    assert (
        web.post("/batch/workers/pause", headers={"sec-fetch-site": "cross-site"}).status_code
        == 403
    )


def test_who_may_do_what_is_asked_for_each_and_the_log_names_it(both, caplog):
    caplog.set_level(logging.INFO, "pyresque.web.audit")

    def authorize(request):
        return Access("admin" if request.state.resque == "batch" else "read", "ann")

    with TestClient(app(both, authorize=authorize), headers=OWN, follow_redirects=False) as web:
        assert web.post("/live/workers/pause").status_code == 403
        assert web.post("/batch/workers/pause").status_code == 303
    (record,) = caplog.records
    assert record.getMessage().startswith("web: ann at testclient: POST /workers/pause of batch")
    assert both["batch"].all_paused()
    assert not both["live"].all_paused()


def test_whom_nobody_knows_sees_none_of_them(both):
    with TestClient(app(both, authorize=lambda _request: None)) as web:
        for path in ("/live/overview", "/batch/overview.json", "/batch/metrics", "/live/live"):
            assert web.get(path).status_code == 401
        assert web.get("/healthz").status_code == 200


def test_a_server_that_is_away_takes_no_other_with_it(both):
    several = {"live": both["live"], "away": AsyncResque("redis://127.0.0.1:1/0")}
    with TestClient(app(several, authorize=anybody)) as web:
        assert web.get("/live/overview").status_code == 200
        assert web.get("/away/overview").status_code == 503
        health = web.get("/healthz")
        assert (health.status_code, health.json()["away"]) == (503, ["away"])
        assert web.get("/live/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/resque/batch/queues", "/batch/queues"])
def test_it_stands_behind_a_proxy_that_cuts_its_path_off_or_not(both, path):
    with TestClient(app(both, authorize=anybody, prefix="/resque"), headers=OWN) as web:
        page = web.get(path)
        assert page.status_code == 200
        assert 'href="/resque/batch/overview"' in page.text
        assert 'action="/resque/switch"' in page.text
        assert web.get("/resque/switch?to=live&page=/failed").url.path == "/resque/live/failed"


def test_it_is_mounted_in_another_application(both, redis_url):
    several = {name: AsyncResque(redis_url, namespace=name) for name in both}

    @asynccontextmanager
    async def lifespan(_app):
        yield
        for one in several.values():
            await one.close()

    api = FastAPI(lifespan=lifespan)
    api.mount("/jobs", app(several, authorize=anybody))
    with TestClient(api, headers=OWN, follow_redirects=False) as web:
        assert web.get("/jobs/").headers["location"] == "/jobs/live/overview"
        page = web.get("/jobs/batch/queues/a%2Fb").text
        assert "BatchJob" in page
        assert 'href="/jobs/batch/overview"' in page
        assert 'action="/jobs/switch"' in page
        done = web.post("/jobs/batch/queues/a%2Fb/pause")
        assert done.headers["location"] == "/jobs/batch/queues/a%2Fb"


@pytest.mark.parametrize(
    "name", ["", "a/b", "..", "a b", "failed", "switch", "static", "é", "x" * 50, 7, "<b>"]
)
def test_a_name_that_cannot_stand_in_a_path_is_refused(resque, name):
    with pytest.raises(SettingsError, match=re.escape(repr(name))):
        app({name: resque}, authorize=anybody)


def test_none_at_all_are_refused():
    with pytest.raises(SettingsError, match="no Resque is given"):
        app({}, authorize=anybody)


def test_no_page_has_the_name_of_a_path_of_several():
    first = {page.path.split("/")[1] for page in PAGES}
    assert not first & {"switch", "static", "metrics", "healthz"}


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("live=redis://h/0", ("live=redis://h/0",)),
        ("a=redis://h/0#x b=redis://h/0#y", ("a=redis://h/0#x", "b=redis://h/0#y")),
        (
            "a=redis+sentinel://s1:1,s2:2/main,b=redis://h",
            ("a=redis+sentinel://s1:1,s2:2/main", "b=redis://h"),
        ),
    ],
)
def test_servers_are_named_by_a_setting(given, known):
    assert Settings.load({"PYRESQUE_WEB_TARGETS": given}).web_targets == known
    assert Settings(web_targets=list(known)).web_targets == known


@pytest.mark.parametrize(
    "given", ["redis://:s3cret@h/0", "a=b", "a=redis://h a=redis://:s3cret@i", "="]
)
def test_a_wrong_server_is_a_clear_error_without_its_password(given):
    with pytest.raises(SettingsError, match=r"NAME=URL|of its own|has no URL") as caught:
        Settings.load({"PYRESQUE_WEB_TARGETS": given})
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(Settings(web_targets=["a=redis://:s3cret@h/0"]))


def test_the_dashboard_of_an_application_shows_each_server_that_the_setting_names(redis_url):
    with Resque(redis_url, web_targets=[f"one={redis_url}", f"two={redis_url}#other"]) as resque:

        @resque.job("Known", queue="q")
        def known():
            """Do nothing."""

        found = targets_of(resque)
        assert {name: one.settings.namespace for name, one in found.items()} == {
            "one": "resque",
            "two": "other",
        }
        assert [entry.name for entry in found["two"].core.registry] == ["Known"]
    with Resque(redis_url) as resque:
        assert targets_of(resque) is resque


def test_the_script_asks_for_numbers_below_the_name():
    script = Path("pyresque/web/static/live.js").read_text(encoding="utf-8")
    assert "document.body.dataset.base" in script
