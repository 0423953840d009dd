"""The command ``migrate status``: the ledger of the move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import Complaint, Option
from pyresque.cli.migrate.looking import READING, look, sampling
from pyresque.cli.options import CONNECTION, json_option, settings_options
from pyresque.cli.output import JsonList, print_long_table, safe_text, short
from pyresque.cli.progress import Progress
from pyresque.migrate.ledger import Ledger, Line, iso
from pyresque.process.start.load_app import load_application
from pyresque.routing.performed import DAYS
from pyresque.routing.rules import RUBY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from pyresque.client import Resque
    from pyresque.routing.performed import Tally


@click.command(short_help="Show how far each class has moved, and what can be deleted in Ruby.")
@click.argument("class_name", metavar="[CLASS]", required=False)
@click.option(
    "--days",
    default=7,
    show_default=True,
    cls=Option,
    type=click.IntRange(1, DAYS),
    help="Days that are shown; today is one of them.",
)
@sampling
@settings_options(*CONNECTION, *READING)
@json_option
def status(
    class_name: str | None,
    days: int,
    sample: int,
    *,
    whole: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Show of each class which side performs it, its share over time, and since when its code in Ruby can be deleted; of CLASS each day."""
    resque = load_application(given)
    found = look(resque, sample=sample, whole=whole, keys=0)
    ledger = Ledger(resque.core, found)
    names = resque.run(ledger.begin())
    if class_name is not None:
        if class_name not in names:
            raise Complaint(f"nothing is known of a class {class_name}")
        names = [class_name]
    lines = _lines(resque, ledger, names, days)
    if as_json:
        printed = JsonList(
            "classes", {"ruby_counted_at": iso(ledger.guarded), "whole": not found.sampled}
        )
        for line in lines:
            printed.add(line.to_dict())
        printed.close({"notes": [*ledger.notes, *found.notes]})
        return
    if class_name is not None:
        _print_days(next(lines))
    else:
        _print_all(lines)
    _print_notes(ledger)


def _lines(resque: Resque, ledger: Ledger, names: list[str], days: int) -> Iterator[Line]:
    """Yield the line of each class, with progress."""
    with Progress("reading counts, class") as progress:
        for at, name in enumerate(names):
            yield resque.run(ledger.line(name, days))
            progress.step(at, len(names))
            progress.end("not every class is shown")


def _print_all(lines: Iterator[Line]) -> None:
    print_long_table(
        ("class", "rule", "performed", "python %", "by day", "ruby last", "delete in ruby", "why"),
        map(_row, lines),
        "nothing is known of any class",
    )


def _row(line: Line) -> tuple[object, ...]:
    whole = line.all_days
    count = 0 if whole is None else whole.python.performed + whole.ruby.performed
    percent = f"{whole.python_percent:.1f}" if whole is not None and count else None
    shares = " ".join(f"{one.python_percent:.0f}" for one in line.days)
    return (
        short(line.name),
        None if line.rule is None else line.rule.target,
        count,
        percent,
        shares or None,
        _shown(line.last.get(RUBY)),
        _safe(line),
        line.why or None,
    )


def _safe(line: Line) -> str:
    if line.safe is None:
        return "not known"
    if not line.safe:
        return "no"
    return "yes" if line.since is None else f"yes, since {_shown(line.since)}"


def _shown(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def _print_days(line: Line) -> None:
    rows = (
        (
            f"{one.at:%Y-%m-%d}",
            f"{one.python_percent:.1f}",
            *_figures(one.python),
            *_figures(one.ruby),
        )
        for one in line.days
    )
    headings = ("python done", "failed", "ms each", "ruby done", "failed", "ms each")
    print_long_table(("day", "python %", *headings), rows, "no job was counted in these days")
    rule = "none" if line.rule is None else line.rule.target
    jobs = ", ".join(f"{count} {place}" for place, count in line.jobs.items()) or "none"
    click.echo(f"\nrule: {safe_text(rule)}; jobs: {jobs}")
    click.echo(f"last by Ruby: {_shown(line.last.get(RUBY)) or 'not counted'}")
    why = f" ({line.why})" if line.why else ""
    click.echo(safe_text(f"delete in Ruby: {_safe(line)}{why}"))


def _figures(tally: Tally) -> tuple[object, ...]:
    each = tally.milliseconds / tally.performed if tally.performed else 0.0
    return (tally.done, tally.failed, f"{each:.1f}")


def _print_notes(ledger: Ledger) -> None:
    click.echo()
    if ledger.guarded is None:
        click.echo(
            "What Ruby performs is not counted: its share, and what can be deleted, cannot be known without the guard (pyresque migrate ruby-guard)."
        )
    else:
        click.echo(
            "Ruby's figures are those of workers that run the guard, complete only if every Ruby worker runs it; "
            f"the last job of any class was counted at {_shown(ledger.guarded)}."
        )
    for note in (*ledger.notes, *ledger.found.notes):
        click.echo(safe_text(note))
