"""What plugins write at a job's end (``lua/writes.lua``): in ``turn.lua``, or by itself (``lua/settle.lua``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pyresque.store.queues import text, to_bytes
from pyresque.store.scripts import script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.ops import Arg

#: Not commands of Redis; ``writes.lua`` says what they do.
UNLESS, BELOW = "UNLESS", "BELOW"


class Settled(NamedTuple):
    """What the script did.

    held: the job was there, and all is done. refused: the error with which Redis refused a command, at the key ``at``; then nothing
    is done. wrong_keys: keys that were passed over.
    """

    held: bool
    refused: str = ""
    at: bytes = b""
    wrong_keys: tuple[str, ...] = ()


def parts(commands: Sequence[tuple[Arg, ...]]) -> tuple[tuple[bytes, ...], tuple[Arg, ...]]:
    """Return the keys and the arguments of commands, as ``writes.lua`` takes them."""
    args: list[Arg] = []
    for name, _, *rest in commands:
        args += (name, len(rest), *rest)
    return tuple(_bytes(command[1]) for command in commands), tuple(args)


async def settle(
    key: bytes, field: str, record: bytes, commands: Sequence[tuple[Arg, ...]]
) -> Settled:
    """Delete a field of the hash ``key`` and carry out the commands; nothing if the field does not hold the record.

    Without a field the commands are carried out in any case.
    """
    own_keys, args = parts(commands)
    keys = (key, *own_keys)
    given = (to_bytes(field), record, *args)
    state, *more = await script("settle").call(keys, given, list)
    if state == 1:
        return Settled(True, wrong_keys=tuple(dict.fromkeys(text(keys[n - 1]) for n in more[0])))
    if state == 0:
        return Settled(False)
    number, error = more
    return Settled(False, text(error), keys[number - 1])


async def carry_out(commands: Sequence[tuple[Arg, ...]]) -> Settled:
    """Carry out the commands, of no lost job."""
    return await settle(_bytes(commands[0][1]), "", b"", commands) if commands else Settled(True)


def _bytes(key: Arg) -> bytes:
    return key if isinstance(key, bytes) else to_bytes(str(key))
