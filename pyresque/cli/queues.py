"""The commands of ``pyresque queues``: list, show, peek, pause, resume, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import Complaint
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
    WIDEST,
    confirm,
    listed,
    print_json,
    print_list,
    print_long_table,
    print_pairs,
    print_table,
    safe_text,
)
from pyresque.cli.queue_jobs import drop, search
from pyresque.cli.queue_moves import move
from pyresque.cli.text import args_of, job_line
from pyresque.errors import RedisCommandError
from pyresque.job_text import age, class_of, job_json
from pyresque.printable import many
from pyresque.process.start.load_app import load_application
from pyresque.process.worker.listening import listening

if TYPE_CHECKING:
    from pyresque.client import Resque
    from pyresque.job.job import Job

#: The text while ``pause:all`` is set.
ALL_PAUSED = "paused: no job is taken from any queue until `pyresque queues resume --all`"


@click.group(cls=ListingGroup, short_help="List, show, peek into, pause, resume and remove queues.")
def queues() -> None:
    """List, show, peek into, search, pause, resume and remove queues, drop and move jobs (without a verb: list)."""


for _command in (search, drop, move):
    queues.add_command(_command)


@queues.command("list")
@settings_options(*CONNECTION, "codec")
@json_option
def list_queues(as_json: bool, **given: Any) -> None:
    """List every queue with its size, whether it is paused, and how long its next job has waited if payloads have the time."""
    resque = load_application(given)
    sizes = resque.queue_lengths()
    names = list(sizes)
    paused = set(resque.run(resque.core.jobs.pauses.paused_of(names)))
    latencies = resque.run(resque.core.queue_overview.latencies(names))
    if as_json:
        print_list(
            {
                "queue": queue,
                "size": size,
                "paused": queue in paused,
                "latency": latencies[queue],
            }
            for queue, size in sizes.items()
        )
        return
    headings, rows = ["queue", "jobs"], [[queue, _count(size)] for queue, size in sizes.items()]
    if any(latency is not None for latency in latencies.values()):
        headings.append("oldest")
        for row in rows:
            row.append(age(latencies[str(row[0])]))
    if paused:
        headings.append("state")
        for row in rows:
            row.append("paused" if row[0] in paused else None)
    print_long_table(headings, rows, "no queues")
    if resque.all_queues_paused():
        click.echo(ALL_PAUSED)


@queues.command()
@click.argument("queue")
@settings_options(*CONNECTION, "codec")
@json_option
def show(queue: str, as_json: bool, **given: Any) -> None:
    """Show one queue: its size, its next job, and the workers that take from it."""
    resque = load_application(given)
    _require_queues(resque, [queue])
    head = resque.peek(queue)
    takers = [
        one for one in resque.run(resque.core.worker_registry.table.ids()) if _takes(one, queue)
    ]
    size, paused, latency = (
        resque.size(queue),
        resque.queue_paused(queue),
        resque.queue_latency(queue),
    )
    if as_json:
        print_json(
            {
                "queue": queue,
                "size": size,
                "paused": paused,
                "latency": latency,
                "next": [_as_json(0, job) for job in head],
                "workers": takers,
            }
        )
        return
    print_pairs(
        [
            ("queue", queue),
            ("jobs", size),
            *([("state", "paused")] if paused else []),
            *([("oldest", age(latency))] if latency is not None else []),
            ("next", job_line(head[0], WIDEST) if head else None),
            ("workers", listed(takers) or "none takes from this queue"),
        ]
    )


@queues.command()
@click.argument("queue")
@click.option(
    "--start",
    default=0,
    show_default=True,
    help="The first job to show; the next to be performed is 0.",
)
@count_option(10, "How many jobs to show.")
@full_option
@settings_options(*CONNECTION, "codec")
@json_option
def peek(queue: str, start: int, count: int, full: bool, as_json: bool, **given: Any) -> None:
    """Show the jobs of a queue, which stay where they are."""
    resque = load_application(given)
    _require_queues(resque, [queue])
    jobs = list(enumerate(resque.peek(queue, start, count), start))
    if as_json:
        print_list(_as_json(at, job) for at, job in jobs)
        return
    rows = [(at, class_of(job.payload), args_of(job, full=full)) for at, job in jobs]
    print_table(("index", "class", "args"), rows, f"no jobs in {safe_text(queue)}")


_names = click.argument("names", metavar="[QUEUE...]", nargs=-1)


@queues.command()
@_names
@click.option("--all", "every", is_flag=True, help="Every queue, also those that come later.")
@settings_options(*CONNECTION)
@dry_run_option
@json_option
def pause(names: tuple[str, ...], every: bool, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Let no worker take a job from these queues, Ruby's with resque-pause neither, until ``queues resume``."""
    resque = load_application(given)
    wanted = _wanted(names, every=every)
    if dry_run:
        _would("pause", wanted, every=every, as_json=as_json)
        return
    if every:
        resque.pause_all_queues()
    for queue in wanted:
        resque.pause_queue(queue)
    known = set(resque.queues())
    if as_json:
        print_json({"all": every, "paused": wanted})
    elif every:
        click.echo("no job is taken from any queue")
    for queue in () if as_json else wanted:
        click.echo(
            f"paused {safe_text(queue)}{'' if queue in known else ', a queue that nobody knows yet'}"
        )


