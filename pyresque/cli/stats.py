"""The command ``stats``: Resque's counters, what Redis tells of itself, and the keys of the namespace."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from pyresque.cli.errors import Complaint, Option
from pyresque.cli.groups import SuggestingGroup
from pyresque.cli.options import CONNECTION, json_option, settings_options, start_option
from pyresque.cli.output import print_json, print_long_table, print_pairs, print_table, short
from pyresque.process.start.load_app import load_application
from pyresque.store.any_keys import SHOWN, elements, scanned, server_info, sized


@click.group(cls=SuggestingGroup, short_help="Show counters, Redis' own figures, and keys.")
def stats() -> None:
    """Show counters, what Redis tells of itself, and the keys of the namespace."""


@stats.command()
@settings_options(*CONNECTION)
@json_option
def counters(as_json: bool, **given: Any) -> None:
    """Show Resque's counters, as its own page of stats."""
    resque = load_application(given)
    found = asdict(resque.info())
    if as_json:
        print_json(found)
    else:
        print_pairs(
            [
                (name, ", ".join(value) if isinstance(value, list) else value)
                for name, value in found.items()
            ]
        )


@stats.command()
@settings_options(*CONNECTION)
@json_option
def redis(as_json: bool, **given: Any) -> None:
    """Show what Redis tells of itself (INFO)."""
    found = load_application(given).run(server_info())
    if as_json:
        print_json(found)
    elif found:
        print_pairs(list(found.items()))


@stats.command()
@click.option("--search", "text", metavar="TEXT", help="Those whose name has a text.")
@click.option(
    "--cursor",
    default=0,
    show_default=True,
    cls=Option,
    type=click.IntRange(0, (1 << 64) - 1),
    help="Where to go on, as the last look told.",
)
@settings_options(*CONNECTION)
@json_option
def keys(text: str | None, cursor: int, as_json: bool, **given: Any) -> None:
    """Show some hundred keys of the namespace with types and sizes. SCAN finds them, so that Redis serves others meanwhile."""
    resque = load_application(given)
    after, names = resque.run(scanned(resque.core.keys, cursor, text))
    rows = resque.run(sized(resque.core.keys, names))
    if as_json:
        print_json({"keys": [one._asdict() for one in rows], "cursor": after or None})
        return
    print_long_table(("key", "type", "size"), rows, "no keys")
    if after:
        click.echo(f"and more: --cursor {after}")


@stats.command()
@click.argument("name")
@start_option("The first element of a list or sorted set to show.")
@settings_options(*CONNECTION)
@json_option
def key(name: str, start: int, as_json: bool, **given: Any) -> None:
    """Show the beginning of what a key of the namespace holds."""
    resque = load_application(given)
    (found,) = resque.run(sized(resque.core.keys, [name]))
    if found.type == "none":
        raise Complaint(f"there is no key {name!r}")
    rows = resque.run(elements(resque.core.keys, name, found.type, start))
    if as_json:
        print_json({**found._asdict(), "start": start, "elements": rows})
        return
    print_pairs([("key", found.name), ("type", found.type), ("size", found.size)])
    click.echo()
    headings = {
        "list": ("index", "element"),
        "zset": ("score", "member"),
        "hash": ("field", "value"),
    }
    print_table(
        headings.get(found.type, ("element",)),
        [[short(text, 1000) for text in row] for row in rows],
        "nothing",
    )
    if found.type in {"list", "zset"} and start + SHOWN < (found.size or 0):
        click.echo(f"and more: --start {start + SHOWN}")
