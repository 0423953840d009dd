"""From a Ruby class's name to a module's path and a function's name: plain letters, no word of Python's, no two on one path."""

from __future__ import annotations

import builtins
import keyword
import re
from hashlib import sha1
from typing import TYPE_CHECKING, Final

from pyresque.ruby.names import camelize, underscore

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Parts of a path and characters of one; a longer name is cut, and told apart by a digest.
MOST_PARTS: Final = 8
LONGEST: Final = 50

#: Names that the package has itself, and those that some file systems have.
_TAKEN: Final = frozenset(
    {"app", "base", "conftest", "con", "prn", "aux", "nul"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in range(10)}
)
_BUILTIN: Final = frozenset(dir(builtins))


def identifier(text: str, otherwise: str = "value") -> str:
    """Return a lowercase name of ASCII letters for a text of any kind."""
    name = re.sub(r"[^a-z0-9_]+", "_", underscore(text)).strip("_")[:LONGEST]
    if not name:
        return otherwise
    if name[0].isdigit():
        name = f"n{name}"
    return f"{name}_" if keyword.iskeyword(name) or keyword.issoftkeyword(name) else name


def class_identifier(text: str) -> str:
    """Return a name for a class, such as ``BillingAddress``."""
    return camelize(identifier(text, "hash").strip("_")) or "Hash"


def is_plain(name: str) -> bool:
    """Whether a name may stand in source as it is: an identifier of ASCII, no word of Python's, and not mangled in a class."""
    return (
        name.isascii() and name.isidentifier() and not keyword.iskeyword(name) and name[:2] != "__"
    )


def module_parts(class_name: str) -> tuple[str, ...]:
    """Return the path of a class's module, without collisions with other classes': ``("reports", "monthly")``."""
    parts = [part for part in class_name.split("::") if part][:MOST_PARTS]
    found = [identifier(part, "job") for part in parts] or ["job"]
    return tuple(map(_free, found))


def _free(part: str) -> str:
    """Return another name for one that the package has itself, and for one that pytest would take for a test's."""
    if part in _TAKEN or part.endswith("_test"):
        return f"{part}_"
    return f"ruby_{part}" if part.startswith("test") else part


def paths(class_names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the path of each class. Of several classes that would share one, the first keeps it; others get a digest.

    A class that is a namespace, too (``Reports`` beside ``Reports::Monthly``), gives way: its module is ``reports_class``.
    """
    names = sorted(set(class_names))
    wanted = {name: module_parts(name) for name in names}
    packages = {path[:depth] for path in wanted.values() for depth in range(1, len(path))}
    found: dict[str, tuple[str, ...]] = {}
    used: set[tuple[str, ...]] = set()
    for name in names:
        path = wanted[name]
        if path in packages:
            path = (*path[:-1], f"{path[-1]}_class")
        if path in used or path in packages:
            digest = sha1(name.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
            path = (*path[:-1], f"{path[-1]}_{digest[:8]}")
        used.add(path)
        found[name] = path
    return found


def unique(name: str, used: set[str]) -> str:
    """Return the name, or the name with a number if it is used; note it as used."""
    found, number = name, 2
    while found in used:
        found, number = f"{name}_{number}", number + 1
    used.add(found)
    return found


def function_name(path: tuple[str, ...]) -> str:
    """Return the name of the function in a module: the module's own, unless Python has a function of that name."""
    return f"{path[-1]}_job" if path[-1] in _BUILTIN | {"resque", "annotations"} else path[-1]
