"""What commands print: aligned tables for people, JSON for programs; and the question before something is destroyed."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import Complaint, Misuse
from pyresque.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: The widest a cell gets in a list; a page of its own shows the whole.
WIDEST = 60


def print_json(value: object) -> None:
    """A value as JSON; what is no UTF-8 in Redis stands there as an escaped surrogate."""
    click.echo(as_text(value, indent=2))


def as_text(value: object, **options: Any) -> str:
    """A value as JSON, integers of any length too."""
    try:
        return json.dumps(value, **options)
    except ValueError:
        if not hasattr(sys, "set_int_max_str_digits"):
            raise
        limit = sys.get_int_max_str_digits()
        sys.set_int_max_str_digits(0)
        try:
            return json.dumps(value, **options)
        finally:
            sys.set_int_max_str_digits(limit)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """Columns under headings, numbers to the right; one line in their place where there are no rows."""
    if not rows:
        click.echo(empty)
        return
    print_rows(headings, rows)


def print_rows(
    headings: Sequence[str], rows: Sequence[Sequence[object]], least: Sequence[int] = ()
) -> list[int]:
    """Rows of a table, headings first unless ``least`` has the widths of rows before; the widths they took."""
    cells = [[plain(cell) for cell in row] for row in rows]
    columns = range(len(headings))
    widths = [
        max(*least[at : at + 1], *(len(line[at]) for line in [list(headings), *cells]))
        for at in columns
    ]
    numeric = [all(isinstance(row[at], int) for row in rows) for at in columns]
    titles = [] if least else [[heading.upper() for heading in headings]]
    for line in [*titles, *cells]:
        padded = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        click.echo("  ".join(padded).rstrip())
    return widths


def print_pairs(pairs: Sequence[tuple[str, object]]) -> None:
    """One thing, a line for each of its fields."""
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        click.echo(f"{name.ljust(width)}  {plain(value)}".rstrip())


def plain(value: object) -> str:
    """Text that is safe on a terminal: what came out of Redis may hold anything, escape sequences too."""
    if value is None:
        return "-"
    return printable(str(value))


def short(text: str, width: int = WIDEST) -> str:
    """The text, cut where it is too wide for a table."""
    return text if len(text) <= width else f"{text[: width - 3]}..."


def compact(value: object) -> str:
    """A value as JSON in one line, its letters as they are."""
    return as_text(value, ensure_ascii=False, separators=(", ", ": "), default=str)


def many(count: int, noun: str) -> str:
    """``1 job``, ``2 jobs``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(names: Iterable[str], most: int = 20) -> str:
    """Names beside each other, of many only the first."""
    found = list(names)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(map(plain, found[:most])) + more


def confirm(what: str, *, yes: bool) -> None:
    """Ask before something is destroyed; without a terminal to ask at, only ``--yes`` will do."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Misuse(f"{what}: add --yes to do it, or --dry-run to see more")
    if not click.confirm(f"{plain(what)}?", err=True):
        raise Complaint("nothing was done")
