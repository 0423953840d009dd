"""What makes a fork cheap: frozen memory, no needless hooks, modules imported beforehand, the title set by the C function. Light.

A fork copies the table of the parent's pages, and each page that the child writes to. ``skip_stdlib_fork_hooks`` replaces the code
of two private functions, ``threading._after_fork`` and ``logging._after_at_fork_child_reinit_locks``; tests/executor/test_light.py
holds on every Python that this changes nothing else.
"""

from __future__ import annotations

import builtins
import gc
import os
import sys
from time import perf_counter
from types import FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

#: madvise(2): make huge pages of small ones, now (Linux 6.1).
MADV_COLLAPSE = 25

#: Bytes of a huge page.
HUGE = 2 * 1024 * 1024

#: Bytes of private memory from which collapsing pays: it takes some milliseconds.
COLLAPSE_FROM = 32 * 1024 * 1024

#: One request for memory of each size class of the allocator.
SIZES = (600, 1000, 2000, 5000, 10_000, 60_000, 120_000)

#: Objects that are frozen already: Python 3.12 begins with some hundred.
FROZEN_AT_START = gc.get_freeze_count()


def freeze_memory() -> None:
    """Before the first fork: run the garbage collector, freeze what is loaded, and make huge pages of a great heap.

    Does nothing if the parent process did it: the pages that both share would be copied.
    """
    if gc.get_freeze_count() > FROZEN_AT_START:
        return
    gc.collect()
    # A collection in a child would write to every page that it shares with us.
    gc.freeze()
    try:
        areas = _private_areas()
    except OSError:
        return
    if sum(end - start for start, end in areas) >= COLLAPSE_FROM:
        _collapse(areas)


def freeze_again() -> None:
    """Freeze what was loaded since ``freeze_memory``, and skip the hooks of what it has brought."""
    gc.collect()
    gc.freeze()
    skip_stdlib_fork_hooks()
    sort_free_memory()


def sort_free_memory() -> None:
    """Request memory: the allocator then sorts what was freed while modules were loaded, here once and not in each child."""
    for size in SIZES:
        bytearray(size)


def _private_areas() -> list[tuple[int, int]]:
    """Start and end of each writable area of memory that maps no file (Linux). Raises OSError elsewhere."""
    areas = []
    with open("/proc/self/maps", encoding="ascii", errors="replace") as maps:  # noqa: PTH123 - pathlib stays unloaded
        for line in maps:
            fields = line.split()
            if fields[1].startswith("rw-p") and (len(fields) == 5 or fields[5] == "[heap]"):  # noqa: PLR2004 - no sixth column: no file
                start, _, end = fields[0].partition("-")
                areas.append((int(start, 16), int(end, 16)))
    return areas


