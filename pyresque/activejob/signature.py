"""Whether a function takes a job's arguments; else the message of Ruby's ArgumentError."""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any

from pyresque.activejob import ruby_messages
from pyresque.activejob.values import Symbol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_NAMED = (
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
    inspect.Parameter.VAR_KEYWORD,
)


def signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    """Return a function's signature; None if Python does not know it, as of some builtins."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def positional_range(signature: inspect.Signature | None) -> tuple[int, float]:
    """Return how many arguments a function takes, at least and at most, if none is a keyword; (1, 0) if it needs keywords."""
    if signature is None:
        return 1, 0
    least, most = 0, 0.0
    for parameter in signature.parameters.values():
        needed = parameter.default is parameter.empty
        if parameter.kind in _POSITIONAL:
            least, most = least + needed, most + 1
        elif parameter.kind is parameter.VAR_POSITIONAL:
            most = math.inf
        elif parameter.kind is parameter.KEYWORD_ONLY and needed:
            return 1, 0
    return least, most


def fitted(
    signature: inspect.Signature, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """Return the arguments for a function; as in Ruby keywords become a last hash if it takes none."""
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    if kwargs and not kinds.intersection(_NAMED):
        return (*args, kwargs), {}
    return tuple(args), kwargs


def complaint(
    signature: inspect.Signature, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> str | None:
    """Return Ruby's message for a call with wrong arguments; None if they are right."""
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        return _ruby_words(list(signature.parameters.values()), args, kwargs) or str(error)
    return None


def _ruby_words(
    parameters: Iterable[inspect.Parameter], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> str | None:
    parameters = list(parameters)
    kinds = {parameter.kind for parameter in parameters}
    positional = [each for each in parameters if each.kind in _POSITIONAL]
    by_name = {each.name for each in positional[len(args) :]}.intersection(kwargs)
    needed = sum(each.default is each.empty for each in positional if each.name not in by_name)
    most = len(positional) - len(by_name)
    missing = [
        each.name
        for each in parameters
        if each.kind is each.KEYWORD_ONLY and each.default is each.empty and each.name not in kwargs
    ]
    endless = inspect.Parameter.VAR_POSITIONAL in kinds
    if len(args) < needed or (len(args) > most and not endless):
        expected = f"{needed}+" if endless else str(needed)
        if most > needed and not endless:
            expected = f"{needed}..{most}"
        asked = f"; required keyword{'s'[: len(missing) > 1]}: {', '.join(missing)}"
        given = f"given {len(args)}, expected {expected}{asked if missing and not kwargs else ''}"
        return f"wrong number of arguments ({given})"
    if missing:
        return _keywords("missing", missing)
    taken = {each.name for each in parameters if each.kind in _NAMED}
    unknown = [name for name in kwargs if name not in taken]
    return _keywords("unknown", unknown) if unknown else None


def _keywords(what: str, names: Sequence[str]) -> str:
    listed = ", ".join(ruby_messages.inspect(Symbol(name)) for name in names)
    return f"{what} keyword{'s'[: len(names) > 1]}: {listed}"
