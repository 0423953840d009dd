"""The awaiting driver for a cluster, or for a master behind Sentinels."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pyresque.driver.aio import AsyncDriver
from pyresque.driver.aio_connection import SharedConnection, connected
from pyresque.driver.following import exchange, groups_of, replies_of
from pyresque.driver.protocol import checked
from pyresque.driver.server import LOOK
from pyresque.ops import Batch, Command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.ops import Request


class AsyncFollowingDriver(AsyncDriver):
    """Carries operations in the running event loop; a refused command is sent again, to the server that replaced ours."""

    _watch: asyncio.Task[None] | None = None

    async def _answer(self, request: Request) -> Any:
        if isinstance(request, Command):
            return await self._followed(request)
        return await super()._answer(request)

    async def _followed(self, command: Command[Any], error: Exception | None = None) -> object:
        del error
        ((reply,),) = await exchange(self, [[command]])
        return checked(reply, self.where, command.args)

    async def _batch(self, batch: Batch) -> list[object]:
        if not batch.commands:
            return []
        return replies_of(batch, await exchange(self, groups_of(batch)), self.where)

    async def close(self) -> None:
        """Close the connection; the next request opens another."""
        watch, self._watch = self._watch, None
        if watch is not None and watch.get_loop() is self._loop and not self._loop.is_closed():
            watch.cancel()
        await super().close()

    async def _found(self) -> SharedConnection:
        wire = await super()._found()
        if self.server.polls_sentinels:
            self._watch = asyncio.get_running_loop().create_task(self._watching(wire))
        return wire

    async def _watching(self, wire: SharedConnection) -> None:
        """Retire a connection once the Sentinels name another master; commands use it until then."""
        while wire.usable:
            await asyncio.sleep(LOOK)
            left: bool = await asyncio.to_thread(self.server.is_outdated, wire.to)
            if left:
                wire.retire()

    # -- as a Link

    async def talk(self, commands: Sequence[Command[Any]]) -> list[object]:
        """Send commands on the loop's connection."""
        return await self._talk(commands)

    async def talk_once(
        self, node: tuple[str, int], commands: Sequence[Command[Any]]
    ) -> list[object]:
        """Send commands on a connection to this node."""
        connection = await connected(self.server.at(node, await self.server.login_async()))
        try:
            return await connection.talk(commands)
        finally:
            connection.close()

    async def moved(self, host: str, port: int) -> None:
        """Let the loop's connection end after its last reply; the next one goes to that node."""
        if self.server.moved(host, port):
            self._retire()

    async def pause(self, seconds: float) -> None:
        """Suspend the task for a number of seconds."""
        await asyncio.sleep(seconds)
