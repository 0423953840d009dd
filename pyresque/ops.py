"""What an operation may ask for: six requests, and the drivers' promise to answer them.

An operation (``Op[T]``) is a coroutine that awaits nothing but the requests below. A driver carries it: it sends the
answer of each request into the operation, or throws the request's error into it, so that try/finally works as in
any Python. Operations can therefore be read, run and tested with no Redis, no clock and no thread::

    talk = access.size("high")
    assert talk.send(None).args == ("LLEN", "resque:queue:high")
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

#: What Redis takes as a part of a command.
Arg: TypeAlias = "str | bytes | int | float"

#: An operation that returns T.
Op: TypeAlias = Coroutine["Request", Any, T]


def as_it_is(reply: Any) -> Any:
    """The reply as the driver got it: bytes, int, list or None."""
    return reply


@dataclass(slots=True)
class Command(Generic[T]):
    """One Redis command; awaited, it gives ``read(reply)``.

    Replies are as on the wire: bytes, int, None, or lists of these. ``wire``, where it is given, is the same command as it is
    sent. (Not frozen: that would take four times as long to make.)
    """

    args: tuple[Arg, ...]
    read: Callable[[Any], T] = as_it_is
    wire: bytes = b""

    def __await__(self) -> Generator[Command[T], Any, T]:
        """Ask the driver, then read its answer."""
        return self.read((yield self))


@dataclass(frozen=True, slots=True)
class Batch:
    """Several commands in one round trip; ``atomic`` puts MULTI/EXEC around them.

    Awaited, it gives the list of read replies. Every command is sent even where an earlier one fails; then the
    first error is thrown, as a pipeline of Ruby does. ``lenient`` gives a WrongKey in the place of the reply instead.
    """

    commands: tuple[Command[Any], ...]
    atomic: bool = False
    lenient: bool = False

    def __await__(self) -> Generator[Batch, Any, list[Any]]:
        """Ask the driver, then read each answer."""
        replies: Sequence[Any] = yield self
        return [
            reply if isinstance(reply, BaseException) else command.read(reply)
            for command, reply in zip(self.commands, replies, strict=True)
        ]


@dataclass(slots=True)
class Call(Generic[T]):
    """A plain function to run: user code, or something that waits.

    ``offload`` says that it may take long: an awaiting driver then runs it in a thread. What the function returns may
    itself be awaitable (an ``async def`` hook); a driver with a loop awaits it. (Not frozen, as Command is not.)
    """

    function: Callable[[], T]
    offload: bool = False

    def __await__(self) -> Generator[Call[T], Any, T]:
        """Ask the driver to call it."""
        result: T = yield self
        return result


@dataclass(frozen=True, slots=True)
class Around:
    """User code around a part of the operation: ``function`` gets what carries that part, and calls it where it belongs.

    With ``awaits`` the function is a coroutine function, and what it gets is awaited. ``inner`` makes the part from the
    arguments the code gives.
    """

    function: Callable[[Callable[..., Any]], Any]
    inner: Callable[..., Op[Any]]
    awaits: bool = False

    def __await__(self) -> Generator[Around, Any, Any]:
        """Ask the driver to call it."""
        result = yield self
        return result


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait that many seconds."""

    seconds: float

    def __await__(self) -> Generator[Sleep, Any, None]:
        """Ask the driver to wait."""
        yield self


class Spawned(Protocol):
    """An operation running beside the one that spawned it."""

    def stop(self) -> None:
        """Ask it to end: it is closed at its next request; a sleep is cut short. Returns at once."""

    def join(self) -> Op[None]:
        """Wait until it has ended."""


@dataclass(frozen=True, slots=True)
class Spawn:
    """An operation to run beside this one: in a thread, or as a task, with a connection of its own."""

    operation: Callable[[], Op[None]]
    name: str

    def __await__(self) -> Generator[Spawn, Any, Spawned]:
        """Ask the driver to start it."""
        spawned: Spawned = yield self
        return spawned


Request: TypeAlias = "Command[Any] | Batch | Call[Any] | Around | Sleep | Spawn"


class Driver(Protocol):
    """Carries operations, blocking the caller until they have ended."""

    def run(self, operation: Op[T]) -> T:
        """Carry the operation to its end and return what it returns, or raise what it raises."""

    def close(self) -> None:
        """Give back every connection."""


class Clock(Protocol):
    """Where time comes from."""

    def time(self) -> float:
        """Seconds since 1970, as ``time.time``."""

    def monotonic(self) -> float:
        """Seconds since some start, never turned back, as ``time.monotonic``."""


#: Commands of one round trip where there may be any number of them.
LOT = 1000


async def in_lots(commands: Iterable[Command[Any]], *, lenient: bool = False) -> list[Any]:
    """The answers of any number of commands, some in one round trip: neither side holds more of them at a time."""
    source, answers = iter(commands), []
    while lot := tuple(islice(source, LOT)):
        answers += await Batch(lot, lenient=lenient)
    return answers


async def many(operations: Sequence[Op[T]]) -> list[T]:
    """Each operation in turn, in this one."""
    return [await operation for operation in operations]
