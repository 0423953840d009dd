"""The blocking driver on a client of the user's own: redis-py's, valkey-py's or fakeredis', or a connection pool of theirs.

Commands go through connections of the client's pool, so that its retries, credentials, Sentinels and instruments are in play;
the replies are taken as they came, before the client's ``decode_responses`` and its readers of replies.
"""

from __future__ import annotations

import inspect
from time import sleep
from typing import TYPE_CHECKING, Any

from pyresque.driver.client_replies import as_ours, as_resp2, refusal_in
from pyresque.driver.following import exchange, groups_of, now, replies_of
from pyresque.driver.protocol import checked
from pyresque.driver.server import Server
from pyresque.driver.sync import SyncDriver
from pyresque.driver.url import RedisUrl
from pyresque.errors import ConnectError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.driver.connection import Connection
    from pyresque.ops import Batch, Command


class ClientDriver(SyncDriver):
    """Carries operations in the caller's thread, on connections of a client's pool."""

    def __init__(self, client: Any, namespace: str) -> None:
        """Take a client or a pool; the first request takes a connection from it."""
        where = described(client)
        super().__init__(Server(RedisUrl(where=where)))
        self._client = client
        self._namespace = namespace
        self._cluster = hasattr(client, "nodes_manager")

    def close(self) -> None:
        """Leave the client's connections: they are its owner's."""

    def wire(self, reply_timeout: float = 0.0) -> Connection:
        """There are no connections but the client's. Raises ConnectError."""
        del reply_timeout
        raise ConnectError(
            f"{self.where}: a worker needs a server that it can connect to itself; of this client no address is known"
        )

    def _ask(self, command: Command[Any]) -> object:
        if self._cluster:
            ((reply,),) = now(exchange(self, [[command]]))
        else:
            (reply,) = self._talk([command])
        return checked(reply, self.where, command.args)

    def _batch(self, batch: Batch) -> list[object]:
        if not batch.commands:
            return []
        groups = groups_of(batch)
        if self._cluster:
            return replies_of(batch, now(exchange(self, groups)), self.where)
        came = self._talk([command for group in groups for command in group])
        return replies_of(batch, [came] if batch.atomic else [[one] for one in came], self.where)

    def _talk(self, commands: Sequence[Command[Any]]) -> list[object]:
        return self._exchanged(self._pool(), commands)

    def _pool(self) -> Any:
        """The pool of the server, or of the node that has the slot of our keys."""
        client = self._client
        if not self._cluster:
            return getattr(client, "connection_pool", client)
        try:
            node = client.get_node_from_key(self._namespace)
            return client.get_redis_connection(node).connection_pool
        except Exception as error:
            raise as_ours(error, self.where) from error

    def _exchanged(self, pool: Any, commands: Sequence[Command[Any]]) -> list[object]:
        """Send and read on one connection of a pool; a refusal stands in its place in the list."""
        try:
            connection = taken(pool)
        except Exception as error:
            raise as_ours(error, self.where) from error
        try:
            replies: list[object] = connection.retry.call_with_retry(
                lambda: _spoken(connection, commands), lambda _error: connection.disconnect()
            )
        except BaseException as error:
            connection.disconnect()
            raise as_ours(error, self.where) from error
        finally:
            pool.release(connection)
        return replies

    # -- as a Link of the cluster's room; nothing here suspends

    async def talk(self, commands: Sequence[Command[Any]]) -> list[object]:
        """Send them to the node that has the slot."""
        return self._talk(commands)

    async def talk_once(
        self, node: tuple[str, int], commands: Sequence[Command[Any]]
    ) -> list[object]:
        """Send them to another node of the client's."""
        found = self._client.get_node(host=node[0], port=node[1])
        if found is None:
            await self.moved(*node)
            return [None, *await self.talk(commands[1:])]
        pool = self._client.get_redis_connection(found).connection_pool
        return self._exchanged(pool, commands)

    async def moved(self, host: str, port: int) -> None:
        """Let the client read the slots anew."""
        del host, port
        try:
            self._client.nodes_manager.initialize()
        except Exception as error:
            raise as_ours(error, self.where) from error

    async def pause(self, seconds: float) -> None:
        """Sleep."""
        sleep(seconds)  # noqa: ASYNC251 - the blocking driver has no loop


def described(client: Any) -> str:
    """What messages call the server of a client: its address where it tells one."""
    kind = f"{type(client).__module__.partition('.')[0]}'s {type(client).__qualname__}"
    options = getattr(getattr(client, "connection_pool", client), "connection_kwargs", None)
    if isinstance(options, dict) and options.get("path"):
        return f"{options['path']} ({kind})"
    if isinstance(options, dict) and options.get("host"):
        return f"{options['host']}:{options.get('port', 6379)} ({kind})"
    return f"a client, {kind}"


def taken(pool: Any) -> Any:
    """A connection from a pool; older ones want the name of a command. An awaiting pool gives an awaitable."""
    named = inspect.signature(pool.get_connection).parameters.get("command_name")
    if named is not None and named.default is inspect.Parameter.empty:
        return pool.get_connection("_")
    return pool.get_connection()


def _spoken(connection: Any, commands: Sequence[Command[Any]]) -> list[object]:
    connection.connect()
    for command in commands:
        connection.send_command(*command.args)
    replies: list[object] = []
    for command in commands:
        try:
            reply = connection.read_response(disable_decoding=True)
        except Exception as error:
            reply = refusal_in(error)
            if reply is None:
                raise
        replies.append(as_resp2(reply, command.args))
    return replies
