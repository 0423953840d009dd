"""A command that is sent again and again, its last argument alone being another: what stays the same is written but once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.ops import Command, as_it_is

if TYPE_CHECKING:
    from pyresque.ops import Arg


class Prepared:
    """All of a command but its last argument."""

    def __init__(self, *args: Arg) -> None:
        self._args = args
        parts = [arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]
        bulks = b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
        self._wire = b"*%d\r\n%b" % (len(parts) + 1, bulks)

    def with_last(self, last: bytes) -> Command[Any]:
        """The command with that argument."""
        wire = b"%b$%d\r\n%b\r\n" % (self._wire, len(last), last)
        return Command((*self._args, last), as_it_is, wire)
