"""The awaiting driver on a client of the user's own: an asyncio client of redis-py, valkey-py or fakeredis, or a pool of theirs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pyresque.driver.aio import AsyncDriver
from pyresque.driver.client import BYTES, client_on, described, unread
from pyresque.driver.client_replies import as_ours, as_resp2, refusal_in
from pyresque.driver.following import exchange, groups_of, replies_of
from pyresque.driver.hash_tag import check_tag
from pyresque.driver.protocol import checked, is_demoted
from pyresque.driver.server import Server
from pyresque.driver.url import RedisUrl
from pyresque.ops import Batch, Command

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from pyresque.ops import Request


class AsyncClientDriver(AsyncDriver):
    """Carries operations in the running event loop, by a client. A cluster's client finds the node by the slot of ``namespace``."""

    def __init__(self, client: Any, namespace: str, threads: Executor | None = None) -> None:
        """Take a client or a pool; the first request uses it. Raises ClusterFault for a namespace without a hash tag."""
        super().__init__(Server(RedisUrl(where=described(client))), threads)
        self._client = client_on(client)
        self._namespace = namespace
        self._cluster = hasattr(client, "nodes_manager")
        if self._cluster:
            check_tag(namespace, self.where)

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
        came = iter(await self.talk([command for group in groups for command in group]))
        return [[next(came) for _ in group] for group in groups]

    # -- as a Link

    async def talk(self, commands: Sequence[Command[Any]]) -> list[object]:
        """Send and read in one round trip; a refusal stands in its place in the list."""
        client = self._client
        try:
            if self._cluster:
                await client.initialize()
                return await _replies_of_node(client.get_node_from_key(self._namespace), commands)
            replies = await _replies(client, commands)
        except Exception as error:
            raise as_ours(error, self.where) from error
        if any(map(is_demoted, replies)):
            await client.connection_pool.disconnect()
        return replies

    async def talk_once(
        self, node: tuple[str, int], commands: Sequence[Command[Any]]
    ) -> list[object]:
        """Send commands to another node; a client that does not know that node yet reads the slots again."""
        found = self._client.get_node(host=node[0], port=node[1])
        if found is None:
            await self.moved(*node)
            found = self._client.get_node(host=node[0], port=node[1])
        if found is None:
            return [None, *await self.talk(commands[1:])]
        try:
            return await _replies_of_node(found, commands)
        except Exception as error:
            raise as_ours(error, self.where) from error

    async def moved(self, host: str, port: int) -> None:
        """Let the client read the slots again."""
        del host, port
        try:
            await self._client.nodes_manager.initialize()
        except Exception as error:
            raise as_ours(error, self.where) from error

    async def pause(self, seconds: float) -> None:
        """Suspend the task for a number of seconds."""
        await asyncio.sleep(seconds)


async def _replies(client: Any, commands: Sequence[Command[Any]]) -> list[object]:
    if len(commands) == 1:
        (command,) = commands
        try:
            replies: list[Any] = [await client.execute_command(*unread(command.args), **BYTES)]
        except Exception as error:
            refused = refusal_in(error)
            if refused is None:
                raise
            replies = [refused]
    else:
        async with client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*unread(command.args), **BYTES)
            replies = await pipeline.execute(raise_on_error=False)
    return [as_resp2(reply, command.args) for reply, command in zip(replies, commands, strict=True)]


async def _replies_of_node(node: Any, commands: Sequence[Command[Any]]) -> list[object]:
    """The replies of one node of a cluster's client, which keeps connections of its own in place of a client and a pool."""
    connection = node.acquire_connection()
    try:
        await connection.connect()
        await connection.send_packed_command(
            connection.pack_commands([command.args for command in commands])
        )
        replies: list[object] = []
        for command in commands:
            try:
                reply = await connection.read_response(disable_decoding=True)
            except Exception as error:
                reply = refusal_in(error)
                if reply is None:
                    raise
            replies.append(as_resp2(reply, command.args))
    except BaseException:
        await connection.disconnect()
        raise
    finally:
        # Older clients have no way to give a connection back but this deque.
        (node.release if hasattr(node, "release") else node._free.append)(connection)  # noqa: SLF001
    return replies
