"""A driver that gives operations the replies which a test has laid out."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.driver import sync
from pyresque.ops import Around, Batch, Call, Command, Op, Sleep, Spawn

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class ScriptedDriver:
    """Replies in the given order; ``asked`` lists what operations asked for.

    A reply that is an exception is raised inside the operation. Calls are carried out, sleeps are only noted.
    """

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[Any, ...]] = []

    def run(self, operation: Op[T]) -> T:
        """Run the operation to its end, and return its result."""
        act: Callable[[Any], Any] = operation.send
        value: Any = None
        try:
            while True:
                request = act(value)
                try:
                    act, value = operation.send, self._answer(request)
                except BaseException as error:  # noqa: BLE001 - it is the operation's to deal with
                    act, value = operation.throw, error
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            operation.close()

    def close(self) -> None:
        """There is no connection to close."""

    def _answer(self, request: object) -> Any:
        if isinstance(request, Call):
            return _settled(request.function())
        if isinstance(request, Around):
            return sync.called(self.run, self._answer, request)
        if isinstance(request, Sleep):
            self.asked.append(("sleep", request.seconds))
            return None
        if isinstance(request, Batch):
            self.asked.append(tuple(command.args for command in request.commands))
        else:
            assert isinstance(request, (Command, Spawn))
            self.asked.append(request.args if isinstance(request, Command) else (request.name,))
        reply = self.replies.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        return reply


def _settled(result: Any) -> Any:
    """The result of a call; a coroutine is run in an event loop of its own, as SyncDriver does."""

    async def whole() -> Any:
        return await result

    return asyncio.run(whole()) if inspect.isawaitable(result) else result


def requests_of(operation: Op[Any], *replies: Any) -> list[tuple[Any, ...]]:
    """The requests of an operation that is given these replies."""
    driver = ScriptedDriver(*replies)
    driver.run(operation)
    assert driver.replies == [], "not every reply was asked for"
    return driver.asked


def result_of(operation: Op[T], *replies: Any) -> T:
    """The result of an operation that is given these replies."""
    return ScriptedDriver(*replies).run(operation)