def _collapse(areas: list[tuple[int, int]]) -> None:
    """Make huge pages of each area. A kernel that cannot returns an error, which changes nothing."""
    import ctypes  # noqa: PLC0415 - a library more to map in every child, for great heaps only

    madvise = ctypes.CDLL(None, use_errno=True).madvise
    for start, end in areas:
        first, past = -(-start // HUGE) * HUGE, end // HUGE * HUGE
        if past > first:
            madvise(ctypes.c_void_p(first), ctypes.c_size_t(past - first), MADV_COLLAPSE)


def skip_stdlib_fork_hooks() -> None:
    """Skip the after-fork hooks of ``threading`` and ``logging`` in children of this process, if it has but one thread.

    There is nothing to clean up after, and the hooks double the cost of a fork. Processes that a job forks still run them, and
    hooks of others (``os.register_at_fork``) run in any case. To be called again when more modules are loaded.
    """
    threading, logging = sys.modules.get("threading"), sys.modules.get("logging")
    if threading is None or threading.active_count() > 1:
        return
    _replace_code(threading, "_after_fork")
    if logging is not None and hasattr(logging, "_lock"):
        free = FunctionType(_free_logging_lock.__code__, vars(logging))
        _replace_code(logging, "_after_at_fork_child_reinit_locks", free)


def _replace_code(module: ModuleType, name: str, instead: Callable[[], None] | None = None) -> None:
    """Replace the code of a hook: the interpreter keeps the function object itself, which cannot be exchanged."""
    function = getattr(module, name, None)
    if (
        isinstance(function, FunctionType)
        and not function.__code__.co_freevars
        and function.__code__ is not _only_in_grandchildren.__code__
    ):
        own = FunctionType(function.__code__, function.__globals__, name)
        function.__code__ = _only_in_grandchildren.__code__
        function.__defaults__ = (own, os.getppid, os.getpid(), instead)


def _only_in_grandchildren(
    own: Callable[[], None],
    parent: Callable[[], int],
    server: int,
    instead: Callable[[], None] | None,
) -> None:
    """The new code of a hook: a child of the fork server runs ``instead``, any other process the hook's own code."""
    if parent() != server:
        own()
    elif instead is not None:
        instead()


def _free_logging_lock() -> None:
    """Free the lock that ``logging`` holds across the fork. Runs with the globals of that module."""
    _lock._at_fork_reinit()  # type: ignore[name-defined] # noqa: F821, SLF001 - logging's own names


#: Modules of the standard library that print or open a browser when they are imported.
EGGS = ("antigravity", "this")

#: How lines begin that children and worker tell each other beside names of Python's and pyresque's own modules: the name of another
#: module; the milliseconds that all imports took, with the modules that were imported by themselves, and the order to measure that; a
#: note of ``warm_up.py``.
FOREIGN, TIME, NOTE = " ", "?", "!"

#: What the functions of ``@resque.warm_up(in_child=True)`` have left to be told; of a child.
notes: list[str] = []

#: What children need not tell again.
_told: set[str] = set()


def modules_since(count: int) -> str:
    """The names of modules that were imported since ``sys.modules`` had that length, and the notes, one a line, for the worker.

    Of the application's and of libraries' modules only those whose package is not new, each behind ``FOREIGN``.
    """
    names = [*map(str, sys.modules)][count:]  # a job may have put anything there
    new, lines = set(names), [f"{NOTE}{note}" for note in notes if note.split(" ")[0] not in _told]
    notes.clear()
    for name in names:
        if _may_be_shared(name):
            lines.append(name)
        elif (
            name.rpartition(".")[0] not in new and _is_foreign(name) and FOREIGN + name not in _told
        ):
            lines.append(FOREIGN + name)
    if lines and import_timer.seconds:
        milliseconds = f"{import_timer.seconds * 1000:.1f}"
        lines.append(TIME + " ".join((milliseconds, *filter(_is_foreign, import_timer.asked_for))))
    return "\n".join(lines)


def prepare(lines: str) -> None:
    """Prepare this process for its next children: import modules, and do what the worker has learnt of former children.

    A module that cannot be imported is left to the jobs that need it.
    """
    for line in lines.split("\n"):
        if line == TIME:
            import_timer.start()
        elif line.startswith((FOREIGN, NOTE)):
            _told.add(line.removeprefix(NOTE))
            import_timer.stop()
        elif _may_be_shared(line) and line not in sys.modules:
            try:
                __import__(line)
            except Exception:  # noqa: BLE001, S112 - a module of another system, or one that a job left broken
                continue


class ImportTimer:
    """Measures how long ``import`` statements take that load modules; ``asked_for``: those that no module being loaded has imported."""

    def __init__(self) -> None:
        self.on = False
        self.seconds = 0.0
        self.asked_for: list[str] = []
        self._nested = False
        self._original: Callable[..., Any] = builtins.__import__

    def start(self) -> None:
        """Measure in this process and in its children."""
        if not self.on:
            self.on, self.seconds, self.asked_for = True, 0.0, []
            self._original, builtins.__import__ = builtins.__import__, self._timed

    def stop(self) -> None:
        """Measure no longer."""
        if self.on:
            self.on, builtins.__import__ = False, self._original

    def _timed(self, *args: Any, **kwargs: Any) -> Any:
        if self._nested:
            return self._original(*args, **kwargs)
        self._nested = True
        known, started = len(sys.modules), perf_counter()
        try:
            return self._original(*args, **kwargs)
        finally:
            self._nested = False
            if len(sys.modules) > known:
                self.seconds += perf_counter() - started
                # A module moves to the end of sys.modules when it is loaded, behind those that it has imported.
                self.asked_for.append(str(next(reversed(sys.modules))))


import_timer = ImportTimer()


def _may_be_shared(name: str) -> bool:
    top = name.partition(".")[0]
    return top == "pyresque" or (top in sys.stdlib_module_names and top not in EGGS)


def _is_foreign(name: str) -> bool:
    """Whether a name is a module's that can be imported, and not of the standard library: Cython makes modules that cannot."""
    top, _, rest = name.partition(".")
    return (
        top not in sys.stdlib_module_names
        and (top + rest.replace(".", "")).isidentifier()
        and getattr(sys.modules.get(name), "__spec__", None) is not None
    )


_NAME = "setproctitle._setproctitle"


def _load_set_title() -> Callable[[str], None]:
    try:
        return _from_c_module()
    except (AttributeError, ImportError, IndexError, TypeError):
        sys.modules.pop(_NAME, None)
    from setproctitle import setproctitle  # noqa: PLC0415 - if the package is built in another way

    return setproctitle


def _from_c_module() -> Callable[[str], None]:
    """``setproctitle`` of the C module, without its package; the package will find the module loaded."""
    if _NAME not in sys.modules:
        import _imp  # noqa: PLC0415 - parts of importlib, loaded at every start

        bootstrap: Any = __import__("_frozen_importlib")
        machinery: Any = __import__("_frozen_importlib_external")
        package = machinery.PathFinder.find_spec("setproctitle")
        kinds = (machinery.ExtensionFileLoader, _imp.extension_suffixes())
        spec = machinery.FileFinder(package.submodule_search_locations[0], kinds).find_spec(_NAME)
        module = bootstrap.module_from_spec(spec)
        sys.modules[_NAME] = module
        spec.loader.exec_module(module)
    function: Callable[[str], None] = sys.modules[_NAME].setproctitle
    return function


set_title = _load_set_title()
