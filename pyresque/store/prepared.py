"""A command that is sent again and again, its last argument alone being another: what stays the same is written but once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.ops import Command

if TYPE_CHECKING:
    from collections.abc import Generator

    from pyresque.ops import Arg


class Written(Command[Any]):
    """A command that was written ahead, all but its last argument; its arguments are put together for those who want to see them."""

    __slots__ = ("_last", "_prepared")

    def __init__(self, prepared: Prepared, last: bytes) -> None:
        self._prepared = prepared
        self._last = last
        self.wire = b"%b$%d\r\n%b\r\n" % (prepared.wire, len(last), last)

    @property
    def args(self) -> tuple[Arg, ...]:  # type: ignore[override] # read, and never written
        """As they would be given to a client."""
        return (*self._prepared.args, self._last)

    def __await__(self) -> Generator[Command[Any], Any, Any]:
        """Ask the driver; its answer as it is."""
        return (yield self)


class Prepared:
    """All of a command but its last argument, or its last ``missing`` ones."""

    def __init__(self, *args: Arg, missing: int = 1) -> None:
        self.args = args
        parts = [arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]
        bulks = b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
        self.wire = b"*%d\r\n%b" % (len(parts) + missing, bulks)
