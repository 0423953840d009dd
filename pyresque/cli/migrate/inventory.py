"""The command ``migrate inventory``: which classes there are, where, and what their jobs look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import Complaint, Option
from pyresque.cli.migrate.inventory_page import page
from pyresque.cli.migrate.looking import READING, look, looking
from pyresque.cli.options import CONNECTION, json_option, reading, settings_options
from pyresque.cli.output import JsonList, listed, print_long_table, safe_text, short
from pyresque.migrate.as_json import classes_json, head, iso
from pyresque.migrate.habits import RESQUE
from pyresque.migrate.marks import registration
from pyresque.migrate.notes import notes_of
from pyresque.migrate.seen import PLACES, RATES
from pyresque.process.start.load_app import load_application
from pyresque.setting_readers import stretch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyresque.migrate.found import Found
    from pyresque.migrate.seen import ClassSeen

#: The widest text of arguments in the table, unless all is shown.
WIDE = 100


@click.command(short_help="Show which classes there are, and what their jobs look like.")
@looking
@click.option(
    "--watch",
    cls=Option,
    callback=reading(stretch),
    metavar="SECONDS|60s",
    help="Watch that long how many jobs of each class are performed.",
)
@click.option("--html", "html", metavar="FILE", help="Write a page to hand round, too.")
@click.option("--full", is_flag=True, help="Do not cut the arguments.")
@settings_options(*CONNECTION, *READING)
@json_option
def inventory(
    sample: int,
    keys: int,
    watch: float | None,
    html: str | None,
    *,
    whole: bool,
    full: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Show every class that there is in queues, delayed jobs, schedules, working workers and failed lists. Reads only."""
    resque = load_application(given)
    found = look(resque, sample=sample, whole=whole, keys=keys, watch=watch)
    if html is not None:
        try:
            with open(html, "w", encoding="utf-8") as file:  # noqa: PTH123 - the user's own name of a file
                file.write(page(found))
        except OSError as error:
            raise Complaint(f"the page cannot be written: {error}") from error
    if as_json:
        printed = JsonList("classes", head(found))
        for one in classes_json(found):
            printed.add(one)
        printed.close()
        return
    print_inventory(found, full=full)
    if html is not None:
        click.echo(f"\nwrote {safe_text(html)}")


def print_inventory(found: Found, *, full: bool) -> None:
    """Print the tables."""
    shown = [place for place in PLACES if any(place in one.places for one in found.classes)]
    rated = RATES if found.watched is not None else ()
    print_long_table(
        ("class", *shown, *rated, "queues", "plugins", "last seen"),
        (_row(one, shown, rated=bool(rated)) for one in found.classes),
        "no jobs anywhere",
    )
    if not found.classes.classes:
        _print_notes(found)
        return
    click.echo()
    print_long_table(
        ("class", "arguments", "written by"),
        (
            (one.name, cut(str(one.arguments), full=full), _written_by(one))
            for one in found.classes
            if one.read
        ),
        "",
    )
    lines = [(one.name, line) for one in found.classes if (line := registration(one))]
    if lines:
        click.echo("\nTheir plugins in Ruby, by what there is in Redis: write here")
        for _, line in lines:
            click.echo(f"  {safe_text(line)}")
    _print_notes(found)


def cut(text: str, *, full: bool) -> str:
    """Return a text for a table, cut unless all is shown."""
    return text if full else short(text, WIDE)


def _row(one: ClassSeen, places: Sequence[str], *, rated: bool) -> tuple[object, ...]:
    figures = (one.places.get(place) for place in places)
    rate: Sequence[str | None] = ()
    if rated:
        rate = (None, None) if one.rate is None else one.rate.shown
    return (
        short(one.name),
        *(None if figure is None else str(figure) for figure in figures),
        *rate,
        short(listed(one.queues, 3)),
        listed(one.marks) or None,
        iso(one.last_seen),
    )


def _written_by(one: ClassSeen) -> str:
    parts = [] if list(one.writers) == [RESQUE] else [", ".join(one.writers)]
    if one.trace:
        parts.append(f"traced by {', '.join(one.trace)}")
    if one.extra:
        parts.append(f"keys {', '.join(one.extra)}")
    if one.arguments.odd:
        parts.append(f"args are {', '.join(one.arguments.odd)}")
    return short("; ".join(parts) or RESQUE, WIDE)


def _print_notes(found: Found) -> None:
    notes = list(notes_of(found))
    if notes:
        click.echo()
    for note in notes:
        click.echo(safe_text(note))
