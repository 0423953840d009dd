"""What Redis answers to each command, and the error for any other answer: of a proxy, of a fake, or of a server that is no Redis. Light.

Drivers hold each reply against this table. What is no simple reply, such as a script's, is read where it is used, and an error of
that reading becomes the same error (``ops.py``).
"""

from __future__ import annotations

from pyresque.errors import PyresqueError, UnexpectedReply
from pyresque.lightweight import dataclass
from pyresque.printable import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

#: Errors of Python's that come of reading a value as what it is not.
MISREAD = (TypeError, ValueError, LookupError, AttributeError)

#: Characters that a message shows of a reply, and of each part of a command.
MOST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Kind:
    """What a command is answered with: in words; the classes of such replies, and one of them that is none; what tells of any other reply whether it is one."""

    words: str
    plain: frozenset[type] = frozenset()
    never: object = type  # no reply is that
    fits: Callable[[Any, Sequence[Any]], bool] | None = None


def _number_or_score(reply: object, args: Sequence[Any]) -> bool:
    given = reply is None or type(reply) is bytes
    return given and any(str(option).upper() == "INCR" for option in args[2:])


def _element(reply: object, args: Sequence[Any]) -> bool:
    return reply is None or type(reply) is (list if args[2:] else bytes)


def _texts(reply: object, _: Sequence[Any]) -> bool:
    return type(reply) is list and (not reply or type(reply[0]) is bytes)


def _values(reply: object, args: Sequence[Any]) -> bool:
    keys = len(args) - (2 if args[0] == "HMGET" else 1)
    return type(reply) is list and len(reply) == keys and type(reply[0]) in {bytes, type(None)}


def _pairs(reply: object, _: Sequence[Any]) -> bool:
    return type(reply) is list and (not reply or (len(reply) % 2 == 0 and type(reply[0]) is bytes))


def _page(reply: object, args: Sequence[Any]) -> bool:
    return (
        type(reply) is list
        and len(reply) == 2  # noqa: PLR2004 - the next cursor, and a page
        and type(reply[0]) is bytes
        and reply[0].isdigit()
        and _texts(reply[1], args)
    )


def _fields(reply: object, _: Sequence[Any]) -> bool:
    return type(reply) is bytes and b":" in reply


_NIL = type(None)
_TEXTS = Kind("a list of texts", fits=_texts)

#: Of what kind a reply is, by the command. Commands of more kinds are not here.
KINDS: dict[object, Kind] = {
    **dict.fromkeys(
        (
            *("APPEND", "DBSIZE", "DECR", "DECRBY", "DEL", "EXISTS", "EXPIRE", "EXPIREAT", "HDEL"),
            *("HEXISTS", "HINCRBY", "HLEN", "HSET", "HSETNX", "INCR", "INCRBY", "LLEN"),
            *("LREM", "PERSIST", "PEXPIRE", "PTTL", "PUBLISH", "RENAMENX", "SADD"),
            *("SCARD", "SETNX", "SISMEMBER", "SREM", "STRLEN", "TTL", "UNLINK", "WAIT"),
            *("ZCARD", "ZCOUNT", "ZREM", "ZREMRANGEBYRANK", "ZREMRANGEBYSCORE"),
        ),
        Kind("a number", frozenset({int})),
    ),
    **dict.fromkeys(
        ("LPUSH", "RPUSH"),
        Kind("the length of a list that holds something", frozenset({int}), never=0),
    ),
    "ZADD": Kind("a number", frozenset({int}), fits=_number_or_score),
    **dict.fromkeys(
        ("ECHO", "FLUSHALL", "FLUSHDB", "GETRANGE", "LSET", "LTRIM", "PING", "SETEX", "TYPE"),
        Kind("a text", frozenset({bytes})),
    ),
    **dict.fromkeys(
        ("BLMOVE", "GET", "GETDEL", "GETSET", "HGET", "LINDEX", "LMOVE", "SET", "ZSCORE"),
        Kind("a text or nil", frozenset({bytes, _NIL})),
    ),
    **dict.fromkeys(("LPOP", "RPOP", "SPOP"), Kind("an element or nil", fits=_element)),
    **dict.fromkeys(
        ("HKEYS", "HVALS", "KEYS", "LRANGE", "SMEMBERS", "ZRANGE", "ZRANGEBYSCORE", "ZREVRANGE"),
        _TEXTS,
    ),
    **dict.fromkeys(
        ("HMGET", "MGET"), Kind("a list with a value or nil for each key", fits=_values)
    ),
    **dict.fromkeys(("HSCAN", "SCAN", "SSCAN", "ZSCAN"), Kind("a cursor and a list", fits=_page)),
    "EXEC": Kind("a list of replies", frozenset({list, _NIL})),
    "HGETALL": Kind("a list of names, each with its value", fits=_pairs),
    "INFO": Kind("a text of fields", fits=_fields),
}


def is_odd(reply: object, args: Sequence[Any]) -> bool:
    """Whether a reply is none that Redis gives to that command."""
    kind = KINDS.get(args[0])
    if kind is None or (reply.__class__ in kind.plain and reply != kind.never):
        return False
    return kind.fits is None or not kind.fits(reply, args)


def odd_reply(reply: object, args: Sequence[Any], where: str) -> UnexpectedReply:
    """The error for a reply that is none of Redis'."""
    return _error(reply, args, f"Redis at {where}", f"not {KINDS[args[0]].words}")


def misread(reply: object, args: Sequence[Any], error: Exception) -> Exception:
    """The error for a reply whose reading has raised one of MISREAD; one of pyresque's own stays as it is."""
    if isinstance(error, PyresqueError):
        return error
    return _error(reply, args, "Redis", "which is no answer of Redis' to that")


def _error(reply: object, args: Sequence[Any], who: str, wrong: str) -> UnexpectedReply:
    return UnexpectedReply(
        f"{who} answered {_shown(reply)} to {_command(args)}, {wrong}: see that the URL leads to a Redis server, and that a "
        "proxy in front of it carries this command out"
    )


def _command(args: Sequence[Any]) -> str:
    word = str(args[0])
    if word.startswith("EVAL"):
        return "a script (EVALSHA)"
    shown = [
        part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part)
        for part in args[:2]
    ]
    return one_line(" ".join(part[:MOST_SHOWN] for part in shown)) if word != "AUTH" else word


def _shown(reply: object) -> str:
    if reply is None:
        return "nil"
    text = repr(reply[:MOST_SHOWN] if isinstance(reply, (bytes, list)) else reply).removeprefix("b")
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."
