"""The environment variables that are settings."""

from __future__ import annotations

from pyresque.settings import Settings


def own_variables() -> set[str]:
    """Every environment variable that the settings know."""
    entries = [entry for row in Settings.ROWS.values() for entry in row.env]
    return {entry[0] if isinstance(entry, tuple) else entry for entry in entries}
