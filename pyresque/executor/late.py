"""Parts of pyresque that are loaded at their first use: where jobs use them, their worker loads them for all children to come.

A worker that needs none of them forks the quicker for it; but a child that loads one does so for itself alone, anew for each job.
"""

from __future__ import annotations

import sys
from importlib import import_module

#: What jobs may come to use, a module that brings all of it along: active jobs, odd values as arguments, recurring jobs.
PARTS = ("pyresque.activejob.wrapper", "pyresque.ruby.json_pieces", "pyresque.schedule.entries")


def unloaded() -> tuple[str, ...]:
    """Those that this process has not loaded."""
    return tuple(name for name in PARTS if name not in sys.modules)


def used(names: tuple[str, ...]) -> bool:
    """Whether any of these has been loaded."""
    for name in names:  # noqa: SIM110 - a child in a hurry makes no generator
        if name in sys.modules:
            return True
    return False


def load(names: tuple[str, ...]) -> None:
    """Load these."""
    for name in names:
        import_module(name)
