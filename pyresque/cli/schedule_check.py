"""What ``pyresque schedule validate`` finds in one entry of a schedule's file, and how it is printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from pyresque.cli.output import plain
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
class Checked:
    """One entry of a file: where it stands, its faults, what should be looked at, and its next runs."""

    written: FileEntry
    faults: tuple[str, ...]
    notes: tuple[str, ...]
    runs: list[datetime]


def print_checked(one: Checked) -> None:
    """For people: the line, the faults and notes, the next runs."""
    click.echo(plain(f"line {one.written.line}: {one.written.name}"))
    for kind, texts in (("fault", one.faults), ("note", one.notes)):
        for text in texts:
            click.echo(plain(f"  {kind}: {text}"))
    for run_at in one.runs:
        click.echo(f"  {shown_run(run_at)}")


def checked(
    resque: Resque, written: FileEntry, known: dict[Cron | float | None, list[datetime]]
) -> Checked:
    """One entry; ``known`` holds the runs of cron lines that were met before."""
    core, config = resque.core, written.config
    keys = unknown_keys(config) if isinstance(config, dict) else []
    notes = [*written.notes, *(f"{key!r} is a key that means nothing" for key in keys)]
    if is_section(config):
        notes = [*written.notes, section_hint(written.name)]
    try:
        entry = Entry.read(written.name, config, core.clock)
        core.codec.encode(config, path="")
    except ScheduleError as error:
        return Checked(written, error.faults, tuple(notes), [])
    except NotEncodable as error:
        return Checked(written, (str(error),), tuple(notes), [])
    if entry.timing is None and not is_section(config):
        notes.append("neither cron nor every: it never runs by itself")
    elif not entry.config.get("queue") and not core.registry.knows(entry.class_name):
        notes.append("no queue: only a scheduler that has the class knows where to put it")
    return Checked(written, (), tuple(notes), core.recurring.runs(entry, SHOWN_RUNS, known=known))


def checked_as_json(one: Checked) -> dict[str, object]:
    """For programs."""
    return {
        "name": one.written.name,
        "line": one.written.line,
        "faults": list(one.faults),
        "notes": list(one.notes),
        "next": [run_at.isoformat() for run_at in one.runs],
    }


def shown_run(at: datetime) -> str:
    """A run's time, for people."""
    return at.isoformat(sep=" ", timespec="seconds")
