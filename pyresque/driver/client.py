"""The blocking driver on a client of the user's own: redis-py's, valkey-py's or fakeredis', or a connection pool of theirs.

Commands go through the client's ``execute_command`` and ``pipeline``, so that its retries, credentials, Sentinels and
instrumentation apply. The driver takes raw replies: neither ``decode_responses`` nor the client's reply readers change them.
"""

from __future__ import annotations

from importlib import import_module
from time import sleep
from typing import TYPE_CHECKING, Any

from pyresque.driver.client_replies import as_ours, as_resp2, refusal_in
from pyresque.driver.following import exchange, groups_of, replies_of, run_without_loop
from pyresque.driver.hash_tag import check_tag
from pyresque.driver.protocol import checked, is_demoted
from pyresque.driver.server import Server
from pyresque.driver.sync import SyncDriver
from pyresque.driver.url import RedisUrl
from pyresque.errors import ConnectError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.driver.connection import Connection
    from pyresque.ops import Arg, Batch, Command

#: The option of ``execute_command`` by which a client leaves a reply as bytes, whatever its ``decode_responses``.
BYTES = {"NEVER_DECODE": True}


class ClientDriver(SyncDriver):
    """Carries operations in the caller's thread, by a client. A cluster's client finds the node by the slot of ``namespace``."""

    def __init__(self, client: Any, namespace: str) -> None:
        """Take a client or a pool; the first request uses it. Raises ClusterFault for a namespace without a hash tag."""
        super().__init__(Server(RedisUrl(where=described(client))))
        self._client = client_on(client)
        self._namespace = namespace
        self._cluster = hasattr(client, "nodes_manager")
        if self._cluster:
            check_tag(namespace, self.where)

    def close(self) -> None:
        """Close nothing: the client's connections belong to its owner."""

    def open_connection(self, reply_timeout: float = 0.0) -> Connection:
        """Raise ConnectError: only the client has connections."""
        del reply_timeout
        raise ConnectError(
            f"{self.where}: a worker needs a server that it can connect to itself; of this client no address is known"
        )

    def _ask(self, command: Command[Any]) -> object:
        if self._cluster:
            ((reply,),) = run_without_loop(exchange(self, [[command]]))
        else:
            (reply,) = self._talk([command])
        return checked(reply, self.where, command.args)

    def _batch(self, batch: Batch) -> list[object]:
        if not batch.commands:
            return []
        groups = groups_of(batch)
        if self._cluster:
            return replies_of(batch, run_without_loop(exchange(self, groups)), self.where)
        came = self._talk([command for group in groups for command in group])
        return replies_of(batch, [came] if batch.atomic else [[one] for one in came], self.where)

    def _talk(self, commands: Sequence[Command[Any]]) -> list[object]:
        return self._exchanged(self._node() if self._cluster else self._client, commands)

    def _node(self) -> Any:
        """The client of the node that has the slot of our keys."""
        client = self._client
        try:
            return client_of(client, client.get_node_from_key(self._namespace))
        except Exception as error:
            raise as_ours(error, self.where) from error

    def _exchanged(self, client: Any, commands: Sequence[Command[Any]]) -> list[object]:
        """Send and read in one round trip; a refusal stands in the list, at its command's index."""
        try:
            replies = _replies(client, commands)
        except Exception as error:
            raise as_ours(error, self.where) from error
        if any(map(is_demoted, replies)):
            client.connection_pool.disconnect()
        return replies

    # -- as a Link (driver/following.py); nothing here suspends

    async def talk(self, commands: Sequence[Command[Any]]) -> list[object]:
        """Send commands to the node that has the slot."""
        return self._talk(commands)

    async def talk_once(
        self, node: tuple[str, int], commands: Sequence[Command[Any]]
    ) -> list[object]:
        """Send commands to another node; a client that does not know that node yet reads the slots again."""
        client = self._client
        found = client.get_node(host=node[0], port=node[1])
        if found is None:
            await self.moved(*node)
            found = client.get_node(host=node[0], port=node[1])
        if found is None:
            return [None, *await self.talk(commands[1:])]
        return self._exchanged(client_of(client, found), commands)

    async def moved(self, host: str, port: int) -> None:
        """Let the client read the slots again."""
        del host, port
        try:
            self._client.nodes_manager.initialize()
        except Exception as error:
            raise as_ours(error, self.where) from error

    async def pause(self, seconds: float) -> None:
        """Block the thread for a number of seconds."""
        sleep(seconds)  # noqa: ASYNC251 - the blocking driver has no loop


class CommandName(str):
    """The name of a command whose reply a client leaves as it is: by this ``upper`` it finds no reader for it."""

    __slots__ = ()

    def upper(self) -> str:
        """Return a text that names no command."""
        return ""


def unread(args: Sequence[Arg]) -> tuple[Arg, ...]:
    """The command with a name for which a client has no reader of replies."""
    return (CommandName(args[0]), *args[1:])


def described(client: Any) -> str:
    """Return the server's name in messages: the client's address, if it gives one."""
    kind = f"{type(client).__module__.partition('.')[0]}'s {type(client).__qualname__}"
    options = getattr(getattr(client, "connection_pool", client), "connection_kwargs", None)
    if isinstance(options, dict) and options.get("path"):
        return f"{options['path']} ({kind})"
    if isinstance(options, dict) and options.get("host"):
        return f"{options['host']}:{options.get('port', 6379)} ({kind})"
    return f"a client, {kind}"


def client_on(client: Any) -> Any:
    """The client itself; of a pool a client of its library that takes connections from it."""
    if hasattr(client, "execute_command"):
        return client
    pool = next(kind for kind in reversed(type(client).__mro__) if "Pool" in kind.__name__)
    library = pool.__module__.rpartition(".")[0]
    module = import_module(library)
    kind = getattr(module, "Valkey" if library.startswith("valkey") else "Redis")
    return kind(connection_pool=client)


def client_of(cluster: Any, node: Any) -> Any:
    """The client of one node that a cluster's client has."""
    named = ("get_redis_connection", "get_valkey_connection")
    return next(getattr(cluster, verb) for verb in named if hasattr(cluster, verb))(node)


def _replies(client: Any, commands: Sequence[Command[Any]]) -> list[object]:
    if len(commands) == 1:
        (command,) = commands
        try:
            replies: list[Any] = [client.execute_command(*unread(command.args), **BYTES)]
        except Exception as error:
            refused = refusal_in(error)
            if refused is None:
                raise
            replies = [refused]
    else:
        with client.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*unread(command.args), **BYTES)
            replies = pipeline.execute(raise_on_error=False)
    return [as_resp2(reply, command.args) for reply, command in zip(replies, commands, strict=True)]
