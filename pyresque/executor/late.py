"""What jobs load at its first use is loaded by their worker, for all children to come.

A worker that needs none of it forks the quicker; but a child that loads something does so for itself alone, anew for each job.
That is done for pyresque's own modules and Python's; what an application imports late is its own affair.
"""

from __future__ import annotations

import sys

#: Modules of Python's that do something when they are imported.
EGGS = ("antigravity", "this")


def since(count: int) -> str:
    """Names of modules that were loaded since there were so many, one a line."""
    names = [*map(str, sys.modules)][count:]  # a job may have put anything there
    ours = [name for name in names if _may_be_shared(name)]
    return "\n".join(ours)


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
