"""What commands print: aligned tables for people, JSON for programs; and the question before something is destroyed."""

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

#: The widest a cell gets in a list; a page of its own shows the whole.
WIDEST = 60

#: Rows of a table that are laid out together, and lines that are shown of what a bulk command did.
ROWS = 1000
LINES = 20


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


class JsonList:
    """A list of any length in JSON, the value of a name in an object, or by itself; the same text as of ``print_json``."""

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
        """End the list, with further members of the object behind it."""
        click.echo(("\n" + self._indent[2:] if self._any else "") + "]", nl=False)
        for key, value in (after or {}).items():
            text = as_text(value, indent=2).replace("\n", "\n  ")
            click.echo(f",\n  {json.dumps(key)}: {text}", nl=False)
        click.echo("\n}" if self._object else "")


def print_list(values: Iterable[object]) -> None:
    """A list as JSON, however long it is."""
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
    """A table of any number of rows, whose columns get no narrower on the way; how many rows there were."""
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


class Lines:
    """A line for each thing that was done, of which only the first are printed; how many there were in the end."""

    def __init__(self, verb: str, noun: str) -> None:
        self.verb = verb
        self.noun = noun
        self.count = 0

    def add(self, line: str) -> None:
        """Print one more line, if there are not many yet."""
        self.count += 1
        if self.count <= LINES:
            click.echo(plain(f"{self.verb} {line}"))

    def close(self, none: str) -> None:
        """Sum up what was too long to be shown."""
        if not self.count:
            click.echo(none)
        elif self.count > LINES:
            click.echo(f"{self.verb} {many(self.count, self.noun)} in all")
