"""The command ``doctor``: what is wrong or at risk, and the commands that mend it."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import Complaint
from pyresque.cli.migrate.looking import READING
from pyresque.cli.options import CONNECTION, json_option, settings_options
from pyresque.cli.output import print_json, safe_text
from pyresque.cli.progress import Progress
from pyresque.doctor.checkup import Checkup
from pyresque.printable import many
from pyresque.process.host.this_host import ThisHost
from pyresque.process.run.scheduler import read_schedule
from pyresque.process.start.load_app import load_application

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyresque.client import Resque
    from pyresque.doctor.finding import Finding, Report

#: The exit code of each worst severity; 1 and 2 say that the doctor could not look.
EXIT_CODES = {"warning": 3, "error": 4}


class Diagnosis(Complaint):
    """Something is wrong: the exit code tells how bad it is."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.summary)
        self.worst = report.worst or "error"

    @property
    def exit_code(self) -> int:  # type: ignore[override]  # click's is a plain number
        """Return the code of the worst severity."""
        return EXIT_CODES[self.worst]


@click.command(short_help="Find what is wrong or at risk, and how to mend it.")
@click.option(
    "--whole",
    is_flag=True,
    help="Read every job and every key; without it some of each long list, at random.",
)
@settings_options(
    *CONNECTION,
    *READING,
    "dialect",
    "master_lock_prefix",
    "prune_interval",
    "heartbeat_interval",
)
@json_option
def doctor(*, whole: bool, as_json: bool, **given: Any) -> None:
    """Look at a live Redis and this set-up, and say what is wrong or at risk, with the command that mends it; reads only.

    With -A also at the classes and plugins that the application registers. Exit codes: 0 nothing, or notes alone; 3 warnings; 4 errors.
    """
    resque = load_application(given)
    with _quiet():
        report = _examined(resque, whole=whole)
    if as_json:
        print_json(report.to_dict())
    else:
        _print(report)
    if report.worst in EXIT_CODES:
        raise Diagnosis(report)
    if report.blind:
        raise Complaint("the doctor could look at neither queues nor workers")


def _examined(resque: Resque, *, whole: bool) -> Report:
    """Go through all checks, with progress. Raises Interrupted, ScheduleFileError."""
    settings = resque.settings
    schedule: dict[str, Any] = {}
    if settings.schedule:
        entries = read_schedule(settings.schedule, settings.schedule_section)
        schedule = {one.name: one.config for one in entries}
    checkup = Checkup(resque.core, host=ThisHost(), whole=whole, schedule=schedule)
    with Progress(checkup.doing) as progress:
        while resque.run(checkup.more()):
            progress.doing = checkup.doing
            progress.step(checkup.seen, checkup.total)
            progress.end("not everything was looked at; nothing was changed")
    return checkup.report


@contextmanager
def _quiet() -> Iterator[None]:
    """Log nothing: what the parts of pyresque warn of is found and told with its cure."""
    log = logging.getLogger("pyresque")
    former, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = former


def _print(report: Report) -> None:
    for one in report.findings:
        _print_finding(one)
    for part in report.unseen:
        click.echo(safe_text(f"could not look at {part.check}: {part.because}"))
    if report.unseen:
        click.echo()
    click.echo(
        f"{report.summary}; looked at {report.jobs_read} of {many(report.jobs, 'job')} and about {many(report.keys_read, 'key')}"
    )


def _print_finding(one: Finding) -> None:
    colours = {"error": "red", "warning": "yellow", "note": "cyan"}
    severity = click.style(one.severity, fg=colours[one.severity], bold=True)
    click.echo(f"{severity}: {safe_text(one.text)} [{one.kind.name}]")
    click.echo(f"  {safe_text(one.kind.why)}")
    for line in one.mend:
        click.echo(f"  {'write ' if line.startswith('@') else '$ '}{safe_text(line)}")
    click.echo()
