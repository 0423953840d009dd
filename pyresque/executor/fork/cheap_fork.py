"""The parent's memory made ready for many forks: nothing that a child's collector would touch, few pages to copy.

A fork copies the table of the parent's pages, so its cost follows their number.
"""

from __future__ import annotations

import gc
import os
import sys
from types import FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

#: madvise(2): gather pages into huge ones, now (Linux 6.1).
MADV_COLLAPSE = 25


HUGE = 2 * 1024 * 1024


#: Bytes of private memory from which gathering pays: it takes some milliseconds a time.
MUCH = 32 * 1024 * 1024


def freeze_memory() -> None:
    """Before the first fork, once: collect, freeze what is loaded, and gather its pages where there are many.

    Nothing in a process whose parent did so: what they share would be copied.
    """
    if gc.get_freeze_count():
        return
    gc.collect()
    # What is loaded now stays: a collection in a child would write to every page it shares with us.
    gc.freeze()
    try:
        areas = _private_areas()
    except OSError:
        return
    if sum(end - start for start, end in areas) >= MUCH:
        _collapse(areas)


def _private_areas() -> list[tuple[int, int]]:
    """Start and end of each writable area of memory that stands behind no file, where the system tells (Linux)."""
    areas = []
    with open("/proc/self/maps", encoding="ascii", errors="replace") as maps:  # noqa: PTH123 - pathlib stays unloaded
        for line in maps:
            fields = line.split()
            if fields[1].startswith("rw-p") and (len(fields) == 5 or fields[5] == "[heap]"):  # noqa: PLR2004 - no sixth column: no file
                start, _, end = fields[0].partition("-")
                areas.append((int(start, 16), int(end, 16)))
    return areas


def _collapse(areas: list[tuple[int, int]]) -> None:
    """Gather the pages of each area into huge ones; a kernel that cannot says no, and nothing is lost."""
    import ctypes  # noqa: PLC0415 - one more library to map in every child, for great heaps alone

    madvise = ctypes.CDLL(None, use_errno=True).madvise
    for start, end in areas:
        first, past = -(-start // HUGE) * HUGE, end // HUGE * HUGE
        if past > first:
            madvise(ctypes.c_void_p(first), ctypes.c_size_t(past - first), MADV_COLLAPSE)


def skip_stdlib_fork_hooks() -> None:
    """Make the forks of this process do without, if it has but one thread; may be called again when more was loaded.

    Hooks of others (``os.register_at_fork``: fresh random seeds, connections) run as ever.
    """
    threading, logging = sys.modules.get("threading"), sys.modules.get("logging")
    if threading is None or threading.active_count() > 1:
        return
    _lighten(threading, "_after_fork")
    if logging is not None and hasattr(logging, "_lock"):
        free = FunctionType(_free_the_lock.__code__, vars(logging))
        _lighten(logging, "_after_at_fork_child_reinit_locks", free)


def _lighten(module: ModuleType, name: str, instead: Callable[[], None] | None = None) -> None:
    """Give a function other code: the interpreter keeps the function itself, where nobody reaches it."""
    function = getattr(module, name, None)
    if (
        isinstance(function, FunctionType)
        and not function.__code__.co_freevars
        and function.__code__ is not _of_a_child.__code__
    ):
        own = FunctionType(function.__code__, function.__globals__, name)
        function.__code__ = _of_a_child.__code__
        function.__defaults__ = (own, os.getppid, os.getpid(), instead)


def _of_a_child(
    own: Callable[[], None],
    parent: Callable[[], int],
    server: int,
    instead: Callable[[], None] | None,
) -> None:
    """A child of the server has nothing to do; any other process that is forked does what it should."""
    if parent() != server:
        own()
    elif instead is not None:
        instead()


def _free_the_lock() -> None:
    """What ``logging`` must do in any case, run as a function of it: its lock is held across the fork."""
    _lock._at_fork_reinit()  # type: ignore[name-defined] # noqa: F821, SLF001 - logging's own names


#: Modules of Python's that do something when they are imported.
EGGS = ("antigravity", "this")


#: How many children import a module until that is told of, and how many modules are counted.
OFTEN, MOST = 3, 1000


#: What the name of an application's or a library's module begins with, where it is told of.
OTHER = " "


def modules_since(count: int) -> str:
    """Names of modules that were loaded since there were so many, one a line; of the application's those that loaded the rest."""
    names = [*map(str, sys.modules)][count:]  # a job may have put anything there
    new, told = set(names), []
    for name in names:
        if _may_be_shared(name):
            told.append(name)
        elif name.rpartition(".")[0] not in new and _is_of_others(name):
            told.append(OTHER + name)
    return "\n".join(told)


def preload_modules(names: str) -> None:
    """Load these; what cannot be loaded here is left to those who need it."""
    for name in names.split("\n"):
        if _may_be_shared(name) and name not in sys.modules:
            try:
                __import__(name)
            except Exception:  # noqa: BLE001, S112 - a module of another system, or one that a job left broken
                continue


def _may_be_shared(name: str) -> bool:
    top = name.partition(".")[0]
    return top == "pyresque" or (top in sys.stdlib_module_names and top not in EGGS)


def _is_of_others(name: str) -> bool:
    """Whether it is a module's name, and not of Python's own."""
    top, _, rest = name.partition(".")
    return top not in sys.stdlib_module_names and (top + rest.replace(".", "")).isidentifier()


class Repeated:
    """What children import again and again for their jobs, beside what is shared with them."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def note(self, names: str) -> list[str]:
        """A child's names, as ``modules_since`` told them; those to be told of now, each once."""
        counts, due = self._counts, []
        for line in names.split("\n"):
            name = line[len(OTHER) :]
            if not line.startswith(OTHER) or (name not in counts and len(counts) >= MOST):
                continue
            counts[name] = counts.get(name, 0) + 1
            if counts[name] == OFTEN:
                due.append(name)
        return due


_NAME = "setproctitle._setproctitle"


def _found() -> Callable[[str], None]:
    try:
        return _of_the_c_part()
    except (AttributeError, ImportError, IndexError, TypeError):
        sys.modules.pop(_NAME, None)
    from setproctitle import setproctitle  # noqa: PLC0415 - where it is built in another way

    return setproctitle


def _of_the_c_part() -> Callable[[str], None]:
    """The function of the module that the package itself will find loaded."""
    if _NAME not in sys.modules:
        import _imp  # noqa: PLC0415 - importlib's own parts: they are always there

        bootstrap: Any = __import__("_frozen_importlib")
        machinery: Any = __import__("_frozen_importlib_external")
        package = machinery.PathFinder.find_spec("setproctitle")
        kinds = (machinery.ExtensionFileLoader, _imp.extension_suffixes())
        spec = machinery.FileFinder(package.submodule_search_locations[0], kinds).find_spec(_NAME)
        module = bootstrap.module_from_spec(spec)
        sys.modules[_NAME] = module
        spec.loader.exec_module(module)
    found: Callable[[str], None] = sys.modules[_NAME].setproctitle
    return found


set_title = _found()
