"""When the worker signals a fork server on the fast path, and when it ends the turn that this awaits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyresque.executor.fork import fast_path_handle
from pyresque.executor.fork.fast_path_handle import LAST_TURN, FastPathHandle
from pyresque.executor.fork.shared_page import SharedPage

if TYPE_CHECKING:
    from collections.abc import Callable


class Server:
    """Counts the signals that it is sent."""

    called = 0

    def call_back(self) -> None:
        self.called += 1


class Lent:
    """A lent connection, which notes after how many seconds it was broken off."""

    where = "redis://nowhere"

    def __init__(self) -> None:
        self.broken: list[float] = []

    def break_off(self, seconds: float) -> None:
        self.broken.append(seconds)

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock on."""
    passed = [100.0]
    monkeypatch.setattr(fast_path_handle, "monotonic", lambda: passed[0])

    def move(seconds: float) -> None:
        passed[0] += seconds

    return move


def test_a_turn_is_not_disturbed_and_ends_in_bounded_time_once_the_worker_stops(
    moved: Callable[[float], None],
) -> None:
    """A signal to a process that awaits a reply begins its wait anew: signals every 20 ms would have it wait for ever."""
    page, server, lent = SharedPage(), Server(), Lent()
    handle = FastPathHandle(server, page, -1, lambda: lent)  # type: ignore[arg-type, return-value]  # parts of both
    handle._connection = lent  # type: ignore[assignment]  # as above
    page.start_fast_path(1)
    page.call_back()
    handle._call_back()
    assert server.called == 1
    page.set_in_turn()
    for _ in range(3):
        moved(60.0)
        handle._call_back()
    assert (server.called, lent.broken) == (1, [])
    page.stop()
    handle._call_back()
    moved(LAST_TURN)
    assert lent.broken == []
    handle._call_back()
    assert lent.broken == [LAST_TURN]
    assert f"no reply within {LAST_TURN:g} s, and this process is to end" in str(
        handle.broken("the connection was closed")
    )
    page.set_turns(1)
    handle._call_back()
    assert server.called == 2
