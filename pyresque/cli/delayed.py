"""The command ``delayed``: list, count, peek, enqueue, reschedule, remove, clear."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.arguments import moment, shown_time
from pyresque.cli.delayed_selection import (
    WRITING,
    ChosenJobs,
    choosing,
    counted,
    print_count,
    run_pass,
)
from pyresque.cli.groups import ListingGroup
from pyresque.cli.options import (
    CONNECTION,
    count_option,
    destroying,
    dry_run_option,
    full_option,
    json_option,
    settings_options,
)
from pyresque.cli.output import (
    confirm,
    print_json,
    print_list,
    print_long_table,
    print_table,
)
from pyresque.cli.progress import Progress
from pyresque.cli.text import args_of, having
from pyresque.job_text import class_of, iso_of_seconds, job_json
from pyresque.printable import many
from pyresque.process.start.load_app import load_application
from pyresque.schedule.later import timestamp_of
from pyresque.schedule.search import every
from pyresque.store.delayed_walk import DelayedWalk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyresque.client import Resque
    from pyresque.job.job import Job


@click.group(cls=ListingGroup)
def delayed() -> None:
    """List, count, peek into, enqueue and remove delayed jobs (without a verb: list)."""


@delayed.command("list")
@click.option(
    "--start", default=0, show_default=True, help="The first time to show; the next is 0."
)
@count_option(20, "How many times to show.")
@settings_options(*CONNECTION)
@json_option
def list_delayed(start: int, count: int, as_json: bool, **given: Any) -> None:
    """List the times that jobs wait for, the next one first, with the number of their jobs."""
    resque = load_application(given)
    rows, end = resque.run(resque.core.delayed.delayed_rows(start, count))
    if as_json:
        print_json([_row(at, jobs) for at, jobs in rows])
        return
    shown = [(at, shown_time(_number(at)), jobs) for at, jobs in rows]
    print_table(("timestamp", "time", "jobs"), shown, "no delayed jobs")
    left = resque.delayed_queue_schedule_size() - end
    if left > 0:
        click.echo(f"and {many(left, 'later time')}: --start {end}")


def _row(written: str, jobs: int) -> dict[str, object]:
    """Return one row of ``list --json``; ``written`` is the time as the sorted set has it."""
    at = _number(written)
    return {
        "timestamp": at,
        "timestamp_in_redis": written,
        "time": iso_of_seconds(at),
        "jobs": jobs,
    }


def _number(written: str) -> int | float:
    """Read a time of the sorted set; what is no number is 0, as Ruby reads it."""
    try:
        return int(written) if written.lstrip("-").isdigit() else float(written)
    except ValueError:
        return 0


@delayed.command()
@settings_options(*CONNECTION)
@json_option
def count(as_json: bool, **given: Any) -> None:
    """Count the delayed jobs."""
    jobs, times = counted(load_application(given))
    if as_json:
        print_json({"jobs": jobs, "timestamps": times})
    else:
        click.echo(f"{many(jobs, 'job')} at {many(times, 'time')}")


@delayed.command()
@click.argument("time", required=False)
@click.option("--start", default=0, show_default=True, help="The first job to show.")
@count_option(10, "How many jobs to show.")
@full_option
@settings_options(*CONNECTION, "codec")
@json_option
def peek(time: str | None, start: int, count: int, full: bool, as_json: bool, **given: Any) -> None:
    """Show the jobs of a time, without one of the next; they stay where they are."""
    resque = load_application(given)
    at = timestamp_of(moment(time)) if time else next(iter(resque.delayed_queue_peek(0, 1)), None)
    jobs = [] if at is None else resque.delayed_timestamp_peek(at, start, count)
    if as_json:
        print_json([_as_json(at, job) for job in jobs])
        return
    rows = []
    for job in jobs:
        queue = job.payload.extra.get("queue")
        rows.append((queue, class_of(job.payload), args_of(job, full=full)))
    empty = "no delayed jobs" if at is None else f"no delayed jobs at {shown_time(at)}"
    print_table(("queue", "class", "args"), rows, empty)


@delayed.command()
@click.argument("text")
@count_option(20, "How many jobs to show.")
@full_option
@settings_options(*CONNECTION, "codec")
@json_option
def search(text: str, count: int, full: bool, as_json: bool, **given: Any) -> None:
    """Show the delayed jobs that have TEXT in class, arguments or queue, in any case; the next one first."""
    resque = load_application(given)
    found = islice(each_with(resque, text), count + 1)
    if as_json:
        print_list(_as_json(at, job) for at, job in islice(found, count))
        return
    rows = (
        (
            shown_time(at),
            job.payload.extra.get("queue"),
            class_of(job.payload),
            args_of(job, full=full),
        )
        for at, job in islice(found, count)
    )
    print_long_table(("time", "queue", "class", "args"), rows, "no such delayed job")
    if next(found, None) is not None:
        click.echo("and more; --count shows them")


def each_with(resque: Resque, text: str) -> Iterator[tuple[int | float, Job]]:
    """Yield time and job of each delayed job that has a text, as it is read. Raises Interrupted."""
    delayed_jobs, takes = resque.core.delayed, having(text, resque.core.codec, "")
    walk, total, seen = DelayedWalk(delayed_jobs.table), resque.count_all_scheduled_jobs(), 0
    with Progress("searching delayed jobs") as progress:
        while (stretches := resque.run(walk.more())) is not None:
            for one in stretches:
                seen += len(one.payloads)
                at = _number(one.timestamp)
                yield from (
                    (at, delayed_jobs.search.found(raw)) for raw in one.payloads if takes(raw)
                )
            progress.step(seen, total)
            progress.end("not all delayed jobs were looked at")


@delayed.command("enqueue", context_settings={"ignore_unknown_options": True})
@choosing
@settings_options(*CONNECTION, *WRITING)
@dry_run_option
@json_option
def enqueue_delayed(dry_run: bool, as_json: bool, **given: Any) -> None:
    """Enqueue delayed jobs now: of CLASS with these ARGs, with --any-args all of CLASS, with --at all of a time, or those with a text."""
    chosen = ChosenJobs.from_options(given)
    if dry_run:
        chosen.count(load_application(given), "would enqueue", as_json=as_json)
        return
    chosen.enqueue(load_application(given), as_json=as_json)


@delayed.command("reschedule", context_settings={"ignore_unknown_options": True})
@choosing
@click.option(
    "--to",
    required=True,
    metavar="TIME",
    help="The new time: 2026-12-01T08:00Z, or seconds since 1970.",
)
@settings_options(*CONNECTION, *WRITING)
@dry_run_option
@json_option
def reschedule_delayed(to: str, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Move delayed jobs to another time: of CLASS with these ARGs, with --any-args all of CLASS, with --at all of a time, or those with a text."""
    chosen, at = ChosenJobs.from_options(given), timestamp_of(moment(to))
    resque = load_application(given)
    if dry_run:
        chosen.count(resque, "would move", as_json=as_json)
        return
    chosen.reschedule(resque, at, as_json=as_json)


