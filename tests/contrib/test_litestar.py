"""The plugin for Litestar: a name of its own, and the connection's end."""

from __future__ import annotations

from litestar import Litestar, get
from litestar.di import NamedDependency  # noqa: TC002 - Litestar reads it
from litestar.testing import TestClient

from pyresque import AsyncResque
from pyresque.contrib.litestar import ResquePlugin


def test_a_handler_gets_it_by_the_name_that_was_chosen(redis_url, db):
    resque = AsyncResque(redis_url)

    @get("/")
    async def size(jobs: NamedDependency[AsyncResque]) -> int:
        return await jobs.size("low")

    app = Litestar([size], plugins=[ResquePlugin(resque, "jobs")], openapi_config=None)
    before = int(db.info("clients")["connected_clients"])
    with TestClient(app) as client:
        assert client.get("/").json() == 0
        assert app.state.jobs is resque
    assert int(db.info("clients")["connected_clients"]) == before
    assert "driver" not in vars(resque), "closed"
