# ruff: noqa: INP001 - a script beside the pages, no package
"""Write docs/settings.md from the one table of settings: ``python docs/make_settings.py``."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from pyresque.settings import Settings

HEAD = """# Settings

Default < environment < flag < keyword of `Resque(...)`. An empty variable counts as left out (`QUEUES` is the exception, as in
Ruby). All faults are reported together, each with the place it came from.

This page is written by `python docs/make_settings.py` from the table in `pyresque/settings.py`.

| keyword | default | variables, the first that is set wins | meaning |
|---|---|---|---|
"""


def page() -> str:
    """The page's text."""
    rows = []
    for field in fields(Settings):
        names = [entry if isinstance(entry, str) else entry[0] for entry in field.metadata["env"]]
        default = "" if field.default in {None, ""} or field.default == () else f"`{field.default}`"
        variables = ", ".join(f"`{name}`" for name in names)
        rows.append(f"| `{field.name}` | {default} | {variables} | {field.metadata['help']} |")
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("settings.md").write_text(page(), encoding="utf-8")
