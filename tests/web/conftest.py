"""The dashboard against a real Redis, in this process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from pyresque import Resque
from pyresque.web import anybody, app
from pyresque.web.charts import Timer
from tests.support.variables import own_variables
from tests.support.web_server import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

#: What a browser sends with a form of the dashboard's own.
OWN = {"sec-fetch-site": "same-origin"}


class Still(Timer):
    """A timer that writes nothing, and counts how often it was started."""

    started = 0

    def start(self) -> None:
        Still.started += 1


@pytest.fixture(autouse=True)
def environment(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the settings' variables; no action is taken for a long one; nothing is written by a timer."""
    monkeypatch.setattr("pyresque.web.actions.PATIENCE", 60.0)
    monkeypatch.setattr("pyresque.web.build.Timer", Still)
    # What a page reads of a small Redis it reads whole, however busy the machine is.
    monkeypatch.setattr("pyresque.web.tabs.migrate.BUDGET", 60.0)
    for name in own_variables():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def resque(redis_url: str) -> Iterator[Resque]:
    with Resque(redis_url) as client:
        yield client


@pytest.fixture
def web(resque: Resque) -> Iterator[TestClient]:
    """A browser at the dashboard, that follows no redirect."""
    with TestClient(app(resque, authorize=anybody), headers=OWN, follow_redirects=False) as client:
        yield client


@pytest.fixture
def address(resque: Resque, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The dashboard on a port of its own, in a thread; its live numbers come often."""
    monkeypatch.setattr("pyresque.web.live.EVERY", 0.05)
    with serving(app(resque, authorize=anybody)) as url:
        yield url


@pytest.fixture
def failed(db: redis.Redis) -> Callable[..., None]:
    """Record a failed job, as Ruby does: `failed("Job", 7, error="no")`."""

    def add(name: str = "Job", *args: Any, key: str = "resque:failed", **fields: Any) -> None:
        record = {
            "failed_at": "2026/11/29 12:00:00 UTC",
            "payload": {"class": name, "args": list(args)},
            "exception": "RuntimeError",
            "error": "no",
            "backtrace": ["a.rb:1", "b.rb:2"],
            "worker": "host:1:low",
            "queue": "low",
            **fields,
        }
        db.rpush(key, json.dumps(record))

    return add
