"""The command ``schedule validate``: what it finds in each entry of a schedule's file, and how it prints that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.arguments import shown_run
from pyresque.cli.errors import Complaint
from pyresque.cli.options import CONNECTION, json_option, settings_options
from pyresque.cli.output import JsonList, safe_text
from pyresque.cli.progress import Progress
from pyresque.errors import NotEncodable, ScheduleError, ScheduleFileError
from pyresque.printable import many
from pyresque.process.run.scheduler import read_schedule, section_hint
from pyresque.process.start.load_app import load_application
from pyresque.schedule.entries import Entry, is_section, unknown_keys

if TYPE_CHECKING:
    from datetime import datetime

    from pyresque.client import Resque
    from pyresque.schedule.cron.next_run import Cron
    from pyresque.schedule.yaml_file import FileEntry

#: Runs that are shown of each entry.
SHOWN_RUNS = 5


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@settings_options(*CONNECTION, "schedule_section", "time_zone", "codec", "dialect")
@json_option
def validate(file: str, as_json: bool, **given: Any) -> None:
    """Check a schedule's file: each fault with its line, and the next runs of each entry.

    Exit code 1 if an entry cannot run, or none ever does.
    """
    resque = load_application(given)
    try:
        written = read_file(file, resque.settings.schedule_section, "nothing was checked")
    except ScheduleFileError as error:  # a fault like any other that this command looks for
        raise Complaint(str(error)) from error
    bad = idle = 0
    known: dict[Cron | float | None, list[datetime]] = {}
    listed = JsonList() if as_json else None
    with Progress(f"checking {file}, entry") as progress:
        for at, entry in enumerate(written):
            progress.step(at, len(written))
            progress.end(
                f"{at} of {many(len(written), 'entry')} were checked, {bad} of them cannot run"
            )
            one = check_entry(resque, entry, known)
            bad += bool(one.faults)
            idle += not one.runs
            if listed is not None:
                listed.add(entry_json(one))
            else:
                print_entry(one)
    if listed is not None:
        listed.close()
    if bad:
        raise Complaint(f"{file}: {bad} of {many(len(written), 'entry')} cannot run")
    if written and idle == len(written):
        sections = [section_hint(one.name) for one in written if is_section(one.config)]
        raise Complaint("; ".join([f"{file}: no entry runs", *sections[:1]]))


def read_file(file: str, section: str, interrupted: str) -> list[FileEntry]:
    """Read the entries of a file, with progress. ``interrupted``: what a signal leaves. Raises ScheduleFileError, Interrupted."""
    with Progress(f"reading {file}, line") as progress:

        def reached(line: int, lines: int) -> None:
            progress.step(line, lines)
            progress.end(interrupted)

        return read_schedule(file, section, reached)


@dataclass(frozen=True)
class CheckedEntry:
    """One entry of a file: its line, its faults, notes, and its next runs."""

    written: FileEntry
    faults: tuple[str, ...]
    notes: tuple[str, ...]
    runs: list[datetime]


def print_entry(one: CheckedEntry) -> None:
    """Print an entry for people: its line, faults, notes and next runs."""
    click.echo(safe_text(f"line {one.written.line}: {one.written.name}"))
    for kind, texts in (("fault", one.faults), ("note", one.notes)):
        for text in texts:
            click.echo(safe_text(f"  {kind}: {text}"))
    for run_at in one.runs:
        click.echo(f"  {shown_run(run_at)}")


def check_entry(
    resque: Resque, written: FileEntry, known: dict[Cron | float | None, list[datetime]]
) -> CheckedEntry:
    """Check one entry; ``known`` keeps the runs of cron lines for later entries."""
    core, config = resque.core, written.config
    keys = unknown_keys(config) if isinstance(config, dict) else []
    notes = [*written.notes, *(f"{key!r} is a key that means nothing" for key in keys)]
    if is_section(config):
        notes = [*written.notes, section_hint(written.name)]
    try:
        entry = Entry.read(written.name, config, core.clock)
        core.codec.encode(config, path="")
    except ScheduleError as error:
        return CheckedEntry(written, error.faults, tuple(notes), [])
    except NotEncodable as error:
        return CheckedEntry(written, (str(error),), tuple(notes), [])
    if entry.timing is None and not is_section(config):
        notes.append("neither cron nor every: it never runs by itself")
    elif not entry.config.get("queue") and not core.registry.knows(entry.class_name):
        notes.append("no queue: only a scheduler that has the class knows where to put it")
    return CheckedEntry(
        written, (), tuple(notes), core.recurring.runs(entry, SHOWN_RUNS, known=known)
    )


def entry_json(one: CheckedEntry) -> dict[str, object]:
    """Return an entry for JSON."""
    return {
        "name": one.written.name,
        "line": one.written.line,
        "faults": list(one.faults),
        "notes": list(one.notes),
        "next": [run_at.isoformat() for run_at in one.runs],
    }
