"""``resque.redis``: Redis' commands for an application, under the names and with the answers of redis-py.

Keys stand below the namespace, as with Ruby's ``Resque.redis``; texts come back as bytes, as from redis-py's client by default.
The commands travel on Resque's own connections, so that a forked child needs no other client.
"""

from __future__ import annotations

from pyresque.ops import Command, answer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta
    from typing import Any, TypeAlias

    from pyresque.ops import Arg, Op
    from pyresque.store.keys import Keys

    #: What Redis takes as a value.
    Value: TypeAlias = "str | bytes | int | float"

    #: Seconds, or a length of time.
    Seconds: TypeAlias = "int | timedelta"


def truth(reply: Any) -> bool:
    """Read a 1 or 0."""
    return bool(reply)


def _done(reply: Any) -> bool:
    return bool(reply == b"OK")


def decimal(reply: Any) -> float | None:
    """Read a number that is sent as text, or nothing."""
    return None if reply is None else float(reply)


def _pairs(reply: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(reply[::2], reply[1::2], strict=True))


def scored(reply: list[bytes]) -> list[tuple[bytes, float]]:
    """Read members, each with its score behind it."""
    return [(member, float(score)) for member, score in zip(reply[::2], reply[1::2], strict=True)]


def _seconds(time: Seconds) -> int:
    return time if isinstance(time, (int, float)) else int(time.total_seconds())


