"""Import the application that ``-A module:attribute`` names, and put the options of the command line over its settings. Light."""

from __future__ import annotations

import os
import sys

from pyresque.application import Application
from pyresque.client import AsyncResque, Resque
from pyresque.errors import AppImportError, PyresqueError
from pyresque.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType
    from typing import Any

#: Stands in messages for a current directory that was deleted.
DELETED = "the current directory, which is no more,"

#: The attribute that is taken if ``-A`` names only a module.
DEFAULT = "resque"


def load_application(given: Mapping[str, Any]) -> Resque:
    """Return the application of ``-A`` with the options over its settings; without ``-A`` one made of the options alone.

    Raises AppImportError, SettingsError.
    """
    settings = Settings.load(**given)
    if not settings.app:
        return Resque(settings=settings)
    resque = load_app(settings.app)
    resque.configure(**given)
    return resque


def load_app(spec: str) -> Resque:
    """Import the application at ``module`` or ``module:attribute``; the current directory is importable, as with ``python -m``.

    An AsyncResque is taken as the Resque of the same settings and jobs. Raises AppImportError, which says what is
    wrong: no such module, an error while it was imported, no such attribute, or something that is no Resque.
    """
    module_name, _, path = spec.partition(":")
    if not module_name:
        raise AppImportError(
            f"-A {spec!r} names no module: write it as module:attribute, such as myapp.jobs:resque"
        )
    if module_name.endswith(".py") or "/" in module_name:
        dotted = ".".join(module_name.removesuffix(".py").replace("/", ".").strip(".").split("."))
        meant = f"{dotted}:{path}" if path else dotted
        raise AppImportError(f"-A {spec!r} is a file's name: write the module's, as -A {meant}")
    module = _imported(spec, module_name)
    found = _attribute(module, spec, path)
    if isinstance(found, AsyncResque):
        core = found.core
        failures = None if core.failures is core.default_failures else core.failures
        return Resque(settings=found.settings, jobs=found, failures=failures, clock=core.clock)
    if not isinstance(found, Resque):
        raise AppImportError(
            f"-A {spec!r} names {_described(found)}, where a Resque is expected{_advice(found, module)}"
        )
    return found


def _described(found: object) -> str:
    """What the attribute is, in words: a class and a function by their names, a value by its type."""
    if isinstance(found, type):
        return f"the class {found.__name__}"
    if callable(found) and hasattr(found, "__name__"):
        return f"the function {found.__name__}"
    if isinstance(found, type(sys)):
        return f"the module {found.__name__}"
    kind = type(found).__name__
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _advice(found: object, module: ModuleType) -> str:
    """Return what to write in index of something that is no Resque."""
    there = "".join(f"; {module.__name__} has {name}" for name in _applications(module)[:1])
    if callable(found) and not isinstance(found, type):
        return (
            f", and is not called{there}: if it makes one, call it in a module of its own, "
            "as in resque = create_resque(), and name that one"
        )
    return there


def _imported(spec: str, name: str) -> ModuleType:
    try:
        here = os.getcwd()  # noqa: PTH109 - pathlib stays unloaded: each forked child would pay for it
    except FileNotFoundError:
        here = DELETED
    if here not in sys.path and "" not in sys.path and here is not DELETED:
        sys.path.insert(_index_after_stdlib(), here)
    try:
        __import__(name)
        return sys.modules[name]
    except PyresqueError:
        raise  # it says what is wrong itself, such as a setting
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and _is_of(name, error.name):
            raise AppImportError(
                f"-A {spec!r}: there is no module {error.name!r} in {here} or on the Python path"
            ) from error
        raise AppImportError(
            f"-A {spec!r}: importing {name} raised {type(error).__name__}: {error}{_location(error)}"
        ) from error


def _index_after_stdlib() -> int:
    """Return the index in sys.path between Python's own modules, which workers import later, and installed packages."""
    for index, entry in enumerate(sys.path):
        if entry.endswith(("site-packages", "dist-packages")):
            return index
    return len(sys.path)


def _is_of(name: str, missing: str | None) -> bool:
    """Return whether the missing module is the named one, or a package of it."""
    return missing is not None and (name == missing or name.startswith(f"{missing}."))


def _location(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return ""
    import traceback  # noqa: PLC0415 - for trouble alone

    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename
    ]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if len(frames) > 1 else ""


def _attribute(module: ModuleType, spec: str, path: str) -> object:
    if not path:
        return _only_application(module, spec)
    found: object = module
    for name in path.split("."):
        if not hasattr(found, name):
            known = ", ".join(_applications(module)) or "no Resque at all"
            raise AppImportError(f"-A {spec!r}: {module.__name__} has no {path!r}; it has {known}")
        found = getattr(found, name)
    return found


def _only_application(module: ModuleType, spec: str) -> object:
    names = _applications(module)
    if DEFAULT in names:
        return getattr(module, DEFAULT)
    if len(names) != 1:
        which = (
            f"several ({', '.join(names)}): say which, as {spec}:{names[0]}"
            if names
            else "no Resque"
        )
        raise AppImportError(f"-A {spec!r}: {module.__name__} has {which}")
    return getattr(module, names[0])


def _applications(module: ModuleType) -> list[str]:
    return sorted(name for name, value in vars(module).items() if isinstance(value, Application))
