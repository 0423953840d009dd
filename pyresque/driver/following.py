"""Commands to a cluster, or to a master behind Sentinels: another server may take the place of ours while we work.

A server that refuses with READONLY, MOVED, ASK, TRYAGAIN or CLUSTERDOWN has carried out nothing, so that the command is sent
again: to the node that MOVED names, once to the node that ASK names (behind ASKING), or a moment later.
"""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Protocol

import hiredis

from pyresque.driver.connection import Connection
from pyresque.driver.protocol import (
    OF_A_CLUSTER,
    checked,
    encode_transaction,
    of_batch,
    of_transaction,
    refusal,
)
from pyresque.driver.sync import SyncDriver
from pyresque.errors import NotCarriedOut, Redirected
from pyresque.lightweight import random_fraction
from pyresque.ops import Command

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from pyresque.ops import Batch

#: Seconds for which refused commands are sent again, and between two tries.
FOLLOWED, PAUSE = 10.0, 0.1

ASKING: Command[Any] = Command(("ASKING",))


class Link(Protocol):
    """How one kind of driver sends commands and waits."""

    def talk(self, commands: Sequence[Command[Any]]) -> Awaitable[list[object]]:
        """Send them to the node that has the slot, and give the replies."""

    def talk_once(
        self, node: tuple[str, int], commands: Sequence[Command[Any]]
    ) -> Awaitable[list[object]]:
        """Send them to another node, on a connection that is closed afterwards."""

    async def moved(self, host: str, port: int) -> None:
        """Connect to this node from now on; an empty host means that of the present one."""

    def pause(self, seconds: float) -> Awaitable[None]:
        """Wait."""


async def exchange(link: Link, groups: Sequence[Sequence[Command[Any]]]) -> list[list[object]]:
    """The replies of each group of commands; a group that was refused is sent again, whole.

    A group is one command, or all of a transaction. Where the cluster does not come to rest in time, refusals are the replies.
    """
    replies: dict[int, list[object]] = {}
    left = list(range(len(groups)))
    until = monotonic() + FOLLOWED
    while left:
        try:
            came = await link.talk([command for at in left for command in groups[at]])
        except NotCarriedOut:  # the connection was given up: that is no news of the other groups
            if len(left) > 1 or monotonic() > until:
                raise
            await link.pause(_pause())
            continue
        for at in left:
            replies[at], came = came[: len(groups[at])], came[len(groups[at]) :]
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
    """The groups that must be sent again, when the link is ready for them; those that another node was asked for are answered."""
    again, elsewhere = [], None
    for at in sent:
        refused = _refused(replies[at])
        if isinstance(refused, Redirected) and refused.asking:
            there = await link.talk_once((refused.host, refused.port), [ASKING, *groups[at]])
            replies[at] = there[1:]
            refused = _refused(replies[at])
        elif isinstance(refused, Redirected):
            elsewhere = refused
        if refused is not None:
            again.append(at)
    if elsewhere is not None:
        await link.moved(elsewhere.host, elsewhere.port)
    elif again:
        await link.pause(_pause())
    return again


def _pause() -> float:
    return PAUSE * (0.5 + random_fraction())


def _refused(replies: Sequence[object]) -> Exception | None:
    """The first refusal of a cluster among the replies of a group."""
    for reply in replies:
        if isinstance(reply, hiredis.ReplyError) and str(reply).startswith(OF_A_CLUSTER):
            return None if str(reply).startswith("CROSSSLOT") else refusal(str(reply), "")
    return None


def groups_of(batch: Batch) -> list[list[Command[Any]]]:
    """What of a batch is refused and sent again together."""
    if batch.atomic:
        return [encode_transaction(batch.commands)]
    return [[command] for command in batch.commands]


def replies_of(batch: Batch, groups: list[list[object]], where: str) -> list[object]:
    """What the batch is answered with. Raises the first error."""
    if batch.atomic:
        return of_transaction(groups[0], where, batch.commands)
    return of_batch([only for (only,) in groups], where, batch.commands, lenient=batch.lenient)


class FollowingDriver(SyncDriver):
    """The blocking driver for a cluster, or for a master behind Sentinels."""

    def _ask(self, command: Command[Any]) -> object:
        ((reply,),) = now(exchange(self, [[command]]))
        return checked(reply, self.where, command.args)

    def _batch(self, batch: Batch) -> list[object]:
        if not batch.commands:
            return []
        return replies_of(batch, now(exchange(self, groups_of(batch))), self.where)

    # -- as a Link; nothing here suspends

    async def talk(self, commands: Sequence[Command[Any]]) -> list[object]:
        """Send them on this thread's connection."""
        return self._talk(commands)

    async def talk_once(
        self, node: tuple[str, int], commands: Sequence[Command[Any]]
    ) -> list[object]:
        """Send them on a connection to this node."""
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
        """Sleep."""
        sleep(seconds)  # noqa: ASYNC251 - the blocking driver has no loop


def now(work: Any) -> Any:
    """What a coroutine returns that never suspends."""
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    raise RuntimeError("a coroutine of the blocking driver has suspended")
