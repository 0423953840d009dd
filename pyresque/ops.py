"""Operations, the seven requests that they await, and the drivers that answer these.

An operation (``Op[T]``) is a coroutine that awaits nothing but the requests below. A driver runs it: it sends the answer to each
request into the coroutine, or throws the request's error into it, so that try/finally works as in any Python. A test can
therefore run an operation without Redis, a clock or a thread::

    operation = queue_table.size("high")
    assert operation.send(None).args == ("LLEN", "resque:queue:high")
"""

from __future__ import annotations

from types import coroutine

from pyresque.lightweight import dataclass
from pyresque.reply_kinds import MISREAD, misread
from pyresque.user_errors import Raised, RaisedInCall, thrown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Sequence
    from typing import Any, Generic, Protocol, TypeAlias, TypeVar

    T = TypeVar("T")

    #: What Redis takes as a part of a command.
    Arg: TypeAlias = str | bytes | int | float

    #: An operation that returns T.
    Op: TypeAlias = Coroutine["Request", Any, T]
else:
    from pyresque.lightweight import Generic, Protocol

    T = Arg = None
    Op = Generic


def as_it_is(reply: Any) -> Any:
    """The reply as the driver got it: bytes, int, list or None."""
    return reply


@dataclass(slots=True)
class Command(Generic[T]):
    """One Redis command. Awaiting it returns ``read(reply)``, or without ``read`` the reply as the driver got it.

    A reply is bytes, int, None, or a list of these. ``wire``, if given, holds the command already encoded for the socket.
    (Not frozen: that would take four times as long to make.)
    """

    args: tuple[Arg, ...]
    read: Callable[[Any], T] | None = None
    wire: bytes = b""

    def __await__(self) -> Generator[Command[T], Any, T]:
        """Ask the driver, then read its answer."""
        reply: Any = yield self
        if self.read is None:
            found: T = reply
            return found
        try:
            return self.read(reply)
        except MISREAD as error:
            raise misread(reply, self.args, error) from error


def _asked(
    command: Command[Any], read: Callable[[Any], Any] | None = None
) -> Generator[Command[Any], Any, Any]:
    reply: Any = yield command
    try:
        return reply if read is None else read(reply)
    except MISREAD as error:
        raise misread(reply, command.args, error) from error


#: The operation of one command, by fewer steps than a coroutine that awaits the command.
answer: Callable[..., Op[Any]] = coroutine(_asked)


@dataclass(slots=True)
class Batch:
    """Several commands in one round trip; ``atomic`` puts MULTI/EXEC around them.

    Awaiting it returns the list of read replies. Every command is sent even if an earlier one fails; then the driver
    throws the first error, as a pipeline of Ruby does. ``lenient``: a WrongKey is not thrown but stands in the list, at its
    command's index. ``last`` is sent behind the others, outside the transaction; its reply is the last one. ``at_end``: the
    replies decide nothing, so while a job is performed the commands wait for its end (``job/job_end.py``). (Not frozen.)
    """

    commands: tuple[Command[Any], ...]
    atomic: bool = False
    lenient: bool = False
    last: Command[Any] | None = None
    at_end: bool = False

    def __await__(self) -> Generator[Batch, Any, list[Any]]:
        """Ask the driver, then read each answer."""
        replies: Sequence[Any] = yield self
        read: list[Any] = []
        for command, reply in zip(
            self.commands if self.last is None else (*self.commands, self.last),
            replies,
            strict=True,
        ):
            if command.read is None or isinstance(reply, BaseException):
                read.append(reply)
                continue
            try:
                read.append(command.read(reply))
            except MISREAD as error:
                raise misread(reply, command.args, error) from error
        return read


@dataclass(slots=True)
class Call(Generic[T]):
    """A plain function to run: user code, or something that waits.

    ``offload``: the function may take long, so an awaiting driver runs it in a thread. The function may return an
    awaitable (an ``async def`` hook does); the driver awaits it. (Not frozen, as Command is not.)
    """

    function: Callable[[], T]
    offload: bool = False

    def __await__(self) -> Generator[Call[T], Any, T]:
        """Ask the driver to call it."""
        result: T = yield self
        return result


class MayWait(Call[bool]):
    """Ask whether a Batch with ``at_end`` would wait for the end of a job; False where no job is performed."""

    def __init__(self) -> None:
        super().__init__(bool)


