"""The routing table in Redis: one text, and a list of its changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyresque.ops import Batch, Command
from pyresque.store.scripts import script

if TYPE_CHECKING:
    from pyresque.store.keys import Keys

#: Changes that the log keeps.
KEPT_CHANGES: Final = 1000


class RoutesTable:
    """The text of the routing table, and the entries of its log, below one namespace."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self._change = script("change_routes")

    async def read(self) -> bytes | None:
        """Return the table's text; None if there is none. Raises WrongKey."""
        found: bytes | None = await Command(("GET", self.keys.routes))
        return found

    async def change(self, former: bytes | None, table: bytes, entry: bytes) -> bool:
        """Replace the table, if it still is ``former``, and note the change; False if it is another one by now."""
        keys = (self.keys.routes, self.keys.routes_log)
        done: int = await self._change.call(keys, (former or b"", table, entry, KEPT_CHANGES))
        return done == 1

    async def read_with_log(self, count: int) -> tuple[bytes | None, list[bytes]]:
        """Return the table's text and the latest entries of the log, the latest first."""
        read: Command[Any] = Command(("GET", self.keys.routes))
        log: Command[Any] = Command(("LRANGE", self.keys.routes_log, 0, count - 1))
        table, entries = await Batch((read, log))
        return table, entries
