"""What commands print: aligned tables for people, JSON for programs; and the question before a command destroys."""

from __future__ import annotations

import json
import sys
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import Complaint, Misuse
from pyresque.printable import many, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: The widest cell of a list; ``show`` prints the whole text.
WIDEST = 60

#: Characters to which every line of a table is padded at most: a name of any length may come from Redis.
PADDED = 200

#: Rows of a table that are aligned together; lines that a bulk command prints of what it did.
ROWS = 1000
MOST_LINES = 20


def print_json(value: object) -> None:
    """Print a value as JSON. Bytes of Redis that are no UTF-8 come out as escaped surrogates."""
    click.echo(as_text(value, indent=2))


def as_text(value: object, **options: Any) -> str:
    """Return a value as JSON, with integers of any length."""
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
    """Print columns under headings, numbers to the right; the line ``empty`` if there are no rows."""
    if not rows:
        click.echo(empty)
        return
    print_rows(headings, rows)


def print_rows(
    headings: Sequence[str], rows: Sequence[Sequence[object]], least: Sequence[int] = ()
) -> list[int]:
    """Print rows of a table; return the widths of its columns. ``least``: the widths of earlier rows, whose headings were printed."""
    cells = [[safe_text(cell) for cell in row] for row in rows]
    columns = range(len(headings))
    widths = [
        max(
            *least[at : at + 1],
            *(min(len(line[at]), PADDED) for line in [list(headings), *cells]),
        )
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
    """Print one object, a line for each field."""
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        click.echo(f"{name.ljust(width)}  {safe_text(value)}".rstrip())


def safe_text(value: object) -> str:
    """Return a value as text that is safe on a terminal: Redis may hold escape sequences. None is ``-``."""
    if value is None:
        return "-"
    return printable(str(value))


def short(text: str, width: int = WIDEST) -> str:
    """Cut a text that is too wide for a table."""
    return text if len(text) <= width else f"{text[: width - 3]}..."


def compact(value: object) -> str:
    """Return a value as JSON in one line, without escapes of letters."""
    return as_text(value, ensure_ascii=False, separators=(", ", ": "), default=str)


def listed(names: Iterable[str], most: int = 20) -> str:
    """Join names; of many only the first ``most``."""
    found = list(names)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(map(safe_text, found[:most])) + more


def confirm(what: str, *, yes: bool) -> None:
    """Ask before a command destroys. Raises Misuse without a terminal to ask at, Complaint if the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Misuse(f"nothing was done: --dry-run shows more; add --yes to {what}")
    if not click.confirm(f"{safe_text(what)}?", err=True):
        raise Complaint("nothing was done")


class JsonList:
    """Prints a list of any length in JSON, alone or as the member ``name`` of an object, as ``print_json`` would."""

    def __init__(self, name: str | None = None, before: Mapping[str, object] | None = None) -> None:
        self._object = name is not None
        self._indent = "    " if self._object else "  "
        self._any = False
        head = "["
        if self._object:
            members = [
                f"  {json.dumps(key)}: {json.dumps(value)},\n"
                for key, value in (before or {}).items()
            ]
            head = "{\n" + "".join(members) + f"  {json.dumps(name)}: ["
        click.echo(head, nl=False)

    def add(self, value: object) -> None:
        """Print one more element."""
        text = as_text(value, indent=2).replace("\n", "\n" + self._indent)
        click.echo(f"{',' if self._any else ''}\n{self._indent}{text}", nl=False)
        self._any = True

    def close(self, after: Mapping[str, object] | None = None) -> None:
        """End the list; print further members of the object."""
        click.echo(("\n" + self._indent[2:] if self._any else "") + "]", nl=False)
        for key, value in (after or {}).items():
            text = as_text(value, indent=2).replace("\n", "\n  ")
            click.echo(f",\n  {json.dumps(key)}: {text}", nl=False)
        click.echo("\n}" if self._object else "")


def print_list(values: Iterable[object]) -> None:
    """Print a list of any length as JSON."""
    made = JsonList()
    for value in values:
        made.add(value)
    made.close()


def print_members(
    before: Mapping[str, object], name: str, members: Iterable[tuple[str, object]]
) -> None:
    """Print an object as ``print_json`` does. Its last member, ``name``, is an object of any number of members."""
    head = as_text({**before, name: {}}, indent=2)
    click.echo(head.removesuffix("}\n}"), nl=False)
    comma = ""
    for key, value in members:
        click.echo(f"{comma}\n    {json.dumps(key)}: {as_text(value)}", nl=False)
        comma = ","
    click.echo("\n  }\n}" if comma else "}\n}")


def print_long_table(headings: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> int:
    """Print a table of any length, whose columns never get narrower; return the number of rows."""
    source = iter(rows)
    first = next(source, None)
    if first is None:
        click.echo(empty)
        return 0
    source = chain((first,), source)
    widths: list[int] = []
    count = 0
    while part := list(islice(source, ROWS)):
        widths = print_rows(headings, part, widths)
        count += len(part)
    return count


class FirstLines:
    """Prints a line for each of the first changes that a bulk command makes, and the count at the end."""

    def __init__(self, verb: str, noun: str) -> None:
        self.verb = verb
        self.noun = noun
        self.count = 0

    def add(self, line: str) -> None:
        """Count one more change; print it if it is one of the first."""
        self.count += 1
        if self.count <= MOST_LINES:
            click.echo(safe_text(f"{self.verb} {line}"))

    def close(self, none: str) -> None:
        """Print the count if not all lines were printed; ``none`` if nothing was changed."""
        if not self.count:
            click.echo(none)
        elif self.count > MOST_LINES:
            click.echo(f"{self.verb} {many(self.count, self.noun)} in all")
