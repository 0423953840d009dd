"""What the tests of the fast path share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pyresque.executor.fork.fast_path_handle import FastPathHandle
from tests.support.fork_worker import LONG, ForkWorker, beside_the_jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyresque.executor.fork.fast_path_handle import FastPathEnd


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture) -> None:
    """No line for each job, whatever other tests have left: with such lines jobs take no fast path."""
    caplog.set_level("WARNING", logger="pyresque")


@pytest.fixture
def stage(redis_url: str) -> Iterator[Callable[..., ForkWorker]]:
    stages: list[ForkWorker] = []

    def make(**settings: Any) -> ForkWorker:
        url = settings.pop("url", redis_url)
        stages.append(ForkWorker(url, beside_the_jobs(redis_url), **settings))
        return stages[-1]

    with beside_the_jobs(redis_url) as notes:
        notes.flushdb()
    yield make
    for one in stages:
        one.notes.flushdb()
        one.notes.close()
        one.posix.close()


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[FastPathEnd]:
    """How each fast path ended; no job is a long one because the machine is busy."""
    monkeypatch.setattr("pyresque.executor.fork.fast_path_handle.SHORT", 30.0)
    monkeypatch.setattr("pyresque.executor.fork.fast_path_handle.LOOK", 30.0)
    seen: list[FastPathEnd] = []
    usual = FastPathHandle.run

    async def run(self: FastPathHandle, *args: Any) -> FastPathEnd | None:
        end = await usual(self, *args)
        if end is not None:
            seen.append(end)
        return end

    monkeypatch.setattr(FastPathHandle, "run", run)
    return seen


@pytest.fixture
def long_jobs(
    ends: list[FastPathEnd], redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The worker looks often for a long job, and calls the fast path back for one that says it is; a busy machine makes none."""
    monkeypatch.setattr("pyresque.executor.fork.fast_path_handle.LOOK", 0.05)
    usual = FastPathHandle._look
    with beside_the_jobs(redis_url) as notes:

        def look(self: FastPathHandle, turns: int, show_child: Callable[[int], None]) -> int:
            return usual(self, turns if notes.exists(LONG) else -1, show_child)

        monkeypatch.setattr(FastPathHandle, "_look", look)
        yield
