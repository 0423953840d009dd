"""A process that is to end waits for Redis only shortly, whatever it awaits then."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from pyresque.driver import hurry
from pyresque.driver.aio import AsyncDriver
from pyresque.driver.hurry import Hurry
from pyresque.driver.sync import SyncDriver
from pyresque.errors import RedisUnavailable
from pyresque.ops import Command, answer
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PING = ("PING",)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a server that takes connections and answers nothing, as one that is stopped."""
    monkeypatch.setattr(hurry, "LAST_REPLY", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}/0"


@pytest.mark.parametrize("user", ["", ":secret@"], ids=["at a command", "at the log-in"])
def test_what_is_awaited_ends_soon_and_what_is_asked_afterwards_too(silent: str, user: str) -> None:
    with contextlib.closing(SyncDriver(silent.replace("//", f"//{user}"))) as driver:
        Hurry(driver.waits_here())()
        # The connection that is made now is one that was made before.
        driver.waits_here().hurried = False
        began = time.monotonic()
        with pytest.raises(RedisUnavailable, match=r"no reply within 0\.2 s, and this process"):
            driver.run(answer(Command(PING)))
        driver.waits_here().hurried = True
        with pytest.raises(RedisUnavailable, match=r"no reply within 0\.2 s$"):
            driver.run(answer(Command(PING)))
        assert time.monotonic() - began < 10


def test_a_process_does_not_end_while_the_thread_for_that_is_being_started(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CPython 3.10 crashes then, once in some hundred workers."""
    begun, start = [], hurry.start_new_thread

    def slowly(function: Callable[..., None], args: tuple[Any, ...]) -> int:
        def run() -> None:
            time.sleep(0.1)
            begun.append(True)
            function(*args)

        return start(run, ())

    monkeypatch.setattr(hurry, "LAST_REPLY", 0.2)
    monkeypatch.setattr(hurry, "start_new_thread", slowly)
    with contextlib.closing(SyncDriver(redis_url)) as driver:
        Hurry(driver.waits_here())()
        assert begun


def test_a_program_that_goes_on_after_its_worker_waits_as_long_as_before(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hurry, "LAST_REPLY", 0.2)
    with contextlib.closing(SyncDriver(redis_url)) as driver:
        driver.run(answer(Command(PING)))
        Hurry(driver.waits_here())()
        driver.close()
        assert driver.run(answer(Command(("BLPOP", "nothing", 0.6)))) is None


def test_a_connection_of_a_loop_ends_soon_too(silent: str) -> None:
    async def asked() -> None:
        driver = AsyncDriver(silent)
        try:
            waiting = asyncio.ensure_future(driver.run(answer(Command(PING))))
            await asyncio.sleep(0.05)
            Hurry(driver)()
            with pytest.raises(RedisUnavailable, match=r"no reply within 0\.2 s, and this process"):
                await waiting
            with pytest.raises(RedisUnavailable, match=r"no reply within 0\.2 s$"):
                await driver.run(answer(Command(PING)))
        finally:
            await driver.close()

    began = time.monotonic()
    asyncio.run(asked())
    assert time.monotonic() - began < 10


def test_a_job_keeps_all_of_its_time() -> None:
    class Waits:
        hurried = False
        broken: list[float]

        def break_off(self, seconds: float) -> None:
            self.broken.append(seconds)

    waits, busy = Waits(), [True]
    waits.broken = []
    one = Hurry(waits, lambda: busy[0])
    one()
    assert not waits.hurried
    busy[0] = False
    one()
    assert waits.hurried


def test_a_connection_is_left_to_a_job_that_has_begun_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hurry, "LAST_REPLY", 0.05)

    class Waits:
        hurried = False
        broken = 0

        def break_off(self, seconds: float) -> None:
            assert seconds == 0.05
            self.broken += 1

    waits, asked = Waits(), []
    answers = [False, True, False, False]

    def busy() -> bool:
        asked.append(1)
        return answers.pop(0)

    one = Hurry(waits, busy)
    one()
    eventually(lambda: len(asked) == 2)
    assert waits.broken == 0
    one()
    eventually(lambda: waits.broken == 1)
