"""Keys of the wrong Redis type: each is named once in the log, and the caller goes on with a default value."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.errors import WrongKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyresque.ops import Op

T = TypeVar("T")
log = logging.getLogger("pyresque")


class WrongKeyLog:
    """Warns of each wrong key once, however often a long-running process meets it."""

    def __init__(self) -> None:
        self._logged: set[str] = set()

    def warn(self, error: WrongKey | str) -> None:
        """Log a warning, unless this object has logged the same text before."""
        message = str(error)
        if message not in self._logged:
            self._logged.add(message)
            log.warning(
                "%s: it is done without; look at it with TYPE, and rename or delete it", message
            )

    async def value_or(self, operation: Op[T], default: T) -> T:
        """Return the operation's value. On WrongKey warn and return the default."""
        try:
            return await operation
        except WrongKey as error:
            self.warn(error)
            return default

    def replies_or(self, replies: Iterable[Any], default: Any = None) -> list[Any]:
        """Return the replies of a lenient batch. Warn of each WrongKey among them and put the default in its place."""
        found = []
        for reply in replies:
            if isinstance(reply, WrongKey):
                self.warn(reply)
                found.append(default)
            else:
                found.append(reply)
        return found
