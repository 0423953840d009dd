"""What ``schedule validate`` finds in one entry of a schedule's file, and how it prints that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from pyresque.cli.output import safe_text
from pyresque.errors import NotEncodable, ScheduleError
from pyresque.process.run.scheduler import section_hint
from pyresque.schedule.entries import Entry, is_section, unknown_keys

if TYPE_CHECKING:
    from datetime import datetime

    from pyresque.client import Resque
    from pyresque.schedule.cron.next_run import Cron
    from pyresque.schedule.yaml_file import FileEntry

#: Runs that are shown of each entry.
SHOWN_RUNS = 5


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


def shown_run(at: datetime) -> str:
    """Return the time of a run as people read it."""
    return at.isoformat(sep=" ", timespec="seconds")
