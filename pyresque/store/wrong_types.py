"""Keys that hold what they should not: told by name and done without, so that one of them holds nothing else up."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.errors import WrongKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyresque.ops import Op

T = TypeVar("T")
log = logging.getLogger("pyresque")


class Told:
    """What was said of wrong keys, each thing once: for a process that meets them again and again."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def of(self, error: WrongKey | str) -> None:
        """Warn, unless that was said before."""
        said = str(error)
        if said not in self._said:
            self._said.add(said)
            log.warning(
                "%s: it is done without; look at it with TYPE, and rename or delete it", said
            )

    async def without(self, operation: Op[T], instead: T) -> T:
        """What an operation gives; ``instead`` where its key is wrong."""
        try:
            return await operation
        except WrongKey as error:
            self.of(error)
            return instead

    def sound(self, replies: Iterable[Any], instead: Any = None) -> list[Any]:
        """The replies of a lenient batch; ``instead`` in the place of those whose key is wrong."""
        found = []
        for reply in replies:
            if isinstance(reply, WrongKey):
                self.of(reply)
                found.append(instead)
            else:
                found.append(reply)
        return found
