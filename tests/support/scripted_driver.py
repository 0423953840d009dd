"""Operations driven by hand: the test is Redis, and gives each answer itself."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.driver import sync
from pyresque.ops import Around, Batch, Call, Command, Op, Sleep, Spawn

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Hand:
    """A driver whose answers were laid out beforehand; ``asked`` is what operations asked for.

    A reply that is an exception is thrown into the operation. Calls are carried out, sleeps noted.
    """

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[Any, ...]] = []

    def run(self, operation: Op[T]) -> T:
        """Carry the operation to its end."""
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
        """Nothing to give back."""

    def _answer(self, request: object) -> Any:
        if isinstance(request, Call):
            return settled(request.function())
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


def settled(result: Any) -> Any:
    """What a call returned; a coroutine is run in an event loop of its own, as a driver does."""

    async def whole() -> Any:
        return await result

    return asyncio.run(whole()) if inspect.isawaitable(result) else result


def asked(operation: Op[Any], *replies: Any) -> list[tuple[Any, ...]]:
    """What an operation asks for, given these replies."""
    hand = Hand(*replies)
    hand.run(operation)
    assert hand.replies == [], "not every reply was asked for"
    return hand.asked


def told(operation: Op[T], *replies: Any) -> T:
    """What an operation makes of these replies."""
    return Hand(*replies).run(operation)