@dataclass(frozen=True, slots=True)
class Around:
    """User code around a part of the operation: ``function`` gets a callable that runs that part, and calls it.

    With ``awaits`` the function is a coroutine function, and it awaits what it gets. ``inner`` makes the part from the
    arguments that the user code passes. ``awaited`` is such a function, too: a driver that awaits takes it, so that it needs no thread.
    """

    function: Callable[[Callable[..., Any]], Any]
    inner: Callable[..., Op[Any]]
    awaits: bool = False
    awaited: Callable[[Callable[..., Any]], Any] | None = None

    def __await__(self) -> Generator[Around, Any, Any]:
        """Ask the driver to call it."""
        result = yield self
        return result


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for a number of seconds."""

    seconds: float

    def __await__(self) -> Generator[Sleep, Any, None]:
        """Ask the driver to wait."""
        yield self


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A command or a batch for another Redis, by its URL. Awaiting it returns the reply as the driver got it."""

    url: str
    request: Command[Any] | Batch

    def __await__(self) -> Generator[Elsewhere, Any, Any]:
        """Ask the driver to send it there."""
        reply: Any = yield self
        return reply


def elsewhere(url: str, operation: Op[T]) -> Awaitable[T]:
    """Run an operation of commands and batches on another Redis."""
    return rewrite(operation, lambda request: Elsewhere(url, request))


class Spawned(Protocol):
    """An operation that runs concurrently with the one that spawned it."""

    def stop(self) -> None:
        """Ask the operation to end: the driver closes it at its next request and cuts a sleep short. Returns at once."""

    def join(self) -> Op[None]:
        """Wait until it has ended."""


@dataclass(frozen=True, slots=True)
class Spawn:
    """An operation to run concurrently with this one: in a thread, or as a task, with a connection of its own."""

    operation: Callable[[], Op[None]]
    name: str

    def __await__(self) -> Generator[Spawn, Any, Spawned]:
        """Ask the driver to start it."""
        spawned: Spawned = yield self
        return spawned


if TYPE_CHECKING:
    Request: TypeAlias = Command[Any] | Batch | Call[Any] | Around | Sleep | Spawn | Elsewhere
else:
    Request = None


class Driver(Protocol):
    """Carries operations, blocking the caller until they have ended."""

    def run(self, operation: Op[T]) -> T:
        """Carry the operation to its end and return what it returns, or raise what it raises."""

    def close(self) -> None:
        """Close every connection; the next request connects anew."""


#: Commands in one round trip, if there may be any number of them.
CHUNK = 1000


async def in_chunks(
    commands: Iterable[Command[Any]], *, lenient: bool = False, size: int = CHUNK
) -> list[Any]:
    """Send any number of commands, ``size`` in each round trip, and return their replies. Neither side holds more than a chunk at a time."""
    from itertools import islice  # noqa: PLC0415 - for long lists

    source, answers = iter(commands), []
    while chunk := tuple(islice(source, size)):
        answers += await Batch(chunk, lenient=lenient)
    return answers


# -- carrying: stepping through an operation, which is a coroutine


class Stopped(BaseException):
    """Raised by ``answer`` to end an operation at its present request: ``carry`` closes the operation and raises this."""


def carry(operation: Op[T], answer: Callable[[Request], Any]) -> T:
    """Run an operation to its end, each request answered by ``answer(request)``; what that raises is thrown into it."""
    try:
        request = operation.send(None)
        while True:
            try:
                given = answer(request)
            except Stopped:
                raise
            except BaseException as error:  # noqa: BLE001 - it is the operation's to deal with
                request = operation.throw(thrown(error))
            else:
                request = operation.send(given)
    except StopIteration as stop:
        value: T = stop.value
        return value
    except RaisedInCall as raised:
        error_of_the_call = raised.error
    finally:
        operation.close()
    raise error_of_the_call


async def carry_async(operation: Op[T], answer: Callable[[Request], Awaitable[Any]]) -> T:
    """Run an operation to its end, as ``carry``, each request answered by ``await answer(request)``."""
    try:
        request = operation.send(None)
        while True:
            try:
                given = await answer(request)
            except BaseException as error:  # noqa: BLE001 - it is the operation's to deal with
                request = operation.throw(thrown(error))
            else:
                request = operation.send(given)
    except StopIteration as stop:
        value: T = stop.value
        return value
    finally:
        operation.close()


@dataclass(slots=True)
class Answer:
    """In the place of a request that ``rewrite`` has changed: the answer to it, for which no driver is asked."""

    value: Any


@coroutine
def rewrite(operation: Op[T], change: Callable[[Any], Any]) -> Generator[Any, Any, T]:
    """Run an operation inside another one; the driver gets ``change(request)`` in place of each of its requests.

    A ``Raised`` as answer is thrown into the operation. The value of an ``Answer`` goes into the operation at once.
    """
    step: Callable[[Any], Any] = operation.send
    given: Any = None
    try:
        while True:
            try:
                request = step(given)
            except StopIteration as stop:
                value: T = stop.value
                return value
            try:
                changed = change(request)
                given = changed.value if type(changed) is Answer else (yield changed)
                step = operation.send
                if type(given) is Raised:
                    step, given = operation.throw, given.error
            except BaseException as error:  # noqa: BLE001 - it is the operation's to deal with
                step, given = operation.throw, thrown(error)
    finally:
        operation.close()
