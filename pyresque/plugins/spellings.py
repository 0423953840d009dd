"""How Ruby's ``inspect`` may have spelled a job's arguments: keys of locks are made of that.

Ruby 3.4 writes hashes otherwise than the versions before. And Ruby code often enqueues symbols, which have become texts by the time
that the job is performed: ``{id: 1}`` is spelled ``{:id=>1}`` at first, and ``{"id"=>1}`` then.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from pyresque.ruby.inspect import inspect, to_s

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: A symbol that needs no quotes.
_BARE = re.compile(r"[^\W\d]\w*[?!=]?")
_BARE_KEY = re.compile(r"[^\W\d]\w*[?!]?")

OLD, NEW = "3.3", "3.4"


def spelling(args: Sequence[object], ruby: str = OLD) -> str:
    """Return the inspect of an argument list without symbols, by Ruby up to 3.3 or from 3.4 on."""
    return _inspect(list(args), ruby)


def spellings(args: Sequence[object]) -> list[str]:
    """Return every spelling of an argument list: of both versions, with texts, with symbols as keys, and with symbols alone."""
    values = list(args)
    symbols = ((False, False), (True, False), (True, True), (False, True))
    made = (
        _inspect(values, ruby, keys=keys, texts=texts)
        for ruby in (OLD, NEW)
        for keys, texts in symbols
    )
    return list(dict.fromkeys(made))


def _inspect(value: object, ruby: str, *, keys: bool = False, texts: bool = False) -> str:
    if isinstance(value, str) and texts:
        return _symbol(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_inspect(one, ruby, keys=keys, texts=texts) for one in value)}]"
    if not isinstance(value, dict):
        return inspect(value)
    pairs = (
        _pair(key, _inspect(one, ruby, keys=keys, texts=texts), ruby, symbol=keys)
        for key, one in value.items()
    )
    return f"{{{', '.join(pairs)}}}"


def _pair(key: str, value: str, ruby: str, *, symbol: bool) -> str:
    if ruby == OLD:
        return f"{_symbol(key) if symbol else inspect(key)}=>{value}"
    if not symbol:
        return f"{inspect(key)} => {value}"
    return f"{key if _BARE_KEY.fullmatch(key) else inspect(key)}: {value}"


def _symbol(text: str) -> str:
    return f":{text if _BARE.fullmatch(text) else inspect(text)}"


def joined(args: Sequence[object], ruby: str = OLD) -> str:
    """Return ``args.join("-")``: inner lists are joined likewise, nil is an empty text, a hash is inspected."""
    return _join(args, partial(_inspect, ruby=ruby))


def _join(args: Sequence[object], spell: Callable[[object], str]) -> str:
    return "-".join(
        _join(one, spell)
        if isinstance(one, list | tuple)
        else spell(one)
        if isinstance(one, dict)
        else to_s(one)
        for one in args
    )


def joinings(args: Sequence[object]) -> list[str]:
    """Return every ``args.join("-")``: with hashes as either version spells them, and with symbols in them."""
    if not _has_hash(args):
        return [joined(args)]
    symbols = ((False, False), (True, False), (True, True), (False, True))
    made = (
        _join(args, partial(_inspect, ruby=ruby, keys=keys, texts=texts))
        for ruby in (OLD, NEW)
        for keys, texts in symbols
    )
    return list(dict.fromkeys(made))


def _has_hash(value: object) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_hash, value))
    return isinstance(value, dict)
