"""The Lua scripts in ``lua/``, called by their SHA1. A script's first lines say what KEYS and ARGV are and what it returns."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.errors import NotPermitted, RedisCommandError, ScriptMissing, WrongKey
from pyresque.lightweight import dataclass, sha1_hex
from pyresque.ops import Arg, Batch, Command, as_it_is

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

#: The types of a script's first keys. WRONGTYPE does not name the key, so the caller asks for the types of all.
KINDS = {
    "change_routes": ("string", "list"),
    "due_heads": ("zset",),
    "fire_recurring": ("string", "string", "hash", "set", "list"),
    "hold_master": ("string", "string"),
    "look": ("list",),
    "move_aside": ("list", "list", "string"),
    "move_back": ("list", "list", "string"),
    "move_jobs": ("list", "list", "set"),
    "move_delayed": ("zset", "set", "set"),
    "pop_head": ("list",),
    "pop_unpaused": ("list",),
    "return_unperformed": ("string", "list"),
    "redeliver": ("string", "string", "string", "list", "set", "string"),
    "release_held": ("string", "string"),
    "release_master": ("string", "string"),
    "remove_delayed": ("zset",),
    "remove_failed": ("list",),
    "requeue": ("list", "set", "list"),
    "share_waiting": ("set", "zset", "list", "list"),
    "take_chosen": ("string", "string", "string", "string", "string", "list"),
    "trim_failed": ("list",),
    "turn": ("string", "string", "string", "string"),
    "undo_removal": ("list", "list"),
    "undo_requeue": ("list", "list", "list"),
    "unregister": ("string", "string", "set", "hash", "string", "string", "list"),
}


#: The folder of the scripts. Where only compiled modules are installed, this one is ``scripts.pyc``.
LUA = __file__.removesuffix("c").removesuffix("scripts.py") + "lua"

#: The line that stands for the text of ``writes.lua``.
SHARED = "\n-- writes.lua\n"


@dataclass(frozen=True, slots=True)
class Script:
    """One script: its name, its text and its SHA1."""

    name: str
    text: str
    sha: str

    def command(
        self, keys: Sequence[str | bytes], args: Sequence[Arg], read: Callable[[Any], T] = as_it_is
    ) -> Command[T]:
        """The call by SHA1, for a batch; the caller handles ScriptMissing."""
        return Command(("EVALSHA", self.sha, len(keys), *keys, *args), read)

    async def call(
        self,
        keys: Sequence[str | bytes],
        args: Sequence[Arg],
        read: Callable[[Any], T] | None = None,
    ) -> T:
        """Call the script; send its text to a server that does not have it yet."""
        try:
            try:
                return await Command(("EVALSHA", self.sha, len(keys), *keys, *args), read)
            except ScriptMissing:
                return await self.call_by_text(keys, args, read)
        except WrongKey as error:
            raise await self._named(error, keys) from error
        except NotPermitted as error:
            called = ", ".join(self.commands)
            raise NotPermitted(f"{error} (the script {self.name}, which calls {called})") from error

    @property
    def commands(self) -> list[str]:
        """The names of the commands that the script calls: an error of Redis 7 names none."""
        words = (part.partition('"')[0] for part in self.text.split('("')[1:])
        return sorted({word for word in words if word.isalpha() and word.isupper()})

    async def _named(self, error: WrongKey, keys: Sequence[str | bytes]) -> WrongKey:
        """Return the error with the names of the keys that are of another type than the script expects."""
        wanted = KINDS.get(self.name, ())
        asked = list(zip(keys, wanted, strict=False))
        try:
            found = await Batch(tuple(Command(("TYPE", key)) for key, _ in asked))
        except RedisCommandError:
            return error
        wrong = [
            f"{_text(key)} is a {kind.decode()}, no {want}"
            for (key, want), kind in zip(asked, found, strict=True)
            if kind.decode() not in {want, "none"}
        ]
        return WrongKey(f"{error} ({'; '.join(wrong)})") if wrong else error

    async def call_by_text(
        self,
        keys: Sequence[str | bytes],
        args: Sequence[Arg],
        read: Callable[[Any], T] | None = None,
    ) -> T:
        """Call the script by its text, for a server that does not have it; the server then keeps it."""
        return await Command(("EVAL", self.text, len(keys), *keys, *args), read)


def _text(key: str | bytes) -> str:
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else key


@cache
def script(name: str) -> Script:
    """Return the script of that name, read once from the package."""
    # importlib.resources, pkgutil and pathlib would load much of the standard library into every worker.
    loader: Any = __spec__.loader
    whole: str = loader.get_data(f"{LUA}/{name}.lua").decode()
    if SHARED in whole:
        whole = whole.replace(SHARED, "\n" + script("writes").text)
    return Script(name, whole, sha1_hex(whole.encode()))
