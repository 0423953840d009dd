"""The blocking driver: redis-py connections, one a thread; threads for what is spawned."""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

import redis

from pyresque.driver import around
from pyresque.driver.connect import CONNECT_TIMEOUT, pool
from pyresque.driver.replies import checked, first_error, passing, told, unwrapped, wrapped
from pyresque.driver.wire import Wire
from pyresque.ops import Arg, Around, Batch, Call, Command, Op, Request, Sleep, Spawn
from pyresque.settings import shown

if TYPE_CHECKING:
    from redis.connection import AbstractConnection

T = TypeVar("T")

#: A connection that has been idle for longer is looked at before it is used: the server may have closed it.
IDLE = 1.0


class _Mine(threading.local):
    """What one thread holds; after a fork the child starts anew."""

    connection: AbstractConnection | None = None
    pid: int = 0
    used: float = 0.0


class SyncDriver:
    """Carries operations in the caller's thread. Safe to share between threads, and across a fork."""

    def __init__(self, url: str, connections: redis.ConnectionPool | None = None) -> None:
        self.where = shown(url)
        self._pool = connections if connections is not None else pool(url)
        self._mine = _Mine()

    def run(self, operation: Op[T]) -> T:
        """Carry the operation to its end and return what it returns, or raise what it raises."""
        send, throw = operation.send, operation.throw
        try:
            request: Request = send(None)
            while True:
                try:
                    answer = self.answer(request)
                except BaseException as error:  # noqa: BLE001 - it is the operation's to deal with
                    request = throw(error)
                else:
                    request = send(answer)
        except StopIteration as stop:
            value: T = stop.value
            return value
        finally:
            operation.close()

    def answer(self, request: Request) -> Any:
        """Do what one request asks for."""
        if isinstance(request, Command):
            return checked(self._talk([request.args])[0], self.where)
        if isinstance(request, Batch):
            return self._batch(request)
        if isinstance(request, Call):
            result = request.function()
            return asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result
        if isinstance(request, Sleep):
            return time.sleep(request.seconds)
        if isinstance(request, Around):
            return around.called(self.run, self.answer, request)
        return _Thread(self, request)

    def close(self) -> None:
        """Give back this thread's connection and those that nobody uses."""
        self._drop()
        self._pool.disconnect(inuse_connections=False)

    def wire(self) -> Wire:
        """A connection for one who does not stand and wait for answers. Raises RedisUnavailable, ConnectError."""
        return Wire(self._made(socket_timeout=CONNECT_TIMEOUT), self.where)

    def _batch(self, batch: Batch) -> list[object]:
        if not batch.commands:
            return []
        commands = [command.args for command in batch.commands]
        if batch.atomic:
            return unwrapped(self._talk(wrapped(commands)), self.where)
        return first_error(self._talk(commands), self.where)

    def _talk(self, commands: list[tuple[Arg, ...]]) -> list[object]:
        """Send and read in one round trip; an error the server sends stands in its place in the list."""
        try:
            connection = self._ready()
            if len(commands) == 1:
                connection.send_packed_command(connection.pack_command(*commands[0]))
            else:
                connection.send_packed_command(connection.pack_commands(commands))
            replies = [self._read(connection) for _ in commands]
        except BaseException as error:
            # Whatever broke in between, the replies that are still to come belong to nobody.
            self._drop()
            raise told(error, self.where) from error
        self._mine.used = time.monotonic()
        return replies

    @staticmethod
    def _read(connection: AbstractConnection) -> object:
        try:
            return connection.read_response(disable_decoding=True)
        except redis.ResponseError as error:
            if passing(error):
                raise
            return error

    def _ready(self) -> AbstractConnection:
        mine = self._mine
        if mine.connection is None or mine.pid != os.getpid():
            # The parent's socket is not ours to use or to shut down: it is only let go of.
            mine.connection, mine.pid = self._made(), os.getpid()
            mine.connection.connect()
        elif time.monotonic() - mine.used > IDLE:
            try:
                stale = mine.connection.can_read(timeout=0)
            except (redis.ConnectionError, redis.TimeoutError, OSError):
                stale = True
            if stale:
                mine.connection.disconnect()
                mine.connection.connect()
        return mine.connection

    def _made(self, **other: float) -> AbstractConnection:
        """A connection of the pool's kind; kept by the thread, so the pool need not count it."""
        options = {**self._pool.connection_kwargs, **other}
        made: AbstractConnection = self._pool.connection_class(**options)
        return made

    def _drop(self) -> None:
        mine = self._mine
        if mine.connection is not None and mine.pid == os.getpid():
            mine.connection.disconnect()
        mine.connection = None


async def _awaited(result: Any) -> Any:
    return await result


class _Thread:
    """An operation in a thread of its own, with a connection of its own."""

    def __init__(self, driver: SyncDriver, spawn: Spawn) -> None:
        self._driver = driver
        self._operation = spawn.operation()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._carry, name=spawn.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it at its next request."""
        self._over.set()

    async def join(self) -> None:
        """Wait until it has ended."""
        await Call(self._thread.join)

    def _carry(self) -> None:
        operation, driver = self._operation, self._driver
        try:
            request = operation.send(None)
            while not self._over.is_set():
                try:
                    answer = (
                        self._over.wait(request.seconds)
                        if isinstance(request, Sleep)
                        else driver.answer(request)
                    )
                except BaseException as error:  # noqa: BLE001 - it is the operation's to deal with
                    request = operation.throw(error)
                else:
                    if self._over.is_set():
                        break
                    request = operation.send(answer)
        except StopIteration:
            pass
        finally:
            operation.close()
            driver._drop()  # noqa: SLF001 - this thread's own connection
