"""Output of any length, printed as it comes: lists in JSON, rows of tables, lines of which only the first are shown."""

from __future__ import annotations

import json
from itertools import chain, islice
from typing import TYPE_CHECKING

import click

from pyresque.cli.output import as_text, many, plain, print_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: Rows of a table that are laid out together, and lines that are shown of what a bulk command did.
ROWS = 1000
LINES = 20


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
