"""The dashboard below a path of another application, behind a proxy, and its live numbers."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from pyresque import AsyncResque, Resque
from pyresque.web import anybody, app
from pyresque.web.dashboard import Dashboard, link
from pyresque.web.guard import quoted_path
from pyresque.web.live import Live
from tests.web.conftest import OWN


def closing(*clients):
    """The lifespan of an application that closes what its dashboards use."""

    @asynccontextmanager
    async def lifespan(_app):
        yield
        for client in clients:
            await client.close()

    return lifespan


def mounted(kind, resque):
    dashboard, lifespan = app(resque, authorize=anybody), closing(resque)
    if kind == "fastapi":
        api = FastAPI(lifespan=lifespan)
        api.mount("/admin/jobs", dashboard)
        return api
    return Starlette(
        routes=[Mount("/admin", routes=[Mount("/jobs", dashboard)])], lifespan=lifespan
    )


@pytest.mark.parametrize("kind", ["fastapi", "starlette"])
def test_it_stands_below_any_path_of_another_application(resque, redis_url, kind):
    resque.enqueue_to("a/b", "Job", 7)
    with TestClient(
        mounted(kind, AsyncResque(redis_url)), headers=OWN, follow_redirects=False
    ) as web:
        page = web.get("/admin/jobs/queues").text
        paths = re.findall(r'(?:href|src|action)="([^"]*)"', page)
        assert [path for path in paths if not path.startswith(("/admin/jobs/", "#"))] == []
        assert web.get("/admin/jobs/static/style.css").status_code == 200
        assert web.get("/admin/jobs/queues/a%2Fb").status_code == 200
        assert web.get("/admin/jobs/queues/a%2Fb.json").json()["size"] == 1
        done = web.post("/admin/jobs/queues/a%2Fb/remove", data={"confirm": "yes"})
        assert done.headers["location"] == "/admin/jobs/queues"
        assert "path=/admin/jobs" in done.headers["set-cookie"].lower()
        asked = web.post("/admin/jobs/failed/clear")
        assert 'action="/admin/jobs/failed/clear"' in asked.text
        assert web.get("/admin/jobs/").headers["location"] == "/admin/jobs/overview"


@pytest.mark.parametrize("path", ["/resque/queues", "/queues"])
def test_a_proxy_may_cut_the_prefix_off_or_not(resque, path):
    with TestClient(app(resque, authorize=anybody, prefix="/resque"), headers=OWN) as web:
        page = web.get(path)
        assert page.status_code == 200
        assert 'href="/resque/overview"' in page.text


def test_two_of_them_stand_side_by_side(redis_url, db):
    one, two = (AsyncResque(redis_url, namespace=name) for name in ("one", "two"))
    routes = [
        Mount(f"/{path}", app(resque, authorize=anybody))
        for path, resque in (("one", one), ("two", two))
    ]
    both = Starlette(routes=routes, lifespan=closing(one, two))
    with Resque(redis_url, namespace="two") as resque:
        resque.enqueue_to("low", "Job")
    with TestClient(both, headers=OWN) as web:
        assert web.get("/one/overview.json").json()["numbers"]["pending"] == 0
        assert web.get("/two/overview.json").json()["numbers"]["pending"] == 1


@pytest.mark.parametrize("name", ["a/b", "a%2Fb", "a b", "caf\u00e9", "?", "a\udcff", "x.json"])
def test_a_link_quotes_each_part_of_its_path(name):
    path = link("queues", name)
    assert path.count("/") == 2
    assert path.isascii()
    raw = path.partition("?")[0]
    from urllib.parse import unquote

    scope = {"path": unquote(raw), "raw_path": path.encode()}
    assert quoted_path(scope) == raw
    assert quoted_path({"path": unquote(raw, errors="surrogateescape")}) == quote(
        f"/queues/{name}".encode("utf-8", "surrogateescape")
    )


async def test_one_reader_serves_all_open_pages_and_ends_with_the_last(redis_url, db, monkeypatch):
    monkeypatch.setattr("pyresque.web.live.EVERY", 0.01)
    async with AsyncResque(redis_url) as resque:
        await resque.enqueue_to("low", "Job")
        live = Live(Dashboard(resque))
        one, other = live._stream(), live._stream()
        for page in (one, other):
            assert (await anext(page)).startswith("retry:")
            event = await anext(page)
            assert json.loads(event.removeprefix("data: "))["queue:low"] == 1
        reader = live._reader
        await resque.enqueue_to("low", "Job")
        while json.loads((await anext(one)).removeprefix("data: "))["pending"] != 2:
            pass
        await one.aclose()
        assert not reader.done()
        await other.aclose()
        await asyncio.wait_for(reader, 5)
        again = live._stream()
        await anext(again)
        assert live._reader is not reader
        await again.aclose()
        await live._reader


async def test_open_pages_are_told_while_redis_is_away():
    resque = AsyncResque("redis://127.0.0.1:1/0")
    live = Live(Dashboard(resque))
    page = live._stream()
    await anext(page)
    assert (await anext(page)).startswith("event: away")
    await page.aclose()
    live._reader.cancel()
