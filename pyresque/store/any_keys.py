"""Any keys of the namespace, for whoever looks at what Redis holds: names by SCAN, types, sizes and the beginning of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyresque.errors import RedisCommandError
from pyresque.ops import Batch, Command
from pyresque.store.queues import escaped, text, to_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.store.keys import Keys

#: Keys that one look scans, at least, and elements of a key that are read at once.
SCANNED: Final = 500
SHOWN: Final = 20

#: The command that tells how large a key is, by its type.
SIZES: Final = {
    "list": "LLEN",
    "set": "SCARD",
    "zset": "ZCARD",
    "hash": "HLEN",
    "string": "STRLEN",
}


class KeySize(NamedTuple):
    """A key: its name without the namespace, its type (``none``: there is no such key) and its size."""

    name: str
    type: str
    size: int | None


async def server_info() -> dict[str, str]:
    """Return what Redis tells of itself. Raises NotPermitted."""
    reply: bytes = await Command[bytes](("INFO",), bytes)
    lines = reply.decode("utf-8", "replace").splitlines()
    return {name: value for name, mark, value in (line.partition(":") for line in lines) if mark}


async def scanned(keys: Keys, cursor: int, wanted: str | None) -> tuple[int, list[str]]:
    """Return the next cursor (0: all keys were seen) and names of keys, without the namespace, that have a text."""
    pattern = escaped(keys.of("")) + ("*" if wanted is None else f"*{escaped(wanted)}*")
    found: set[str] = set()
    looked = 0
    while True:
        reply: list[Any] = await Command[Any](
            ("SCAN", cursor, "MATCH", to_bytes(pattern), "COUNT", SCANNED)
        )
        cursor = int(reply[0])
        found.update(keys.bare(text(one)) for one in reply[1])
        looked += SCANNED
        if cursor == 0 or len(found) >= SCANNED // 5 or looked >= 20 * SCANNED:
            return cursor, sorted(found)


async def sized(keys: Keys, names: Sequence[str]) -> list[KeySize]:
    """Return these keys with their types and sizes."""
    wholes = [to_bytes(keys.of(name)) for name in names]
    if not names:
        return []
    types = [
        reply.decode() if isinstance(reply, bytes) else str(reply)
        for reply in await Batch(tuple(Command[Any](("TYPE", whole)) for whole in wholes))
    ]
    asked = [
        Command[Any]((SIZES.get(kind, "EXISTS"), whole))
        for kind, whole in zip(types, wholes, strict=True)
    ]
    sizes = await Batch(tuple(asked), lenient=True)
    return [
        KeySize(name, kind, size if isinstance(size, int) else None)
        for name, kind, size in zip(names, types, sizes, strict=True)
    ]


async def elements(  # noqa: PLR0911 - one for each type of Redis
    keys: Keys, name: str, kind: str, start: int
) -> list[list[str]]:
    """Return elements of a key, each as the texts of a row: of a list and a sorted set from ``start`` on."""
    whole = to_bytes(keys.of(name))
    try:
        if kind == "string":
            return [[_text(await Command[Any](("GETRANGE", whole, 0, 9_999)))]]
        if kind == "list":
            found = await Command[Any](("LRANGE", whole, start, start + SHOWN - 1))
            return [[str(at), _text(raw)] for at, raw in enumerate(found, start)]
        if kind == "zset":
            found = await Command[Any](("ZRANGE", whole, start, start + SHOWN - 1, "WITHSCORES"))
            return [
                [_text(score), _text(raw)]
                for raw, score in zip(found[::2], found[1::2], strict=True)
            ]
        if kind == "hash":
            found = (await Command[Any](("HSCAN", whole, 0, "COUNT", SHOWN)))[1]
            pairs = list(zip(found[::2], found[1::2], strict=True))[:100]
            return [[_text(one), _text(other)] for one, other in pairs]
        if kind == "set":
            found = (await Command[Any](("SSCAN", whole, 0, "COUNT", SHOWN)))[1]
            return [[_text(raw)] for raw in found[:100]]
    except RedisCommandError as error:
        return [[str(error)]]
    return []


def _text(raw: object) -> str:
    return raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else str(raw)
