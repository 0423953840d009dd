"""The lifespan and the dependency for Starlette: which AsyncResque, how long, and what is said where there is none."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient

from pyresque import AsyncResque, Resque
from pyresque.contrib.starlette import given_resque, lifespan
from pyresque.errors import SettingsError


async def sizes(request):
    resque = await given_resque(request)
    return PlainTextResponse(f"{resque.settings.namespace} {await resque.size('low')}")


async def size_by_socket(socket):
    await socket.accept()
    resque = await given_resque(socket)
    await socket.send_text(str(await resque.size("low")))
    await socket.close()


ROUTES = [Route("/", sizes), WebSocketRoute("/socket", size_by_socket)]


def test_a_resque_gives_one_of_the_same_settings_and_jobs(redis_url):
    resque = Resque(redis_url, namespace="own")
    resque.push("low", {"class": "A", "args": []})
    with TestClient(Starlette(routes=ROUTES, lifespan=lifespan(resque))) as client:
        assert client.get("/").text == "own 1"
        with client.websocket_connect("/socket") as socket:
            assert socket.receive_text() == "1"
    resque.close()


def test_an_async_one_is_taken_as_it_is_and_serves_one_application_after_the_other(redis_url):
    resque = AsyncResque(redis_url, namespace="own")
    app = Starlette(routes=ROUTES, lifespan=lifespan(resque))
    for _ in "12":
        with TestClient(app) as client:
            assert client.get("/").text == "own 0"
        assert "driver" not in vars(resque), "closed"


def test_without_a_lifespan_the_error_says_what_to_do(redis_url):
    client = TestClient(Starlette(routes=ROUTES, lifespan=lifespan(Resque(redis_url))))
    with pytest.raises(SettingsError, match=r"lifespan=.*with TestClient\(app\)"):
        client.get("/")


async def test_what_is_no_resque_is_named():
    with pytest.raises(SettingsError, match="an object of type NoneType is no Resque"):
        async with lifespan(None)(Starlette()):  # type: ignore[arg-type]
            pass
