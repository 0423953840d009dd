"""The awaiting driver: redis.asyncio connections, tasks for what is spawned, threads for what is offloaded."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, TypeVar

import redis
import redis.asyncio

from pyresque.driver import beside as threads
from pyresque.driver.connect import async_pool
from pyresque.driver.redis_py import passing, told
from pyresque.driver.replies import checked, first_error, unwrapped, wrapped
from pyresque.ops import Arg, Around, Batch, Call, Command, Op, Request, Sleep, Spawn
from pyresque.settings import shown

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from redis.asyncio.connection import AbstractConnection

T = TypeVar("T")


class AsyncDriver:
    """Carries operations in the running event loop; any number at a time, each on a connection from the pool."""

    def __init__(self, url: str, connections: redis.asyncio.ConnectionPool | None = None) -> None:
        self.where = shown(url)
        self._pool = connections if connections is not None else async_pool(url)

    async def run(self, operation: Op[T]) -> T:
        """Carry the operation to its end and return what it returns, or raise what it raises."""
        try:
            request: Request = operation.send(None)
            while True:
                try:
                    answer = await self._answer(request)
                except BaseException as error:  # noqa: BLE001 - it is the operation's to deal with
                    request = operation.throw(error)
                else:
                    request = operation.send(answer)
        except StopIteration as stop:
            value: T = stop.value
            return value
        finally:
            operation.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.disconnect()

    async def _answer(self, request: Request) -> Any:
        if isinstance(request, Command):
            return checked((await self._talk([request.args]))[0], self.where, told)
        if isinstance(request, Batch):
            return await self._batch(request)
        if isinstance(request, Call):
            # A coroutine function gives its coroutine at once: no thread is needed for that.
            beside = request.offload and not inspect.iscoroutinefunction(request.function)
            result = await asyncio.to_thread(request.function) if beside else request.function()
            return await result if inspect.isawaitable(result) else result
        if isinstance(request, Sleep):
            return await asyncio.sleep(request.seconds)
        if isinstance(request, Around):
            return await threads.awaited(self.run, self._answer, request)
        return _Task(self, request)

    async def _batch(self, batch: Batch) -> list[object]:
        if not batch.commands:
            return []
        commands = [command.args for command in batch.commands]
        if batch.atomic:
            return unwrapped(await self._talk(wrapped(commands)), self.where, told)
        return first_error(await self._talk(commands), self.where, told)

    async def _talk(self, commands: list[tuple[Arg, ...]]) -> list[object]:
        """Send and read in one round trip; an error the server sends stands in its place in the list."""
        try:
            connection: AbstractConnection = await self._pool.get_connection()
        except BaseException as error:
            raise told(error, self.where) from error
        try:
            packed = connection.pack_commands(commands)
            await connection.send_packed_command(packed)
            return [await self._read(connection) for _ in commands]
        except BaseException as error:
            # Whatever broke in between, the replies that are still to come belong to nobody.
            await connection.disconnect(nowait=True)
            raise told(error, self.where) from error
        finally:
            await self._pool.release(connection)

    @staticmethod
    async def _read(connection: AbstractConnection) -> object:
        try:
            return await connection.read_response(disable_decoding=True)
        except redis.ResponseError as error:
            if passing(error):
                raise
            return error


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
