"""The blocking driver: one connection for each thread, and a new thread for each spawned operation."""

from __future__ import annotations

from _thread import _local
from os import getpid
from time import monotonic, sleep

from pyresque import lent_connection
from pyresque.descriptors import look_over
from pyresque.driver.connection import Connection
from pyresque.driver.protocol import (
    checked,
    commands_of,
    of_batch,
    pack,
    replies_to,
)
from pyresque.driver.server import Server
from pyresque.driver.url import CONNECT_TIMEOUT, target
from pyresque.dropped_errors import dropped_by_loop
from pyresque.errors import ConnectionFault, NotCarriedOut, UnexpectedReply
from pyresque.lightweight import is_awaitable
from pyresque.ops import (
    Around,
    Batch,
    Call,
    Command,
    Elsewhere,
    Op,
    Request,
    Sleep,
    Spawn,
    Stopped,
    carry,
    carry_async,
)
from pyresque.reply_kinds import KINDS
from pyresque.user_errors import Raised, RaisedInCall, outcome_of, thrown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Any, TypeVar

    from pyresque.ops import Op, Request

    T = TypeVar("T")

#: Seconds. The driver checks a connection that was idle for longer before it uses it: the server may have closed it.
IDLE = 1.0

#: Seconds that a spawned operation that was stopped is waited for.
JOIN = 2.0


#: Errors after which the connection is given up: another one leads elsewhere, or its replies may be out of step.
LEAVING = (ConnectionFault, NotCarriedOut, UnexpectedReply)

#: Commands that change the connection on which they are sent: never on one that is lent.
CHANGING = frozenset(
    {
        *("ASKING", "AUTH", "CLIENT", "DISCARD", "EXEC", "HELLO", "MONITOR", "MULTI", "PSUBSCRIBE"),
        *("PUNSUBSCRIBE", "QUIT", "READONLY", "READWRITE", "RESET", "SELECT", "SSUBSCRIBE"),
        *("SUBSCRIBE", "SUNSUBSCRIBE", "UNSUBSCRIBE", "UNWATCH", "WATCH"),
    }
)


def changes(command: Command[Any]) -> bool:
    """Whether a command changes the connection on which it is sent."""
    word = command.args[0]
    text = word.decode("ascii", "replace") if isinstance(word, bytes) else str(word)
    return text.upper() in CHANGING


class _ThreadConnection:
    """The connection of one thread, and the process that made it: a forked child makes its own. ``opening``: the one that was opened last."""

    __slots__ = ("connection", "hurried", "opening", "pid", "used")

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.opening: Connection | None = None
        self.hurried = False
        self.pid = 0
        self.used = 0.0

    def break_off(self, seconds: float) -> None:
        """Close the connection if it was made before ``hurried`` was set (``hurry.Waits``)."""
        from pyresque.driver.hurry import is_hurried  # noqa: PLC0415 - as a process ends

        for each in (self.connection, self.opening):
            if each is not None and not is_hurried(each.timeout):
                each.break_off(seconds)


class _PerThread(_local):
    """Gives each thread a ``_ThreadConnection`` of its own."""

    def __init__(self) -> None:
        self.own = _ThreadConnection()


