"""The awaiting driver on a client of the user's own: an asyncio client of redis-py, valkey-py or fakeredis, or a pool of theirs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pyresque.driver.aio import AsyncDriver
from pyresque.driver.client import described, taken
from pyresque.driver.client_replies import as_ours, as_resp2, refusal_in
from pyresque.driver.following import exchange, groups_of, replies_of
from pyresque.driver.protocol import checked
from pyresque.driver.server import Server
from pyresque.driver.url import RedisUrl
from pyresque.ops import Batch, Command

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from pyresque.ops import Request


class AsyncClientDriver(AsyncDriver):
    """Carries operations in the running event loop, on connections of a client's pool."""

    def __init__(self, client: Any, namespace: str, threads: Executor | None = None) -> None:
        """Take a client or a pool; the first request takes a connection from it."""
        super().__init__(Server(RedisUrl(where=described(client))), threads)
        self._client = client
        self._namespace = namespace
        self._cluster = hasattr(client, "nodes_manager")

    async def close(self) -> None:
        """Leave the client's connections: they are its owner's."""

    async def _answer(self, request: Request) -> Any:
        if isinstance(request, Command):
            ((reply,),) = await self._exchange([[request]])
            return checked(reply, self.where, request.args)
        return await super()._answer(request)

    async def _batch(self, batch: Batch) -> list[object]:
        if not batch.commands:
            return []
        return replies_of(batch, await self._exchange(groups_of(batch)), self.where)

    async def _exchange(self, groups: Sequence[Sequence[Command[Any]]]) -> list[list[object]]:
        if self._cluster:
            return await exchange(self, groups)
        came = await self.talk([command for group in groups for command in group])
        return [[came.pop(0) for _ in group] for group in groups]

    # -- as a Link

    async def talk(self, commands: Sequence[Command[Any]]) -> list[object]:
        """Send and read on one connection; a refusal stands in its place in the list."""
        client = self._client
        if not self._cluster:
            return await self._exchanged(getattr(client, "connection_pool", client), commands)
        try:
            await client.initialize()
            node = client.get_node_from_key(self._namespace)
        except Exception as error:
            raise as_ours(error, self.where) from error
        return await self._exchanged(_NodePool(node), commands)

    async def talk_once(
        self, node: tuple[str, int], commands: Sequence[Command[Any]]
    ) -> list[object]:
        """Send them to another node of the client's."""
        found = self._client.get_node(host=node[0], port=node[1])
        if found is None:
            await self.moved(*node)
            return [None, *await self.talk(commands[1:])]
        return await self._exchanged(_NodePool(found), commands)

    async def moved(self, host: str, port: int) -> None:
        """Let the client read the slots anew."""
        del host, port
        try:
            await self._client.nodes_manager.initialize()
        except Exception as error:
            raise as_ours(error, self.where) from error

    async def pause(self, seconds: float) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)

    async def _exchanged(self, pool: Any, commands: Sequence[Command[Any]]) -> list[object]:
        try:
            connection = await taken(pool)
        except Exception as error:
            raise as_ours(error, self.where) from error
        try:

            async def failed(_error: Exception) -> None:
                await connection.disconnect()

            replies: list[object] = await connection.retry.call_with_retry(
                lambda: _spoken(connection, commands), failed
            )
        except BaseException as error:
            await connection.disconnect()
            raise as_ours(error, self.where) from error
        finally:
            await pool.release(connection)
        return replies


class _NodePool:
    """A node of redis-py's awaiting cluster client, which keeps connections of its own in place of a pool."""

    def __init__(self, node: Any) -> None:
        self._node = node

    async def get_connection(self) -> Any:
        """A connection to the node."""
        return self._node.acquire_connection()

    async def release(self, connection: Any) -> None:
        """Give it back."""
        node = self._node
        (node.release if hasattr(node, "release") else node._free.append)(connection)  # noqa: SLF001 - older clients have no other way


async def _spoken(connection: Any, commands: Sequence[Command[Any]]) -> list[object]:
    await connection.connect()
    for command in commands:
        await connection.send_command(*command.args)
    replies: list[object] = []
    for command in commands:
        try:
            reply = await connection.read_response(disable_decoding=True)
        except Exception as error:
            reply = refusal_in(error)
            if reply is None:
                raise
        replies.append(as_resp2(reply, command.args))
    return replies
