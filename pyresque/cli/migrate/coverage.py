"""The command ``migrate coverage``: which of the classes seen the application performs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import Complaint, Misuse
from pyresque.cli.migrate.looking import READING, look, looking
from pyresque.cli.options import CONNECTION, json_option, settings_options
from pyresque.cli.output import listed, print_json, print_long_table, safe_text, short
from pyresque.migrate.coverage import Coverage, cover
from pyresque.migrate.notes import notes_of
from pyresque.printable import many
from pyresque.process.start.load_app import load_application

if TYPE_CHECKING:
    from pyresque.migrate.found import Found


@click.command(short_help="Compare the classes that there are with the application's jobs.")
@looking
@click.option(
    "--min",
    "least",
    metavar="PERCENT",
    type=click.FloatRange(0, 100),
    help="End with 0 if a handler takes so many of the jobs; default: all classes.",
)
@settings_options(*CONNECTION, *READING)
@json_option
def coverage(
    sample: int, keys: int, least: float | None, *, whole: bool, as_json: bool, **given: Any
) -> None:
    """Say which of the classes seen the application of -A performs, and which not; reads only.

    Ends with 1 if a class with jobs has no handler, or one that does not take its arguments, unless --min is reached.
    """
    resque = load_application(given)
    if not resque.settings.app:
        raise Misuse("give the application whose jobs are compared: -A myapp.jobs:resque")
    found = look(resque, sample=sample, whole=whole, keys=keys)
    made = cover(found, resque.core.registry, resque.core.active_job_classes)
    lacking = made.lacking
    enough = made.percent >= least if least is not None else not lacking and not made.others
    if as_json:
        print_json({**made.to_dict(), "enough": enough, "notes": list(notes_of(found))})
    else:
        _print(made, found)
    if not enough:
        bound = "" if least is None else f", less than {least:g}%"
        wanting = f"{many(len(lacking), 'class')} without a handler that fits: {listed((one.name for one in lacking), 5)}"
        raise Complaint(f"{made.percent:.1f}% of the jobs are covered{bound}; {wanting}")


def _print(made: Coverage, found: Found) -> None:
    rows = ((short(one.name), str(one.figure), one.state, one.handler) for one in made.classes)
    print_long_table(("class", "jobs", "here", "handler"), rows, "no jobs anywhere")
    for one in made.classes:
        lines = [
            *one.misfits,
            *one.doubts,
            *(f"has the plugin of {gem} in Ruby, but not here" for gem in one.undeclared),
            *([f"write {one.advice}"] if one.advice else []),
        ]
        if lines:
            click.echo(f"\n{safe_text(one.name)}")
            for line in lines:
                click.echo(safe_text(f"  {line}"))
    if made.never_seen:
        click.echo(f"\nregistered, but never seen: {listed(made.never_seen, 50)}")
    click.echo(f"\n{made.percent:.1f}% of the jobs have a handler that takes them.")
    for note in notes_of(found):
        click.echo(safe_text(note))