@delayed.command("remove", context_settings={"ignore_unknown_options": True})
@choosing
@settings_options(*CONNECTION, *WRITING)
@destroying
@json_option
def remove_delayed(yes: bool, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Remove delayed jobs: of CLASS with these ARGs, or with --any-args all of CLASS; with --at only of that time."""
    chosen = ChosenJobs.from_options(given)
    resque = load_application(given)
    if dry_run:
        chosen.count(resque, "would remove", as_json=as_json)
        return
    confirm(f"remove the delayed jobs of {chosen}", yes=yes)
    chosen.remove(resque, as_json=as_json)


@delayed.command()
@settings_options(*CONNECTION)
@destroying
@json_option
def clear(yes: bool, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Delete every delayed job."""
    resque = load_application(given)
    jobs, _ = counted(resque)
    if dry_run:
        print_count("would delete", jobs, as_json=as_json, dry_run=dry_run)
        return
    if jobs:
        confirm(f"delete {many(jobs, 'delayed job')}", yes=yes)
    selection = resque.core.delayed.removing(every, clean=True)
    run_pass(resque, selection, "deleted", jobs, as_json=as_json)
    resque.reset_delayed_queue()  # times that had no jobs left


def _as_json(at: float | None, job: Job) -> dict[str, object]:
    when = None if at is None else iso_of_seconds(at)
    return {"timestamp": at, "time": when, **job_json(job)}
