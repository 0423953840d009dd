"""What jobs load at its first use is loaded by their worker, for all children to come.

A worker that needs none of it forks the quicker; but a child that loads something does so for itself alone, anew for each job.
That is done for pyresque's own modules and Python's. What an application imports late is its own affair, but its worker says so.
"""

from __future__ import annotations

import sys

#: Modules of Python's that do something when they are imported.
EGGS = ("antigravity", "this")


#: How many children import a module until that is told of, and how many modules are counted.
OFTEN, MOST = 3, 1000

#: What the name of an application's or a library's module begins with, where it is told of.
OTHER = " "


def since(count: int) -> str:
    """Names of modules that were loaded since there were so many, one a line; of the application's those that loaded the rest."""
    names = [*map(str, sys.modules)][count:]  # a job may have put anything there
    new, told = set(names), []
    for name in names:
        if _may_be_shared(name):
            told.append(name)
        elif name.rpartition(".")[0] not in new and _is_of_others(name):
            told.append(OTHER + name)
    return "\n".join(told)


def load(names: str) -> None:
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
        """A child's names, as ``since`` told them; those to be told of now, each once."""
        counts, due = self._counts, []
        for line in names.split("\n"):
            name = line[len(OTHER) :]
            if not line.startswith(OTHER) or (name not in counts and len(counts) >= MOST):
                continue
            counts[name] = counts.get(name, 0) + 1
            if counts[name] == OFTEN:
                due.append(name)
        return due
