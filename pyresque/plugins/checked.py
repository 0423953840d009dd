"""The plugins that a registration gives, checked, and those that its short forms stand for."""

from __future__ import annotations

from types import GenericAlias
from typing import TYPE_CHECKING

from pyresque.activejob.registry import is_wrapper
from pyresque.errors import JobOptionError
from pyresque.job.hooks import PREFIXES
from pyresque.job.plugin import Plugin, has
from pyresque.plugins.retry import retry_for
from pyresque.plugins.status import TRACKED_FOR, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyresque.plugins.retry import Backoff

#: The moments that one plugin of a job may have, and what they are for.
EXCLUSIVE = {
    "args_sent": "put an id before a job's arguments",
    "mark": "keep a job from being queued twice",
}


def checked_plugins(
    given: Iterable[Plugin],
    shown: str,
    retries: int | None,
    backoff: Backoff | None,
    *,
    tracked: bool = False,
) -> tuple[Plugin, ...]:
    """Return a job's plugins, checked, with a Retry for ``retries=`` and ``backoff=``, and a Status for ``tracked=True``.

    Raises JobOptionError for what is not a plugin, for two of a kind, and for two that exclude each other.
    """
    if is_wrapper(shown):
        raise JobOptionError(
            f"plugins of {shown}: that class wraps every ActiveJob, and a plugin of it would take them all for one job; "
            "give plugins to Resque's own classes, and retry_on= to active_job()"
        )
    if isinstance(given, (str, Plugin)) or not hasattr(type(given), "__iter__"):
        name = getattr(given, "__name__", None) or repr(given)
        raise JobOptionError(f"plugins={name} of {shown} is no list: write plugins=[{name}]")
    if not isinstance(tracked, bool):
        raise JobOptionError(
            f"tracked={tracked!r} of {shown}: give True, or the plugin Status with its options"
        )
    short: list[Plugin] = [] if retries is backoff is None else [retry_for(retries, backoff)]
    plugins = list(given)
    if tracked and not any(isinstance(one, Status) for one in plugins):
        short.append(Status(expire_in=TRACKED_FOR))
    found: list[Plugin] = []
    for plugin in (*plugins, *short):
        _check(plugin, shown)
        if any(type(one) is type(plugin) for one in found):
            raise JobOptionError(
                f"plugins of {shown}: {type(plugin).__name__} stands there twice; keep one of them"
            )
        found.append(plugin)
    for alone, what in EXCLUSIVE.items():
        having = [type(one).__name__ for one in found if has(one, alone)]
        if len(having) > 1:
            raise JobOptionError(
                f"plugins of {shown}: {' and '.join(having)} both {what}; keep one of them"
            )
    _check_hooks(found, shown)
    return tuple(found)


def _check_hooks(found: Sequence[Plugin], shown: str) -> None:
    """Raise JobOptionError for two plugins with a hook of one name: as in Ruby the last one's alone would run."""
    owners: dict[str, Plugin] = {}
    for plugin in found:
        for name in dir(type(plugin)):
            if name.startswith(PREFIXES) and owners.setdefault(name, plugin) is not plugin:
                raise JobOptionError(
                    f"plugins of {shown}: {type(owners[name]).__name__} and {type(plugin).__name__} both have the hook {name}, "
                    "and only the last one's would run, as in Ruby; keep one of them"
                )


def _check(plugin: object, shown: str) -> None:
    """Raise JobOptionError for what is no plugin, and for a plugin whose hooks are no ``async def`` methods."""
    alias = isinstance(plugin, GenericAlias)  # as list[int]: Python 3.10 takes it for a class
    if not alias and isinstance(plugin, type) and issubclass(plugin, Plugin):
        raise JobOptionError(
            f"plugins of {shown}: {plugin.__name__} is a class: give an object, {plugin.__name__}()"
        )
    if not isinstance(plugin, Plugin):
        raise JobOptionError(
            f"plugins of {shown}: {plugin!r} is no plugin: give objects of pyresque.plugins, such as Loner()"
        )
    for name in dir(type(plugin)):
        if name.startswith(PREFIXES) and not _is_async(getattr(type(plugin), name)):
            raise JobOptionError(
                f"plugins of {shown}: {type(plugin).__name__}.{name} is no async def method"
            )


def _is_async(function: object) -> bool:
    flags: int = getattr(getattr(function, "__code__", None), "co_flags", 0)
    return bool(flags & 0x80)  # CO_COROUTINE
