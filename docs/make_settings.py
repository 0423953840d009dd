# ruff: noqa: INP001 - a script beside the pages, no package
"""Write docs/settings.md from the one table of settings: ``python docs/make_settings.py``."""

from __future__ import annotations

from pathlib import Path

from pyresque.settings import Settings

HEAD = """# Settings

Default < environment < flag < keyword of `Resque(...)`. An empty variable counts as left out (`QUEUES` is the exception, as in
Ruby). All faults are reported together, each with the place it came from. Keywords are checked as variables are: `Resque(interval="2")`
is refused, since a text is no number.

This page is written by `python docs/make_settings.py` from the table in `pyresque/settings.py`.

| keyword | default | variables, the first that is set wins | meaning |
|---|---|---|---|
"""


def page() -> str:
    """The page's text."""
    lines = []
    for row in Settings.ROWS.values():
        names = [entry if isinstance(entry, str) else entry[0] for entry in row.env]
        default = "" if row.default in {None, ""} or row.default == () else f"`{row.default}`"
        variables = ", ".join(f"`{name}`" for name in names)
        lines.append(f"| `{row.name}` | {default} | {variables} | {row.help} |")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("settings.md").write_text(page(), encoding="utf-8")
