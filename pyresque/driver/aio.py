"""The awaiting driver: one connection for all that a loop carries, tasks for what is spawned, threads for what is offloaded."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from contextlib import suppress
from functools import partial
from os import getpid
from types import coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.driver.aio_connection import SharedConnection, closed_loop, connected
from pyresque.driver.hurry import hurried, is_hurried
from pyresque.driver.protocol import checked, commands_of, replies_to
from pyresque.driver.server import Server
from pyresque.driver.url import target
from pyresque.errors import NotCarriedOut, RedisUnavailable, UnexpectedReply
from pyresque.lightweight import is_awaitable, is_coroutine_function
from pyresque.ops import Around, Batch, Call, Command, Elsewhere, Op, Request, Sleep, Spawn, carry
from pyresque.reply_kinds import is_odd, odd_reply
from pyresque.user_errors import Raised, outcome_of, thrown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
    from concurrent.futures import Executor, Future

T = TypeVar("T")


class AsyncDriver:
    """Runs operations in the running event loop, any number at a time, on one connection."""

    def __init__(self, server: Server | str, threads: Executor | None = None) -> None:
        """Take a Server or a URL; the first request connects.

        Offloaded calls run in ``threads``, else in the loop's own. Raises ConnectError.
        """
        self.server = Server(target(server)) if isinstance(server, str) else server
        self.target = self.server.url
        self.where = self.server.where
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wire: SharedConnection | None = None
        self._making: asyncio.Task[SharedConnection] | None = None
        self._opening: SharedConnection | None = None  # the one that was opened last
        self._pid = getpid()
        self._parents: list[object] = []
        self._threads = threads
        self._others: dict[str, AsyncDriver] = {}
        self.hurried = False

    async def run(self, operation: Op[T]) -> T:  # noqa: C901, PLR0912 - one layer more would cost each command a coroutine
        """Run an operation to its end and return what it returns, or raise what it raises.

        This is ``ops.carry_async``, written out: every awaited verb and every job of an event loop goes through it.
        """
        send, loop = operation.send, asyncio.get_running_loop()
        if self._pid != getpid():
            self._forked()
        try:
            request: Request = send(None)
            while True:
                try:
                    if isinstance(request, Command):
                        wire = self._wire
                        if wire is not None and wire.usable and self._loop is loop:
                            try:
                                answer = await wire.ask(request)
                                if not request.wire and is_odd(answer, request.args):
                                    self._retire()
                                    raise odd_reply(answer, request.args, self.where)
                            except NotCarriedOut as error:
                                answer = await self._followed(request, error)
                        else:
                            answer = await self._answer(request)
                    elif isinstance(request, Call) and not request.offload:
                        answer = request.function()
                        if isinstance(answer, asyncio.Future) or is_awaitable(answer):
                            answer = await answer
                    else:
                        answer = await self._answer(request)
                except BaseException as error:  # noqa: BLE001 - it is the operation's to deal with
                    request = operation.throw(thrown(error))
                else:
                    request = send(answer)
        except StopIteration as stop:
            value: T = stop.value
            return value
        finally:
            operation.close()

    async def close(self) -> None:
        """Hang up; the next request connects anew."""
        for other in self._others.values():
            await other.close()
        if self._pid != getpid():
            self._forked()
        making, self._making = self._making, None
        if making is not None:
            making.cancel()
        if self._wire is not None:
            self._let_go()
            await asyncio.sleep(0)  # the loop closes the socket in its next round

    def _forked(self) -> None:
        """In a forked child: the parent's connection is left as it is.

        The child shares the parent's epoll: closing the connection here would take it out of the parent's loop, too. The
        reference is kept so that nothing closes it.
        """
        self._parents += [self._wire, self._making, self._loop]
        self._loop = self._wire = self._making = None
        self._pid = getpid()

    async def _answer(self, request: Request) -> Any:
        if isinstance(request, Command):
            return await self._first(request)
        if isinstance(request, Batch):
            return await self._batch(request)
        if isinstance(request, Call):
            # A coroutine function gives its coroutine at once: no thread is needed for that.
            offloaded = request.offload and not is_coroutine_function(request.function)
            result: Any = (
                await self._in_thread(request.function) if offloaded else request.function()
            )
            if type(result) is Raised:
                raise thrown(result.error)
            return await result if is_awaitable(result) else result
        if isinstance(request, Sleep):
            return await asyncio.sleep(request.seconds)
        if isinstance(request, Around):
            return await self._around(request)
        return _Task(self, request) if isinstance(request, Spawn) else await self._other(request)

    async def _other(self, request: Elsewhere) -> Any:
        """Send a request to another server. Raises ConnectError."""
        if request.url not in self._others:
            self._others[request.url] = self.other(request.url)
        return await self._others[request.url].run(_asked(request.request))

    def other(self, url: str) -> AsyncDriver:
        """Make the driver of another server. Raises ConnectError."""
        return AsyncDriver(url, self._threads)

    async def _around(self, request: Around) -> Any:
        """Await the middleware, or call it in a thread."""
        awaited = request.function if request.awaits else request.awaited
        if awaited is not None:
            return await awaited(lambda *args: self.run(request.inner(*args)))
        thread = _AroundThread(self._answer)
        return await thread.call(lambda: thread.around(request))

    def _in_thread(self, function: Callable[[], Any]) -> asyncio.Future[Any]:
        """Call it in a thread, as ``asyncio.to_thread`` does."""
        work = partial(contextvars.copy_context().run, _raised_or_result, function)
        return asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _batch(self, batch: Batch) -> list[object]:
        if not batch.commands:
            return []
        replies = await self._talk(commands_of(batch))
        try:
            return replies_to(batch, replies, self.where)
        except (NotCarriedOut, UnexpectedReply):
            self._retire()
            raise

    async def _talk(self, commands: Sequence[Command[Any]]) -> list[object]:
        """Send and read in one round trip; an error the server sends stands in its place in the list."""
        wire = self._connection()
        if wire is not None:
            return await wire.talk(commands)
        wire = await self._connected()
        try:
            return await wire.talk(commands)
        except RedisUnavailable as error:
            diagnosed = await wire.diagnosed(error)
            if diagnosed is error:
                raise
            raise diagnosed from error

    async def _first(self, command: Command[Any]) -> object:
        """Send a command when there is no connection in use."""
        (reply,) = await self._talk([command])
        try:
            return checked(reply, self.where, command.args)
        except (NotCarriedOut, UnexpectedReply):
            self._retire()
            raise

    async def _followed(self, command: Command[Any], error: Exception) -> object:
        """Raise the refusal of a command that another server may carry out; the next command goes out on a new connection."""
        del command
        self._retire()
        raise error

    def _connection(self) -> SharedConnection | None:
        """The connection, if there is one and it is this loop's."""
        wire = self._wire
        if wire is None or not wire.usable or self._loop is not asyncio.get_running_loop():
            return None
        return wire

    async def _connected(self) -> SharedConnection:
        """A new connection, made once for all who want one. One belongs to the loop in which it was made."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._let_go()
            self._loop, self._making = loop, None
        if self._making is None:
            self._making = loop.create_task(self._found())
            self._making.add_done_callback(self._made)
        return await asyncio.shield(self._making)

    async def _found(self) -> SharedConnection:
        """Open a connection to the server's present address; a lookup that blocks runs in a thread."""
        server = self.server
        if server.find_blocks:
            to = await asyncio.to_thread(server.find, await server.login_async())
        else:
            to = server.find()
        to = hurried(to) if self.hurried else to
        self._opening = SharedConnection(to)
        return await connected(to, self._opening)

    def break_off(self, seconds: float) -> None:
        """Close the connection if it was made before ``hurried`` was set (``hurry.Waits``)."""
        with suppress(RuntimeError):  # a job has closed the loop
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._break_off, seconds)

    def _break_off(self, seconds: float) -> None:
        for wire in (self._wire, self._opening):
            if wire is not None and not is_hurried(wire.to.reply_timeout):
                wire.break_off(seconds)

    def _made(self, making: asyncio.Task[SharedConnection]) -> None:
        """Keep the connection, even if every caller was cancelled; close it if the driver was closed meanwhile."""
        wire = None if making.cancelled() or making.exception() else making.result()
        if making is self._making:
            self._making, self._wire = None, wire
        elif wire is not None:
            with closed_loop():
                wire.close()

    def _retire(self) -> None:
        """Close the connection after its last awaited reply: the next one may lead to another server."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.retire()

    def _let_go(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            with closed_loop():
                wire.close()


@coroutine
def _asked(request: Command[Any] | Batch) -> Generator[Any, Any, Any]:
    """One request as an operation, which returns the reply unread."""
    return (yield request)


def _raised_or_result(function: Callable[[], T]) -> T | Raised:
    """Call a function in a thread; an error is returned: a future would add its own frames to the backtrace."""
    try:
        return function()
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        return Raised(error)


class _Task:
    """An operation as a task of the running loop."""

    def __init__(self, driver: AsyncDriver, spawn: Spawn) -> None:
        self._task: asyncio.Task[None] = asyncio.get_running_loop().create_task(
            driver.run(spawn.operation()), name=spawn.name
        )

    def stop(self) -> None:
        """End it at its next request."""
        self._task.cancel()

    async def join(self) -> None:
        """Wait until it has ended."""
        await Call(self._wait)

    def _wait(self) -> Awaitable[Any]:
        return asyncio.wait([self._task])


class _AroundThread:
    """A thread for middleware that blocks. Plain calls inside it run in it, too, so that its ``with`` holds for the job.

    Everything else that the operation asks for runs in the event loop.
    """

    def __init__(self, answer: Callable[[Request], Coroutine[Any, Any, Any]]) -> None:
        self.answer = answer
        self.loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._asked: Future[Any] | None = None
        self._to_cancel = False

    async def call(self, function: Callable[[], Any]) -> Any:
        """Start a new thread (a pool's might all be taken) and wait for it. A cancellation reaches what the thread awaits."""
        over = self.loop.create_future()
        context = contextvars.copy_context()

        def run() -> None:
            value: Any = None
            trouble: BaseException | None = None
            try:
                value = context.run(function)
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                trouble = error
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                self.loop.call_soon_threadsafe(_settle, over, (value, trouble))

        threading.Thread(target=run, name="middleware", daemon=True).start()
        try:
            value, trouble = await over
        except asyncio.CancelledError:
            self._cancel()
            raise
        if trouble is not None:
            raise thrown(trouble)
        return value

    def around(self, request: Around) -> Any:
        """Call the middleware in this thread, and what is inside it."""
        return request.function(lambda *args: self.run(request.inner(*args)))

    def run(self, operation: Op[T]) -> T:
        """Run an operation from this thread."""
        return carry(operation, self._answered)

    def _answered(self, request: Request) -> Any:
        if isinstance(request, Call):
            result = request.function()
            return self._in_loop(result) if inspect.isawaitable(result) else result
        if isinstance(request, Around) and not request.awaits:
            return self.around(request)
        return self._in_loop(self.answer(request))

    def _in_loop(self, awaitable: Awaitable[Any]) -> Any:
        outcome = outcome_of(awaitable, (asyncio.CancelledError,))
        asked = asyncio.run_coroutine_threadsafe(outcome, self.loop)
        with self._lock:
            self._asked = asked
            to_cancel, self._to_cancel = self._to_cancel, False
        if to_cancel:
            asked.cancel()
        try:
            result = asked.result()
        finally:
            self._asked = None
        if type(result) is Raised:
            raise result.error
        return result

    def _cancel(self) -> None:
        """Cancel what the thread awaits, or what it awaits next: the loop may be ahead of the thread."""
        with self._lock:
            asked, self._to_cancel = self._asked, self._asked is None
        if asked is not None:
            asked.cancel()


def _settle(over: asyncio.Future[Any], outcome: tuple[Any, BaseException | None]) -> None:
    if not over.done():
        over.set_result(outcome)
