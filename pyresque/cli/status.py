"""The command ``status``: list, show, wait, cancel, clear."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import Complaint
from pyresque.cli.groups import ListingGroup
from pyresque.cli.options import (
    CONNECTION,
    destroying,
    dry_run_option,
    json_option,
    settings_options,
)
from pyresque.cli.output import confirm, print_json, print_list, print_long_table, print_pairs
from pyresque.cli.progress import Progress
from pyresque.errors import JobCancelled, JobFailed
from pyresque.job.job_status import COMPLETED, FAILED, KILLED, QUEUED, WORKING, known
from pyresque.printable import many
from pyresque.process.start.load_app import load_application

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyresque.client import Resque
    from pyresque.job.job_status import JobStatus

#: Statuses in one page of a list.
PAGE = 500

STATES = (QUEUED, WORKING, COMPLETED, FAILED, KILLED)


@click.group(cls=ListingGroup, short_help="List, show, wait for and cancel tracked jobs.")
def status() -> None:
    """List, show, wait for, cancel and clear the statuses of tracked jobs (without a verb: list)."""


@status.command("list")
@click.option("--only", type=click.Choice(STATES), help="Only those with this status.")
@settings_options(*CONNECTION, "codec")
@json_option
def list_statuses(only: str | None, as_json: bool, **given: Any) -> None:
    """List the statuses of tracked jobs, Ruby's and Python's, the latest first."""
    found = _each(load_application(given), only)
    if as_json:
        print_list(one.to_dict() for one in found)
        return
    rows = (
        (one.id, one.status, _percent(one), one.name, one.message or one.fault) for one in found
    )
    print_long_table(("id", "status", "done", "job", "message"), rows, "no statuses")


@status.command()
@click.argument("job_id", metavar="ID")
@settings_options(*CONNECTION, "codec")
@json_option
def show(job_id: str, as_json: bool, **given: Any) -> None:
    """Show the status of one job, by its id."""
    resque = load_application(given)
    _print(known(job_id, resque.statuses.get(job_id)), as_json=as_json)


@status.command()
@click.argument("job_id", metavar="ID")
@click.option("--timeout", type=click.FloatRange(0), metavar="SECONDS", help="Give up after that.")
@settings_options(*CONNECTION, "codec")
@json_option
def wait(job_id: str, timeout: float | None, as_json: bool, **given: Any) -> None:
    """Wait until a job has ended, and show its status. Exit code 1 if it failed, was cancelled, or takes longer."""
    resque = load_application(given)
    try:
        ended = resque.statuses.wait(job_id, timeout)
    except TimeoutError as error:
        raise Complaint(f"{error} after {timeout:g} seconds") from None
    _print(ended, as_json=as_json)
    if ended.status != COMPLETED:
        kind = JobFailed if ended.status == FAILED else JobCancelled
        raise kind(ended.message or f"job {job_id} is {ended.status}")


@status.command()
@click.argument("job_id", metavar="ID")
@settings_options(*CONNECTION, "codec")
@dry_run_option
@json_option
def cancel(job_id: str, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Have a job end at its next step, or before it begins."""
    statuses = load_application(given).statuses
    if dry_run:
        found = statuses.get(job_id)
        ends = found is not None and not found.ended
        if as_json:
            print_json({"dry_run": True, "cancelled": ends})
        else:
            click.echo("it would end at its next step" if ends else "no such job runs or waits")
        return
    cancelled = statuses.cancel(job_id)
    if as_json:
        print_json({"cancelled": cancelled})
    else:
        click.echo("it ends at its next step" if cancelled else "it has ended already")


@status.command()
@click.option("--only", type=click.Choice(STATES), help="Only those with this status.")
@settings_options(*CONNECTION, "codec")
@destroying
@json_option
def clear(only: str | None, yes: bool, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Delete statuses. The jobs stay."""
    resque = load_application(given)
    number = resque.statuses.count() if only is None else sum(1 for _ in _each(resque, only))
    which = many(number, "status") if only is None else f"{many(number, f'{only} status')}"
    if not dry_run and number:
        confirm(f"delete {which}", yes=yes)
        with Progress("deleting statuses, step") as progress:
            clearing = partial(resque.core.statuses.clear, only)
            number = resque.run(progress.watch(clearing, "some statuses are gone, the others stay"))
    if as_json:
        print_json({"dry_run": dry_run, "cleared": number})
    else:
        click.echo(f"{'would delete' if dry_run else 'deleted'} {which}")


def _each(resque: Resque, only: str | None) -> Iterator[JobStatus]:
    """The statuses, page by page; an id that was enqueued meanwhile may shift one onto the next page, too."""
    start, seen, total = 0, set[str](), resque.statuses.count()
    with Progress("going through statuses") as progress:
        while resque.run(resque.core.statuses.table.ids(start, 1)):
            for one in resque.statuses.all(start, PAGE):
                if one.id not in seen and only in (None, one.status):
                    yield one
                seen.add(one.id)
            start += PAGE
            progress.step(start, total)
            progress.end("not all statuses were looked at")


def _percent(one: JobStatus) -> str:
    return f"{one.percent}%"


def _print(one: JobStatus, *, as_json: bool) -> None:
    if as_json:
        print_json(one.to_dict())
        return
    pairs: list[tuple[str, object]] = [("id", one.id), ("done", _percent(one))]
    pairs += [
        (name, value if isinstance(value, str) else json.dumps(value))
        for name, value in one.fields.items()
        if name != "uuid"
    ]
    print_pairs(pairs)
