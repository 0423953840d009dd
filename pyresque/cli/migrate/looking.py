"""Go through an inventory with progress, for the commands that print one or compare it with the application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import Option
from pyresque.cli.options import number_from
from pyresque.cli.progress import Progress
from pyresque.migrate.inventory import KEYS, SAMPLE, Inventory
from pyresque.migrate.watch import EVERY, Watch
from pyresque.process.run.scheduler import read_schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.client import Resque
    from pyresque.job.job import Job
    from pyresque.migrate.found import Found

#: Settings that name a file of recurring jobs, and say how payloads are read.
READING = ("schedule", "schedule_section", "codec")


def sampling(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how many jobs are read."""
    command = click.option(
        "--whole",
        is_flag=True,
        help="Read every job; without it some of each long list, at random.",
    )(command)
    return click.option(
        "--sample",
        default=SAMPLE,
        show_default=True,
        cls=Option,
        type=number_from(1),
        help="Jobs that are read of each list, at random.",
    )(command)


def looking(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how much is read: jobs, and keys for marks of plugins."""
    return sampling(
        click.option(
            "--keys",
            default=KEYS,
            show_default=True,
            cls=Option,
            type=number_from(0),
            help="Keys of the server that are looked at for marks of plugins; with --whole all.",
        )(command)
    )


def look(
    resque: Resque,
    *,
    sample: int,
    whole: bool,
    keys: int = 0,
    watch: float | None = None,
    each: Callable[[Job, str], None] | None = None,
    seed: int | None = None,
) -> Found:
    """Make an inventory; ``each`` gets every job that is read. With a ``seed`` the same jobs are chosen each time.

    Without ``keys`` no plugins are looked for.

    Raises Interrupted, ScheduleFileError.
    """
    core, settings = resque.core, resque.settings
    schedule: dict[str, Any] = {}
    if settings.schedule:
        entries = read_schedule(settings.schedule, settings.schedule_section)
        schedule = {one.name: one.config for one in entries}
    registered = [name for one in core.registry for name in (one.name, *one.aliases)]
    pinned = [*registered, *core.active_job_classes]
    inventory = Inventory(
        core,
        sample=None if whole else sample,
        keys=None if whole and keys else keys,
        schedule=schedule,
        pinned=pinned,
        seed=seed,
    )
    found = inventory.found
    found.each = each
    with Progress("looking for marks of plugins, key") as progress:
        while resque.run(inventory.marks_more()):
            progress.step(found.marks.looked_at, 0 if whole else keys)
            progress.end("no job was looked at")
    with Progress("looking at jobs, job") as progress:
        while resque.run(inventory.more()):
            progress.step(found.read, inventory.to_read)
            progress.end(f"looked at {found.read} of {inventory.to_read} jobs; nothing was changed")
    if watch is not None:
        _watch(resque, found, watch)
    return found


def _watch(resque: Resque, found: Found, seconds: float) -> None:
    watch, clock = Watch(resque.core, found), resque.core.clock
    began = clock.monotonic()
    with Progress("watching, second") as progress:
        resque.run(watch.look())
        while (gone := clock.monotonic() - began) < seconds:
            resque.run(watch.look(after=min(EVERY, seconds - gone)))
            progress.step(int(gone), int(seconds))
            progress.end("watching ended before its time")
    watch.end()
