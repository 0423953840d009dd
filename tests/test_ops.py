from __future__ import annotations

import pytest

from pyresque.ops import Batch, Call, Command, Sleep, Spawn
from pyresque.store.keys import Keys
from pyresque.store.queues import QueueTable
from tests.support.scripted_driver import ScriptedDriver, requests_of, result_of

TABLE = QueueTable(Keys())


def test_an_operation_can_be_driven_by_hand():
    talk = TABLE.size("high")
    assert talk.send(None).args == ("LLEN", b"resque:queue:high")
    with pytest.raises(StopIteration) as end:
        talk.send(3)
    assert end.value.value == 3


def test_a_command_reads_its_reply():
    async def ask() -> int:
        return await Command(("LLEN", "x"), read=int)

    assert result_of(ask(), b"7") == 7


def test_a_batch_reads_each_reply_with_its_own_reader():
    async def ask() -> list[object]:
        return await Batch((Command(("A",), int), Command(("B",), bool), Command(("C",))))

    assert result_of(ask(), [b"7", 0, b"as it is"]) == [7, False, b"as it is"]


def test_a_batch_with_a_reply_missing_is_refused():
    async def ask() -> list[object]:
        return await Batch((Command(("A",)), Command(("B",))))

    with pytest.raises(ValueError, match="shorter"):
        result_of(ask(), [1])


def test_an_error_is_thrown_into_the_operation_which_may_mend_it():
    async def ask() -> str:
        try:
            return await Command(("GET", "x"))
        except OSError:
            await Sleep(2)
            return "mended"

    hand = ScriptedDriver(OSError())
    assert hand.run(ask()) == "mended"
    assert hand.asked == [("GET", "x"), ("sleep", 2)]


def test_a_call_gives_what_the_function_returns():
    async def ask() -> int:
        return await Call(lambda: 41) + 1

    assert result_of(ask()) == 42


def test_spawn_names_what_runs_beside():
    async def ask() -> object:
        return await Spawn(lambda: TABLE.size("x"), "beside")

    assert requests_of(ask(), object()) == [("beside",)]


def test_requests_are_frozen():
    with pytest.raises(AttributeError):
        Sleep(1).seconds = 2  # type: ignore[misc] # that is what is tried
