"""Commands to a cluster, or to a master behind Sentinels: another server may replace ours while we work.

A server that refuses a command with READONLY, MOVED, ASK, TRYAGAIN or CLUSTERDOWN has carried out nothing. The driver therefore
sends the command again: to the node that MOVED names, once to the node that ASK names (behind ASKING), or a moment later.
"""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Protocol

import hiredis

from pyresque.driver.connection import Connection
from pyresque.driver.protocol import (
    checked,
    encode_transaction,
    is_demoted,
    refusal,
    replies_to,
)
from pyresque.driver.sync import SyncDriver
from pyresque.errors import NotCarriedOut, Redirected
from pyresque.lightweight import random_fraction
from pyresque.ops import Command

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from pyresque.ops import Batch

#: Seconds for which the driver sends refused commands again, and seconds between two tries.
FOLLOWED, PAUSE = 10.0, 0.1

#: The first words of the error replies after which a command is sent again.
REFUSALS = ("MOVED ", "ASK ", "TRYAGAIN", "CLUSTERDOWN", "READONLY")

ASKING: Command[Any] = Command(("ASKING",))


class Link(Protocol):
    """How one kind of driver sends commands and waits."""

    def talk(self, commands: Sequence[Command[Any]]) -> Awaitable[list[object]]:
        """Send commands to the node that has the slot, and return the replies."""

    def talk_once(
        self, node: tuple[str, int], commands: Sequence[Command[Any]]
    ) -> Awaitable[list[object]]:
        """Send commands to another node, on a connection that is closed afterwards."""

    async def moved(self, host: str, port: int) -> None:
        """Connect to this node from now on; an empty host means the present host."""

    def pause(self, seconds: float) -> Awaitable[None]:
        """Wait for a number of seconds."""


async def exchange(link: Link, groups: Sequence[Sequence[Command[Any]]]) -> list[list[object]]:
    """Return the replies of each group of commands. A group that a server refused is sent again, whole.

    A group is one command, or all of a transaction. WAIT, which counts the replicas that have what its connection has written, is
    repeated with whatever is sent again. If no server takes the commands in time, the refusals are the replies.
    """
    replies: dict[int, list[object]] = {}
    left = list(range(len(groups)))
    until = monotonic() + FOLLOWED
    while left:
        try:
            came = iter(await link.talk([command for at in left for command in groups[at]]))
        except NotCarriedOut:  # no other server has replaced the one that refused
            if not replies or monotonic() > until:
                raise
            await link.pause(_pause())
            continue
        for at in left:
            replies[at] = [next(came) for _ in groups[at]]
        left = await _again(link, groups, left, replies)
        if monotonic() > until:
            break
    return [replies[at] for at in range(len(groups))]


async def _again(
    link: Link,
    groups: Sequence[Sequence[Command[Any]]],
    sent: list[int],
    replies: dict[int, list[object]],
) -> list[int]:
    """Return the groups to send again, once the link is ready for them. Groups with ASK are answered here, by the other node."""
    again, elsewhere = [], None
    last = groups[-1] if groups[-1][0].args[0] == "WAIT" else ()
    for at in sent:
        refused = _refused(replies[at])
        if isinstance(refused, Redirected) and refused.asking:
            node = (refused.host, refused.port)
            _, *there = await link.talk_once(node, [ASKING, *groups[at], *last])
            if last:
                replies[len(groups) - 1] = [_fewer(there.pop(), replies[len(groups) - 1][0])]
            replies[at] = there
            refused = _refused(there)
        elif isinstance(refused, Redirected):
            elsewhere = refused
        if refused is not None:
            again.append(at)
    if elsewhere is not None:
        await link.moved(elsewhere.host, elsewhere.port)
    elif again:
        await link.pause(_pause())
    return [*again, len(groups) - 1] if again and last else again


def _fewer(one: object, other: object) -> object:
    """Return the smaller of two replies to WAIT; a refusal is less than a number."""
    return min(one, other) if isinstance(one, int) and isinstance(other, int) else one


def _pause() -> float:
    return PAUSE * (0.5 + random_fraction())


def _refused(replies: Sequence[object]) -> Exception | None:
    """Return a group's first refusal of the kinds in REFUSALS, or None. Another server, or this one soon, would carry it out."""
    for reply in replies:
        if isinstance(reply, hiredis.ReplyError) and str(reply).startswith(REFUSALS):
            return refusal(str(reply), "")
    return None


def groups_of(batch: Batch) -> list[list[Command[Any]]]:
    """Return a batch's commands in groups; a server refuses a group as a whole, so each is sent again as a whole."""
    last = [] if batch.last is None else [[batch.last]]
    if batch.atomic:
        return [encode_transaction(batch.commands), *last]
    return [[command] for command in batch.commands] + last


def replies_of(batch: Batch, groups: list[list[object]], where: str) -> list[object]:
    """Return the replies of a batch. Raises the first error."""
    return replies_to(batch, [reply for group in groups for reply in group], where)


class FollowingDriver(SyncDriver):
    """The blocking driver for a cluster, or for a master behind Sentinels."""

    def _ask(self, command: Command[Any]) -> object:
        ((reply,),) = run_without_loop(exchange(self, [[command]]))
        return checked(reply, self.where, command.args)

    def _batch(self, batch: Batch) -> list[object]:
        if not batch.commands:
            return []
        return replies_of(batch, run_without_loop(exchange(self, groups_of(batch))), self.where)

    # -- as a Link; nothing here suspends

    async def talk(self, commands: Sequence[Command[Any]]) -> list[object]:
        """Send commands on this thread's connection. It is closed if its server is a replica or a former master."""
        connection = self._threads.own.connection
        if connection is not None and self.server.is_outdated(connection.to):
            self._drop()
        replies = self._talk(commands)
        if any(map(is_demoted, replies)):
            self._drop()
        return replies

    async def talk_once(
        self, node: tuple[str, int], commands: Sequence[Command[Any]]
    ) -> list[object]:
        """Send commands on a connection to this node."""
        connection = Connection(self.server.at(node))
        try:
            return connection.talk(commands)
        finally:
            connection.close()

    async def moved(self, host: str, port: int) -> None:
        """Close this thread's connection; the next one goes to that node."""
        self.server.moved(host, port)
        self._drop()

    async def pause(self, seconds: float) -> None:
        """Block the thread for a number of seconds."""
        sleep(seconds)  # noqa: ASYNC251 - the blocking driver has no loop


def run_without_loop(work: Any) -> Any:
    """Run a coroutine that never suspends, without an event loop; return what it returns."""
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    raise RuntimeError("a coroutine of the blocking driver has suspended")
