"""Commands as they go over the wire, and those that every connection begins with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import hiredis

from pyresque.ops import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyresque.driver.target import Target
    from pyresque.ops import Arg

# hiredis tells less of this than it takes.
_pack = cast("Callable[[tuple[Arg, ...]], bytes]", hiredis.pack_command)


def written(command: Command[Any]) -> bytes:
    """What is sent."""
    return command.wire or _pack(command.args)


def wrapped(commands: Sequence[Command[Any]]) -> list[Command[Any]]:
    """The commands between MULTI and EXEC."""
    return [Command(("MULTI",)), *commands, Command(("EXEC",))]


def log_ins(to: Target) -> list[list[Command[Any]]]:
    """The ways to log in, to be tried in turn: as redis-rb does, where user and password fail, the password alone."""
    steps = log_in(to)
    if not steps:
        return []
    return [steps, log_in(replace(to, username=""))] if to.username and to.password else [steps]


def log_in(to: Target) -> list[Command[Any]]:
    """What a new connection has to say first, if anything."""
    steps: list[Command[Any]] = []
    if to.password:
        user = (to.username,) if to.username else ()
        steps.append(Command(("AUTH", *user, to.password)))
    if to.client_name:
        steps.append(Command(("CLIENT", "SETNAME", to.client_name)))
    if to.db:
        steps.append(Command(("SELECT", to.db)))
    return steps
