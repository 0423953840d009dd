"""The command ``delayed``: list, count, peek, enqueue, remove, clear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.arguments import job_args, moment, shown_time
from pyresque.cli.errors import ListingGroup, Misuse, Option, not_empty, refuse_option
from pyresque.cli.options import CONNECTION, destroying, json_option, number_from, settings_options
from pyresque.cli.output import compact, confirm, print_json, print_table
from pyresque.cli.progress import Progress
from pyresque.cli.text import args_of, class_of, iso_of_seconds, job_json
from pyresque.job.sending import wire_args
from pyresque.printable import many
from pyresque.process.start.load_app import load_application
from pyresque.schedule.later import timestamp_of
from pyresque.schedule.search import every
from pyresque.store.delayed_walk import DelayedWalk

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.client import Resque
    from pyresque.job.job import Job
    from pyresque.schedule.search import Selection

#: Settings that say how arguments are written: a job is found by its written arguments.
WRITING = ("codec", "dialect")


@click.group(cls=ListingGroup)
def delayed() -> None:
    """List, count, peek into, enqueue and remove delayed jobs (without a verb: list)."""


@delayed.command("list")
@click.option(
    "--start", default=0, show_default=True, help="The first time to show; the next is 0."
)
@click.option(
    "--count",
    default=20,
    show_default=True,
    cls=Option,
    type=number_from(1),
    help="How many times to show.",
)
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
    jobs, times = _counted(load_application(given))
    if as_json:
        print_json({"jobs": jobs, "timestamps": times})
    else:
        click.echo(f"{many(jobs, 'job')} at {many(times, 'time')}")


def _counted(resque: Resque) -> tuple[int, int]:
    """Return how many delayed jobs there are, and at how many times."""
    waiting = DelayedWalk(resque.core.delayed.table)
    jobs = times = 0
    total = resque.delayed_queue_schedule_size()
    with Progress("counting delayed jobs") as progress:
        while (sizes := resque.run(waiting.sizes())) is not None:
            jobs += sum(sizes)
            times += sum(size > 0 for size in sizes)
            progress.step(times, total)
            progress.end("not all times were looked at")
    return jobs, times


@delayed.command()
@click.argument("time", required=False)
@click.option("--start", default=0, show_default=True, help="The first job to show.")
@click.option(
    "--count",
    default=10,
    show_default=True,
    cls=Option,
    type=number_from(1),
    help="How many jobs to show.",
)
@click.option("--full", is_flag=True, help="Do not cut long arguments.")
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


def choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the arguments and options that make a ``_Chosen``: CLASS and its ARGs, --any-args, --at."""
    for decorate in (
        click.argument("args", metavar="[ARG]...", nargs=-1, type=click.UNPROCESSED),
        click.argument("class_name", metavar="CLASS", required=False, callback=refuse_option),
        click.option(
            "-q",
            "--queue",
            cls=Option,
            callback=not_empty,
            help="Only those for this queue; default: the job's own.",
        ),
        click.option(
            "--any-args", is_flag=True, help="All of the class, whatever their arguments."
        ),
        click.option("--at", "when", metavar="TIME", help="Only those of this time."),
        click.option("--str", "as_text", is_flag=True, help="Every ARG is a text, not JSON."),
    ):
        command = decorate(command)
    return command


@delayed.command("enqueue", context_settings={"ignore_unknown_options": True})
@choosing
@settings_options(*CONNECTION, *WRITING)
@json_option
def enqueue_delayed(as_json: bool, **given: Any) -> None:
    """Enqueue delayed jobs now: of CLASS with these ARGs, with --any-args all of CLASS, or with --at all of a time."""
    chosen = _Chosen.from_options(given)
    chosen.enqueue(load_application(given), as_json=as_json)