@queues.command()
@_names
@click.option("--all", "every", is_flag=True, help="End the pause of all queues.")
@settings_options(*CONNECTION)
@dry_run_option
@json_option
def resume(names: tuple[str, ...], every: bool, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Let workers take jobs from these queues again; ``--all`` ends what ``pause --all`` began, and no other pause."""
    resque = load_application(given)
    wanted = _wanted(names, every=every)
    if dry_run:
        _would("resume", wanted, every=every, as_json=as_json)
        return
    resumed = [queue for queue in wanted if resque.resume_queue(queue)]
    all_were = every and resque.resume_all_queues()
    still = resque.all_queues_paused()
    if as_json:
        print_json({"all": all_were, "resumed": resumed, "all_paused": still})
        return
    if every:
        click.echo(
            "the pause of all queues has ended" if all_were else "all queues were not paused"
        )
    for queue in wanted:
        click.echo(
            f"{'resumed' if queue in resumed else 'not paused by itself:'} {safe_text(queue)}"
        )
    if still:
        click.echo(ALL_PAUSED)


@queues.command()
@click.argument("names", metavar="QUEUE...", nargs=-1, required=True)
@settings_options(*CONNECTION)
@destroying
@json_option
def remove(names: tuple[str, ...], yes: bool, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Delete queues with all the jobs they hold."""
    resque = load_application(given)
    wanted = list(dict.fromkeys(names))
    _require_queues(resque, wanted)
    sizes = {queue: _size(resque, queue) for queue in wanted}
    listed = ", ".join(f"{safe_text(queue)} ({_jobs(size)})" for queue, size in sizes.items())
    if not dry_run:
        confirm(f"remove {many(len(wanted), 'queue')}: {listed}", yes=yes)
        for queue in wanted:
            resque.remove_queue(queue)
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "removed": [{"queue": queue, "size": size} for queue, size in sizes.items()],
            }
        )
    else:
        click.echo(f"{'would remove' if dry_run else 'removed'} {listed}")


def _wanted(names: tuple[str, ...], *, every: bool) -> list[str]:
    """The queues that were named, each once. Raises UsageError for none, or for some and ``--all``."""
    if bool(names) == every:
        raise click.UsageError("name queues, or give --all")
    return list(dict.fromkeys(names))


def _would(verb: str, wanted: list[str], *, every: bool, as_json: bool) -> None:
    """Print what pause or resume would do."""
    if as_json:
        print_json({"dry_run": True, "all": every, f"{verb}d": wanted})
    else:
        click.echo(f"would {verb} {'all queues' if every else listed(wanted)}")


def _count(size: int | None) -> object:
    return "no list in Redis" if size is None else size


def _require_queues(resque: Resque, wanted: list[str]) -> None:
    known = set(resque.queues())
    unknown = [queue for queue in wanted if queue not in known and not _size(resque, queue)]
    if unknown:
        raise Complaint(
            f"no such queue: {', '.join(unknown)} (known: {', '.join(sorted(known)) or 'none'})"
        )


def _size(resque: Resque, queue: str) -> int | None:
    try:
        return resque.size(queue)
    except RedisCommandError:
        return None


def _jobs(size: int | None) -> str:
    return "no list in Redis" if size is None else many(size, "job")


def _takes(worker_id: str, queue: str) -> bool:
    return any(one.takes(queue) for one in listening([worker_id]))


def _as_json(index: int, job: Job) -> dict[str, object]:
    return {"index": index, **job_json(job)}