class RedisCommands:
    """Redis' commands, their keys below the namespace. Each raises WrongKey if a key holds another type."""

    def __init__(self, keys: Keys) -> None:
        self._prefix = keys.of("").encode()

    def _of(self, key: str | bytes) -> bytes:
        return self._prefix + (key.encode() if isinstance(key, str) else key)

    def _bare(self, key: bytes) -> bytes:
        return key.removeprefix(self._prefix)

    def _one(
        self, word: str, key: str | bytes, *args: Arg, read: Callable[[Any], Any] | None = None
    ) -> Op[Any]:
        """A command that has one key, right behind its word."""
        name = self._prefix + (key.encode() if isinstance(key, str) else key)
        return answer(Command((word, name, *args)), read)

    async def _each(self, word: str, keys: tuple[str | bytes, ...]) -> Any:
        """A command whose arguments are all keys."""
        return await Command((word, *map(self._of, keys)))

    async def execute_command(self, *args: Value) -> Any:
        """Any command, as it stands: its keys are whole, and its reply is as on the wire (bytes, int, list or None)."""
        return await Command(args)

    async def ping(self) -> bool:
        """True, once the server has answered."""
        return bool(await Command(("PING",)) == b"PONG")

    # -- texts and counters

    def get(self, name: str) -> Op[bytes | None]:
        """The text in a key; None if there is none."""
        return self._one("GET", name)

    def set(
        self,
        name: str,
        value: Value,
        ex: Seconds | None = None,
        px: int | None = None,
        *,
        nx: bool = False,
        xx: bool = False,
        keepttl: bool = False,
    ) -> Op[bool | None]:
        """Write a text, to live ``ex`` seconds or ``px`` milliseconds; ``nx``: if there is none, ``xx``: if there is one.

        True; None if ``nx`` or ``xx`` forbade it.
        """
        args: list[Arg] = [value]
        if ex is not None:
            args += ("EX", _seconds(ex))
        if px is not None:
            args += ("PX", px)
        args += [word for word, wanted in (("KEEPTTL", keepttl), ("NX", nx), ("XX", xx)) if wanted]
        return self._one("SET", name, *args, read=lambda reply: reply and _done(reply))

    def setex(self, name: str, time: Seconds, value: Value) -> Op[bool]:
        """Write a text that expires after ``time`` seconds."""
        return self._one("SETEX", name, _seconds(time), value, read=_done)

    def setnx(self, name: str, value: Value) -> Op[bool]:
        """Write a text if there is none; whether it was written."""
        return self._one("SETNX", name, value, read=truth)

    def getset(self, name: str, value: Value) -> Op[bytes | None]:
        """Write a text; the one before."""
        return self._one("GETSET", name, value)

    def getdel(self, name: str) -> Op[bytes | None]:
        """The text in a key, which is deleted."""
        return self._one("GETDEL", name)

    def mget(self, *keys: str) -> Op[list[bytes | None]]:
        """The texts in several keys."""
        return self._each("MGET", keys)

    def append(self, key: str, value: Value) -> Op[int]:
        """Write behind a text; its new length in bytes."""
        return self._one("APPEND", key, value)

    def strlen(self, name: str) -> Op[int]:
        """The length of a text in bytes."""
        return self._one("STRLEN", name)

    def incr(self, name: str, amount: int = 1) -> Op[int]:
        """Count up; the new number."""
        return self._one("INCRBY", name, amount)

    incrby = incr

    def decr(self, name: str, amount: int = 1) -> Op[int]:
        """Count down; the new number."""
        return self._one("DECRBY", name, amount)

    decrby = decr

    def incrbyfloat(self, name: str, amount: float = 1.0) -> Op[float]:
        """Add to a number; the new one."""
        return self._one("INCRBYFLOAT", name, amount, read=float)

    # -- keys

    def exists(self, *names: str) -> Op[int]:
        """How many of the keys there are."""
        return self._each("EXISTS", names)

    def delete(self, *names: str) -> Op[int]:
        """Delete keys; how many there were."""
        return self._each("DEL", names)

    def unlink(self, *names: str) -> Op[int]:
        """Delete keys, and free their memory later; how many there were."""
        return self._each("UNLINK", names)

    def expire(self, name: str, time: Seconds) -> Op[bool]:
        """Delete a key in ``time`` seconds; whether there is one."""
        return self._one("EXPIRE", name, _seconds(time), read=truth)

    def pexpire(self, name: str, time: int) -> Op[bool]:
        """Delete a key in ``time`` milliseconds; whether there is one."""
        return self._one("PEXPIRE", name, time, read=truth)

    def expireat(self, name: str, when: int | datetime) -> Op[bool]:
        """Delete a key at a time, in seconds since 1970; whether there is one."""
        at = when if isinstance(when, (int, float)) else int(when.timestamp())
        return self._one("EXPIREAT", name, at, read=truth)

    def persist(self, name: str) -> Op[bool]:
        """Let a key live for ever; whether it would not have."""
        return self._one("PERSIST", name, read=truth)

    def ttl(self, name: str) -> Op[int]:
        """Seconds that a key has left; -1: for ever, -2: there is none."""
        return self._one("TTL", name)

    def pttl(self, name: str) -> Op[int]:
        """Milliseconds that a key has left; -1: for ever, -2: there is none."""
        return self._one("PTTL", name)

    def type(self, name: str) -> Op[bytes]:
        """What a key holds, such as ``b"list"``; ``b"none"`` if there is none."""
        return self._one("TYPE", name)

    async def keys(self, pattern: str = "*") -> list[bytes]:
        """The names of keys, without the namespace; looks at every key of the server."""
        found: list[bytes] = await Command(("KEYS", self._of(pattern)))
        return [self._bare(key) for key in found]

    async def scan(
        self, cursor: int = 0, match: str = "*", count: int | None = None
    ) -> tuple[int, list[bytes]]:
        """Some names of keys, without the namespace, and the cursor for the next ones; 0 at the end."""
        more = () if count is None else ("COUNT", count)
        reply: Any = await Command(("SCAN", cursor, "MATCH", self._of(match), *more))
        return int(reply[0]), [self._bare(key) for key in reply[1]]

    # -- hashes

    def hget(self, name: str, key: Value) -> Op[bytes | None]:
        """A field of a hash; None if there is none."""
        return self._one("HGET", name, key)

    def hset(
        self,
        name: str,
        key: Value | None = None,
        value: Value | None = None,
        mapping: Mapping[Any, Value] | None = None,
    ) -> Op[int]:
        """Write a field of a hash, or those of a mapping; how many are new. Raises TypeError if there is nothing to write."""
        args: list[Arg] = [] if key is None or value is None else [key, value]
        for field, content in (mapping or {}).items():
            args += (field, content)
        if not args:
            raise TypeError("hset: give a key and a value, or a mapping")
        return self._one("HSET", name, *args)

    def hsetnx(self, name: str, key: Value, value: Value) -> Op[bool]:
        """Write a field of a hash if there is none; whether it was written."""
        return self._one("HSETNX", name, key, value, read=truth)

    def hmget(self, name: str, *keys: Value) -> Op[list[bytes | None]]:
        """Several fields of a hash."""
        return self._one("HMGET", name, *keys)

    def hgetall(self, name: str) -> Op[dict[bytes, bytes]]:
        """All fields of a hash, with their values."""
        return self._one("HGETALL", name, read=_pairs)

    def hdel(self, name: str, *keys: Value) -> Op[int]:
        """Delete fields of a hash; how many there were."""
        return self._one("HDEL", name, *keys)

    def hexists(self, name: str, key: Value) -> Op[bool]:
        """Whether a hash has a field."""
        return self._one("HEXISTS", name, key, read=truth)

    def hincrby(self, name: str, key: Value, amount: int = 1) -> Op[int]:
        """Count in a field of a hash; the new number."""
        return self._one("HINCRBY", name, key, amount)

    def hlen(self, name: str) -> Op[int]:
        """How many fields a hash has."""
        return self._one("HLEN", name)

    def hkeys(self, name: str) -> Op[list[bytes]]:
        """The names of a hash's fields."""
        return self._one("HKEYS", name)

    def hvals(self, name: str) -> Op[list[bytes]]:
        """The values of a hash's fields."""
        return self._one("HVALS", name)

    # -- scripts

    async def eval(self, script: str, numkeys: int, *keys_and_args: Value) -> Any:
        """Run a Lua script; its first ``numkeys`` arguments are keys below the namespace. The reply is as on the wire."""
        keys = [
            self._of(key if isinstance(key, bytes) else str(key)) for key in keys_and_args[:numkeys]
        ]
        return await Command(("EVAL", script, numkeys, *keys, *keys_and_args[numkeys:]))

    async def publish(self, channel: str, message: Value) -> int:
        """Send a message to a channel, whose name stands as it is; how many clients got it."""
        return await Command(("PUBLISH", channel, message))