class SyncDriver:
    """Runs operations in the caller's thread. Safe to share between threads, and across a fork."""

    def __init__(self, server: Server | str) -> None:
        """Take a Server or a URL; the first request connects. Raises ConnectError."""
        self.server = Server(target(server)) if isinstance(server, str) else server
        self.target = self.server.url
        self.where = self.server.where
        self._threads = _PerThread()
        self._others: dict[str, SyncDriver] = {}
        #: The next connection, under 0: two threads cannot both pop it.
        self._prepared: dict[int, Connection] = {}

    def run(self, operation: Op[T]) -> T:
        """Run an operation to its end and return what it returns, or raise what it raises.

        This is ``ops.carry``, written out: every verb and every job of a blocking worker goes through it.
        """
        send, throw, ask = operation.send, operation.throw, self._ask
        try:
            request: Request = send(None)
            while True:
                try:
                    answer = ask(request) if isinstance(request, Command) else self.answer(request)
                except BaseException as error:  # noqa: BLE001 - it is the operation's to deal with
                    request = throw(thrown(error))
                else:
                    request = send(answer)
        except StopIteration as stop:
            value: T = stop.value
            return value
        except RaisedInCall as raised:
            error_of_the_call = raised.error
        finally:
            operation.close()
        raise error_of_the_call

    def answer(self, request: Request) -> Any:
        """Do what one request asks for."""
        if isinstance(request, Call):
            return _settled(request.function())
        if isinstance(request, Batch):
            return self._batch(request)
        if isinstance(request, Command):
            return self._ask(request)
        if isinstance(request, Sleep):
            return sleep(request.seconds)
        if isinstance(request, Around):
            return called(self.run, self.answer, request)
        return (
            self._ask_other(request) if isinstance(request, Elsewhere) else _Thread(self, request)
        )

    def close(self) -> None:
        """Close the connection of the calling thread, and those to other servers. A program that goes on has all of its time again."""
        self._drop()
        self._threads.own = _ThreadConnection()  # a Hurry has the former one
        for other in self._others.values():
            other.close()

    def _ask_other(self, request: Elsewhere) -> Any:
        """Send a request to another server. Raises ConnectError."""
        url = request.url
        if url not in self._others:
            self._others[url] = self.other(url)
        return self._others[url].answer(request.request)

    def other(self, url: str) -> SyncDriver:
        """Make the driver of another server. Raises ConnectError."""
        return SyncDriver(url)

    def open_connection(self, reply_timeout: float = CONNECT_TIMEOUT) -> Connection:
        """Open a connection that the caller owns; a reply may take ``reply_timeout`` seconds. Raises RedisUnavailable, ConnectError."""
        return Connection(self.server.find(), reply_timeout)

    def _batch(self, batch: Batch) -> list[object]:
        if not batch.commands:
            return []
        ordinary = batch.last is None and not batch.atomic
        if lent_connection.offered is not None and any(map(changes, batch.commands)):
            self._leave_loan()
        replies = self._talk(batch.commands if ordinary else commands_of(batch))
        try:
            if ordinary:
                return of_batch(replies, self.where, batch.commands, lenient=batch.lenient)
            return replies_to(batch, replies, self.where)
        except LEAVING:
            self._drop()  # the next connection logs in anew, maybe elsewhere
            raise

    def _ask(self, command: Command[Any]) -> object:
        own = self._threads.own
        try:
            connection = own.connection
            if connection is None or own.pid != getpid() or monotonic() - own.used > IDLE:
                connection = self._ready(own)
            if connection.lent and changes(command):
                connection = self._leave_loan()
            wire = command.wire
            reply = connection.ask(wire or pack(command.args))
        except BaseException:
            # Unread replies may be in the socket: they must not be taken for replies to another command.
            self._drop()
            raise
        own.used = monotonic()
        kind = None if wire else KINDS.get(command.args[0])  # what has a wire form is a script
        if kind is None:
            if not isinstance(reply, BaseException):
                return reply
        elif reply.__class__ in kind.plain and reply != kind.never:
            return reply
        try:  # ``checked`` looks more closely
            return checked(reply, self.where, command.args)
        except LEAVING:  # as above
            self._drop()
            raise

    def _talk(self, commands: Sequence[Command[Any]]) -> list[object]:
        """Send and read in one round trip; an error reply stands in the list, at its command's index."""
        own = self._threads.own
        try:
            connection = own.connection
            if connection is None or own.pid != getpid() or monotonic() - own.used > IDLE:
                connection = self._ready(own)
            replies = connection.talk(commands)
        except BaseException:
            self._drop()
            raise
        own.used = monotonic()
        return replies

    def _ready(self, own: _ThreadConnection) -> Connection:
        """Return this thread's connection; open one if it has none."""
        connection = own.connection
        if connection is None or own.pid != getpid():
            # A forked child must neither use nor shut down its parent's socket.
            return self._connect()
        if monotonic() - own.used > IDLE and connection.stale():
            connection.close()
            return self._connect()
        return connection

    def _connect(self) -> Connection:
        loan = lent_connection.offered
        if loan is None or not loan.take(self):
            return self._connect_anew()
        made = self._connect_anew(loan.descriptor)
        loan.used_by(made)
        return made

    def _connect_anew(self, descriptor: int | None = None) -> Connection:
        """Open a connection, or go on with a lent one."""
        own, to = self._threads.own, self.server.find()
        if own.hurried:
            from pyresque.driver.hurry import hurried  # noqa: PLC0415 - as above

            to = hurried(to)
        made = self._prepared.pop(0, None)
        if made is None or made.to is not to:
            made = Connection.prepared(to)
        own.opening = made
        made.open(descriptor)
        own.connection, own.pid = made, getpid()
        return made

    def _leave_loan(self) -> Connection:
        """Return a connection of this thread's own, and the one that it was lent to who lent it."""
        own = self._threads.own
        if own.connection is None or own.pid != getpid() or own.connection.lent:
            lent_connection.give_back()
            return self._connect_anew()
        return own.connection

    def waits_here(self) -> _ThreadConnection:
        """The connection of the calling thread, for a Hurry."""
        return self._threads.own

    def prepare(self) -> None:
        """Prepare the next connection, which may be that of a forked child."""
        look_over()  # which forgets connections that are no more
        if not self.server.find_blocks:
            self._prepared[0] = Connection.prepared(self.server.find())

    def _drop(self) -> None:
        own = self._threads.own
        if own.connection is not None:
            own.connection.close()
        own.connection = None