@delayed.command("remove", context_settings={"ignore_unknown_options": True})
@choosing
@settings_options(*CONNECTION, *WRITING)
@destroying
@json_option
def remove_delayed(yes: bool, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Remove delayed jobs: of CLASS with these ARGs, or with --any-args all of CLASS; with --at only of that time."""
    chosen = _Chosen.from_options(given)
    resque = load_application(given)
    if dry_run:
        chosen.count(resque, as_json=as_json)
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
    jobs, _ = _counted(resque)
    if dry_run:
        _print_count("would delete", jobs, as_json=as_json, dry_run=dry_run)
        return
    if jobs:
        confirm(f"delete {many(jobs, 'delayed job')}", yes=yes)
    selection = resque.core.delayed.removing(every, clean=True)
    _run_pass(resque, selection, "deleted", jobs, as_json=as_json)
    resque.reset_delayed_queue()  # times that had no jobs left


class _Chosen:
    """The jobs that a command line means: of a class with its arguments, of a class, or of a time."""

    def __init__(
        self,
        class_name: str | None,
        args: list[object],
        queue: str | None,
        *,
        any_args: bool,
        when: str | None,
    ) -> None:
        if not class_name and when is None:
            raise Misuse("say which jobs: CLASS and its ARGs, CLASS --any-args, or --at TIME")
        if any_args and args:
            raise Misuse("--any-args goes with no ARG")
        if queue is not None and (any_args or not class_name):
            raise Misuse("-q goes with CLASS and its ARGs")
        self.class_name = class_name
        self.args = args
        self.queue = queue
        self.any_args = any_args
        self.at = None if when is None else timestamp_of(moment(when))

    @classmethod
    def from_options(cls, given: dict[str, Any]) -> _Chosen:
        """Remove the parameters that ``choosing`` added, and make the value of them. Raises Misuse."""
        args = job_args(given.pop("args"), as_text=given.pop("as_text"))
        return cls(
            given.pop("class_name"),
            args,
            given.pop("queue"),
            any_args=given.pop("any_args"),
            when=given.pop("when"),
        )

    def __str__(self) -> str:
        """Return the jobs in words, for a question."""
        what = self.class_name or "every class"
        if self.class_name and not self.any_args:
            what = f"{what} {compact(self.args)}"
        return what if self.at is None else f"{what} at {shown_time(self.at)}"

    def count(self, resque: Resque, *, as_json: bool) -> None:
        """Print how many jobs are meant."""
        selection = resque.core.delayed.counting(*self._selection(resque))
        _run_pass(
            resque, selection, "would remove", self._total(resque), as_json=as_json, dry_run=True
        )

    def enqueue(self, resque: Resque, *, as_json: bool) -> None:
        """Enqueue the jobs; print how many. Raises Misuse."""
        if self.at is not None and self.class_name is not None:
            raise Misuse("with CLASS all times are meant: leave out --at, or CLASS")
        if self.at is None and not self.any_args:
            found, meant = self._find(resque)
            payloads = {raw for _, raw in found}
            only = dict.fromkeys(timestamp for timestamp, _ in found)
            selection = resque.core.delayed.enqueueing(payloads.__contains__, only)
            moved = resque.run(selection.whole())
            if moved or meant is None:
                _print_count("enqueued", moved, as_json=as_json, dry_run=False)
                return
            selection = resque.core.delayed.enqueueing(meant)
        else:
            selection = resque.core.delayed.enqueueing(*self._selection(resque))
        _run_pass(resque, selection, "enqueued", self._total(resque), as_json=as_json)

    def remove(self, resque: Resque, *, as_json: bool) -> None:
        """Remove the jobs; print how many."""
        if self.at is None and not self.any_args:
            found, meant = self._find(resque)
            removed = resque.run(resque.core.delayed.table.remove(found))
            if removed or meant is None:
                _print_count("removed", removed, as_json=as_json, dry_run=False)
                return
            selection = resque.core.delayed.removing(meant)
        else:
            selection = resque.core.delayed.removing(*self._selection(resque), clean=True)
        _run_pass(resque, selection, "removed", self._total(resque), as_json=as_json)

    def _total(self, resque: Resque) -> int:
        """Return how many jobs a pass reads."""
        if self.at is not None:
            return resque.delayed_timestamp_size(self.at)
        return _counted(resque)[0]

    def _find(
        self, resque: Resque
    ) -> tuple[list[tuple[str, bytes]], Callable[[bytes], bool] | None]:
        """Return the found where the written job waits, and a test by meaning; None if the setting excludes that."""
        search = resque.core.delayed.search
        entry = resque.core.registry.describe(self.class_name or "")
        sent = wire_args(entry, self.args, {})
        found = resque.run(search.by_sets(entry, self.queue, sent))
        return found, search.meant(entry, self.queue, sent) if search.by_meaning else None

    def _selection(self, resque: Resque) -> tuple[Callable[[bytes], bool], tuple[str, ...] | None]:
        """Return a test of payloads, and the times to look at; None: all times."""
        only = None if self.at is None else (str(self.at),)
        if self.class_name is None:
            return every, only
        search = resque.core.delayed.search
        if self.any_args:
            return search.selected(_all, self.class_name), only
        entry = resque.core.registry.describe(self.class_name)
        return search.of(search.matcher(entry, self.queue, self.args), entry.name), only


def _all(_args: object) -> bool:
    return True


def _run_pass(
    resque: Resque,
    selection: Selection,
    did: str,
    total: int,
    *,
    as_json: bool,
    dry_run: bool = False,
) -> None:
    """Run a pass step by step; print the count, also if a signal interrupted it. Raises Interrupted."""
    done = 0
    with Progress("going through delayed jobs") as progress:
        while not progress.signal and (step := resque.run(selection.more())) is not None:
            done += step.done
            progress.step(step.seen, total, done)
        if as_json or not progress.signal:
            _print_count(did, done, as_json=as_json, dry_run=dry_run)
        progress.end(f"{did} {many(done, 'delayed job')}; the others wait as before")


def _print_count(done: str, jobs: int, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        print_json({"dry_run": dry_run, "jobs": jobs})
    else:
        click.echo(f"{done} {many(jobs, 'delayed job')}")


def _as_json(at: int | None, job: Job) -> dict[str, object]:
    when = None if at is None else iso_of_seconds(at)
    return {"timestamp": at, "time": when, **job_json(job)}
