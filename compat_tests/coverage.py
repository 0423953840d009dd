"""How much of the recordings is replayed: every test module that replays some says so in its ``coverage()``."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Row:
    """One recorded file, as one test module replays it."""

    module: str
    file: str
    replayed: int
    recorded: int

    def __str__(self) -> str:
        return f"{self.file}: replayed {self.replayed} of {self.recorded} ({self.module})"


def modules() -> list[str]:
    """The test modules here."""
    return sorted(path.stem for path in FOLDER.glob("test_*.py"))


def rows(module: str) -> list[Row]:
    """What one of them replays; nothing where it replays none."""
    coverage = getattr(importlib.import_module(f"compat_tests.{module}"), "coverage", None)
    if coverage is None:
        return []
    found = coverage()
    return [Row(module, *one) for one in ([found] if isinstance(found, tuple) else found)]