def _settled(result: Any) -> Any:
    """What a call returned; an awaitable is awaited in an event loop of its own."""
    if result is None or not is_awaitable(result):
        return result
    return awaited(result)


class _Thread:
    """An operation in a thread of its own, with a connection of its own."""

    def __init__(self, driver: SyncDriver, spawn: Spawn) -> None:
        import threading  # noqa: PLC0415 - each forked child would pay for it

        self._driver = driver
        self._operation = spawn.operation()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=spawn.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it at its next request."""
        self._over.set()

    async def join(self) -> None:
        """Wait until it has ended, ``JOIN`` seconds at most: it may await a Redis that hangs."""
        await Call(lambda: self._thread.join(JOIN))

    def _run(self) -> None:
        try:
            carry(self._operation, self._answer)
        except Stopped:
            pass
        finally:
            self._driver.close()  # this thread's own connection

    def _answer(self, request: Request) -> Any:
        answer = None
        if isinstance(request, Sleep):
            self._over.wait(request.seconds)
        elif not self._over.is_set():
            answer = self._driver.answer(request)
        if self._over.is_set():
            raise Stopped
        return answer


def called(run: Callable[[Op[Any]], Any], answer: Callable[[Request], Any], request: Around) -> Any:
    """Call middleware around an operation; async middleware gets an event loop, which everything inside it shares."""
    if not request.awaits:
        return request.function(lambda *args: run(request.inner(*args)))
    return awaited(request.function(lambda *args: _in_loop(answer, request.inner(*args))))


def awaited(awaitable: Awaitable[Any]) -> Any:
    """Run an awaitable in a new event loop; in another thread if a loop runs in this one already."""
    import asyncio  # noqa: PLC0415 - heavy, and only if something awaits

    async def outcome(*passing: type[BaseException]) -> Any:
        asyncio.get_running_loop().set_exception_handler(dropped_by_loop)
        return await outcome_of(awaitable, passing)

    if asyncio._get_running_loop() is None:  # noqa: SLF001 - the public one raises if there is none
        given = asyncio.run(outcome(asyncio.CancelledError))
    else:
        given = _in_a_thread(lambda: asyncio.run(outcome()))
    if type(given) is Raised:
        raise given.error
    return given


def _in_a_thread(call: Callable[[], Any]) -> Any:
    import contextvars  # noqa: PLC0415 - for those who block a running loop
    import threading  # noqa: PLC0415 - as above

    given: list[Any] = []
    context = contextvars.copy_context()
    thread = threading.Thread(target=lambda: given.append(context.run(call)), name="awaiting")
    thread.start()
    thread.join()
    return given[0]


async def _in_loop(answer: Callable[[Request], Any], operation: Op[T]) -> T:
    """Run an operation in the running event loop: awaits what its calls return; every other request blocks."""

    async def answered(request: Request) -> Any:
        if isinstance(request, Call):
            result = request.function()
            return await result if is_awaitable(result) else result
        if isinstance(request, Around) and request.awaits:
            return await request.function(lambda *args: _in_loop(answer, request.inner(*args)))
        return answer(request)

    return await carry_async(operation, answered)
