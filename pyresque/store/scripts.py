"""The Lua scripts: each stands in a file of its own under ``lua/`` and is called by its SHA1.

A script's first lines say what KEYS and ARGV are and what it returns.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.digest import sha1_hex
from pyresque.errors import ScriptMissing
from pyresque.ops import Arg, Command, as_it_is

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Script:
    """One script: its name, its text and the SHA1 that Redis knows it by."""

    name: str
    text: str
    sha: str

    def command(
        self, keys: Sequence[str | bytes], args: Sequence[Arg], read: Callable[[Any], T] = as_it_is
    ) -> Command[T]:
        """The call by SHA1, for a batch whose caller sees to NOSCRIPT."""
        return Command(("EVALSHA", self.sha, len(keys), *keys, *args), read)

    async def call(
        self, keys: Sequence[str | bytes], args: Sequence[Arg], read: Callable[[Any], T] = as_it_is
    ) -> T:
        """Call it; a server that does not know it yet gets the text, and so knows it the next time."""
        try:
            return await self.command(keys, args, read)
        except ScriptMissing:
            return await self.tell(keys, args, read)

    async def tell(
        self, keys: Sequence[str | bytes], args: Sequence[Arg], read: Callable[[Any], T] = as_it_is
    ) -> T:
        """Call it with its text, for a server that does not know it."""
        return await Command(("EVAL", self.text, len(keys), *keys, *args), read)


@cache
def script(name: str) -> Script:
    """The script of that name, read once from the package."""
    # Not by importlib.resources, which loads half of the standard library into every worker.
    found = pkgutil.get_data("pyresque.store", f"lua/{name}.lua")
    if found is None:
        raise FileNotFoundError(f"pyresque.store holds no lua/{name}.lua")
    return Script(name, found.decode(), sha1_hex(found))
