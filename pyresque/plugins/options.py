"""Checks of what plugins are given, and calls of their key functions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, overload

from pyresque.errors import JobOptionError
from pyresque.printable import without_password
from pyresque.user_errors import is_error_class, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


#: Seconds that no stretch of time is as long as: a thousand years.
LONGEST = 1000 * 365 * 86400


class PluginKeyError(JobOptionError):
    """A key function raised, or returned something else than a text."""


def seconds(name: str, given: object) -> int | None:
    """Return whole seconds from a number or a timedelta; None stays None. Raises JobOptionError."""
    if given is None:
        return None
    if isinstance(given, timedelta):
        given = given.total_seconds()
    return int(_number(name, given))


def pause(name: str, given: object) -> float:
    """Return seconds, 0 or more, from a number or a timedelta. Raises JobOptionError."""
    if isinstance(given, timedelta):
        given = given.total_seconds()
    found = _number(name, given)
    if found < 0:
        raise JobOptionError(f"{name}={given!r} is below 0")
    return found


def _number(name: str, given: object) -> float:
    fits = isinstance(given, (int, float)) and -LONGEST < given < LONGEST
    if not fits or isinstance(given, bool) or not isinstance(given, (int, float)):
        raise JobOptionError(
            f"{name}={given!r} is no number of seconds and no timedelta, or longer than a thousand years"
        )
    return given


def flag(name: str, given: object) -> bool:
    """Return True or False as it was given. Raises JobOptionError for anything else."""
    if not isinstance(given, bool):
        raise JobOptionError(f"{name}={given!r} is neither True nor False")
    return given


def ruby_version(given: Any) -> Any:
    """Return the version of Ruby whose inspect is meant. Raises JobOptionError."""
    if not isinstance(given, str) or given not in {"3.3", "3.4"}:
        raise JobOptionError(f"ruby={given!r} is neither '3.3' nor '3.4'")
    return given


def function(name: str, given: object) -> Any:
    """Return a function that was given, or None. Raises JobOptionError for what cannot be called."""
    if given is not None and not callable(given):
        raise JobOptionError(f"{name}={given!r} is no function: give one that can be called")
    return given


@overload
def key_text(name: str, make: Callable[..., object], *args: Any) -> str: ...


@overload
def key_text(
    name: str, make: Callable[..., object], *args: Any, may_be_none: bool
) -> str | None: ...


def key_text(
    name: str, make: Callable[..., object], *args: Any, may_be_none: bool = False
) -> str | None:
    """Return the text that a key function makes. Raises PluginKeyError, which names the function, where it raises or makes no text."""
    try:
        made = make(*args)
    except (Exception, SystemExit) as error:
        raise PluginKeyError(
            f"the function {name}= raised {type(error).__name__}: {text_of(error)}"
        ) from error
    if made is None and may_be_none:
        return None
    if not isinstance(made, (str, int)) or isinstance(made, bool):
        raise PluginKeyError(
            f"the function {name}= returned {made!r}: it must return the text of a key"
        )
    return str(made)


def kinds(name: str, given: Any) -> tuple[type[BaseException], ...]:
    """Return exception classes as a tuple. Raises JobOptionError for anything else."""
    if isinstance(given, type) or not hasattr(type(given), "__iter__"):
        shown = getattr(given, "__name__", None) or repr(given)
        raise JobOptionError(f"{name}={shown} is no list: write {name}=[{shown}]")
    found = tuple(given)
    for one in found:
        if not is_error_class(one):
            raise JobOptionError(f"{name}=: {one!r} is no exception class")
    return found


def text(name: str, given: object) -> str:
    """Return a text that was given. Raises JobOptionError for anything else, and an empty one."""
    if not isinstance(given, str) or not given:
        raise JobOptionError(f"{name}={given!r} is no text")
    return given


def redis_urls(name: str, given: Iterable[str]) -> tuple[str, ...]:
    """Return the URLs of Redis servers. Raises JobOptionError."""
    if isinstance(given, str) or not hasattr(type(given), "__iter__"):
        raise JobOptionError(f"{name}={given!r} is no list: write {name}=[{given!r}]")
    urls = tuple(given)
    for url in urls:
        if not text(name, url).startswith(("redis://", "rediss://", "unix://")):
            raise JobOptionError(
                f"{name}: {without_password(url)!r} is no URL of a Redis server, such as 'redis://localhost:6379/1'"
            )
    return urls
