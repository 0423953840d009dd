"""The blocking driver: one connection a thread; threads for what is spawned."""

from __future__ import annotations

import inspect
import os
import threading
import time
from typing import Any, TypeVar

from pyresque.driver import around
from pyresque.driver.lean import Connection
from pyresque.driver.replies import checked, first_error, unwrapped, wrapped
from pyresque.driver.target import CONNECT_TIMEOUT, target
from pyresque.ops import Arg, Around, Batch, Call, Command, Op, Request, Sleep, Spawn

T = TypeVar("T")

#: A connection that has been idle for longer is looked at before it is used: the server may have closed it.
IDLE = 1.0


class _Mine(threading.local):
    """What one thread holds; after a fork the child starts anew."""

    connection: Connection | None = None
    pid: int = 0
    used: float = 0.0


class SyncDriver:
    """Carries operations in the caller's thread. Safe to share between threads, and across a fork."""

    def __init__(self, url: str) -> None:
        """Read the URL; the first request connects. Raises ConnectError."""
        self.target = target(url)
        self.where = self.target.where
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
            return _settled(request.function())
        if isinstance(request, Sleep):
            return time.sleep(request.seconds)
        if isinstance(request, Around):
            return around.called(self.run, self.answer, request)
        return _Thread(self, request)

    def close(self) -> None:
        """Close this thread's connection."""
        self._drop()

    def wire(self) -> Connection:
        """A connection for one who does not stand and wait for answers. Raises RedisUnavailable, ConnectError."""
        return Connection(self.target, CONNECT_TIMEOUT)

    def _batch(self, batch: Batch) -> list[object]:
        if not batch.commands:
            return []
        commands = [command.args for command in batch.commands]
        if batch.atomic:
            return unwrapped(self._talk(wrapped(commands)), self.where)
        return first_error(self._talk(commands), self.where)

    def _talk(self, commands: list[tuple[Arg, ...]]) -> list[object]:
        """Send and read in one round trip; an error the server sends stands in its place in the list."""
        mine = self._mine
        try:
            connection = mine.connection
            if connection is None or mine.pid != os.getpid():
                # The parent's socket is not ours to use or to shut down: it is only let go of.
                connection = self._connect()
            elif time.monotonic() - mine.used > IDLE and connection.stale():
                connection.close()
                connection = self._connect()
            replies = connection.talk(commands)
        except BaseException:
            # Whatever broke in between, the replies that are still to come belong to nobody.
            self._drop()
            raise
        mine.used = time.monotonic()
        return replies

    def _connect(self) -> Connection:
        mine = self._mine
        mine.connection, mine.pid = Connection(self.target), os.getpid()
        return mine.connection

    def _drop(self) -> None:
        mine = self._mine
        if mine.connection is not None:
            mine.connection.close()
        mine.connection = None


def _settled(result: Any) -> Any:
    """What a call returned; what must be awaited is, in an event loop of its own."""
    if result is None or not inspect.isawaitable(result):
        return result
    import asyncio  # noqa: PLC0415 - heavy, and only where something awaits

    async def whole() -> Any:
        return await result

    return asyncio.run(whole())


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
