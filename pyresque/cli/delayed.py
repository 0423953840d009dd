"""The commands of ``pyresque delayed``: list, count, peek, enqueue, remove, clear."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.arguments import job_args, moment, shown_time
from pyresque.cli.complaint import Misuse, Nouns
from pyresque.cli.faults import Option, no_option, something
from pyresque.cli.options import CONNECTION, destroying, json_option, settings_options
from pyresque.cli.output import compact, confirm, many, print_json, print_table
from pyresque.cli.shown import args_of, class_of
from pyresque.process.app import application
from pyresque.schedule.moments import timestamp_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.client import Resque
    from pyresque.job.job import Job

#: What finding a job by its arguments needs to know of how they were written.
WRITING = ("codec", "dialect")


@click.group(cls=Nouns)
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
    type=click.IntRange(1),
    help="How many times to show.",
)
@settings_options(*CONNECTION)
@json_option
def list_delayed(start: int, count: int, as_json: bool, **given: Any) -> None:
    """List the times that jobs wait for, the next one first, with the number of their jobs."""
    resque = application(given)
    rows = [
        (at, resque.delayed_timestamp_size(at)) for at in resque.delayed_queue_peek(start, count)
    ]
    if as_json:
        print_json([{"timestamp": at, "time": shown_time(at), "jobs": jobs} for at, jobs in rows])
        return
    shown = [(at, shown_time(at), jobs) for at, jobs in rows]
    print_table(("timestamp", "time", "jobs"), shown, "no delayed jobs")
    left = resque.delayed_queue_schedule_size() - start - len(rows)
    if left > 0:
        click.echo(f"and {many(left, 'later time')}: --start {start + len(rows)}")


@delayed.command()
@settings_options(*CONNECTION)
@json_option
def count(as_json: bool, **given: Any) -> None:
    """Count the delayed jobs."""
    resque = application(given)
    jobs, times = resque.count_all_scheduled_jobs(), resque.delayed_queue_schedule_size()
    if as_json:
        print_json({"jobs": jobs, "timestamps": times})
    else:
        click.echo(f"{many(jobs, 'job')} at {many(times, 'time')}")


@delayed.command()
@click.argument("time", required=False)
@click.option("--start", default=0, show_default=True, help="The first job to show.")
@click.option(
    "--count",
    default=10,
    show_default=True,
    cls=Option,
    type=click.IntRange(1),
    help="How many jobs to show.",
)
@click.option("--full", is_flag=True, help="Do not cut long arguments.")
@settings_options(*CONNECTION, "codec")
@json_option
def peek(time: str | None, start: int, count: int, full: bool, as_json: bool, **given: Any) -> None:
    """Show the jobs of a time, without one of the next; they stay where they are."""
    resque = application(given)
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
    """Which jobs are meant: CLASS and its ARGs, all of a class, or those of one time."""
    for decorate in (
        click.argument("args", metavar="[ARG]...", nargs=-1, type=click.UNPROCESSED),
        click.argument("class_name", metavar="CLASS", required=False, callback=no_option),
        click.option(
            "-q",
            "--queue",
            cls=Option,
            callback=something,
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
    chosen = _Chosen.out_of(given)
    resque = application(given)
    moved = chosen.enqueue(resque)
    _tell("enqueued", moved, as_json=as_json, dry_run=False)


@delayed.command("remove", context_settings={"ignore_unknown_options": True})
@choosing
@settings_options(*CONNECTION, *WRITING)
@destroying
@json_option
def remove_delayed(yes: bool, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Remove delayed jobs: of CLASS with these ARGs, or with --any-args all of CLASS; with --at only of that time."""
    chosen = _Chosen.out_of(given)
    resque = application(given)
    if dry_run:
        _tell("would remove", chosen.count(resque), as_json=as_json, dry_run=True)
        return
    confirm(f"remove the delayed jobs of {chosen}", yes=yes)
    _tell("removed", chosen.remove(resque), as_json=as_json, dry_run=False)


@delayed.command()
@settings_options(*CONNECTION)
@destroying
@json_option
def clear(yes: bool, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Delete every delayed job."""
    resque = application(given)
    jobs = resque.count_all_scheduled_jobs()
    if not dry_run:
        confirm(f"delete {many(jobs, 'delayed job')}", yes=yes)
        resque.reset_delayed_queue()
    _tell("would delete" if dry_run else "deleted", jobs, as_json=as_json, dry_run=dry_run)


class _Chosen:
    """The jobs a command is about."""

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
    def out_of(cls, given: dict[str, Any]) -> _Chosen:
        """Take what says which jobs out of a command's parameters."""
        args = job_args(given.pop("args"), as_text=given.pop("as_text"))
        return cls(
            given.pop("class_name"),
            args,
            given.pop("queue"),
            any_args=given.pop("any_args"),
            when=given.pop("when"),
        )

    def __str__(self) -> str:
        """As a person would say it."""
        what = self.class_name or "every class"
        if self.class_name and not self.any_args:
            what = f"{what} {compact(self.args)}"
        return what if self.at is None else f"{what} at {shown_time(self.at)}"

    def count(self, resque: Resque) -> int:
        """How many there are."""
        return len(self._found(resque))

    def enqueue(self, resque: Resque) -> int:
        """Enqueue them; how many."""
        if self.at is not None and self.class_name is None:
            count = 0
            while resque.delayed_timestamp_size(self.at):
                if resque.enqueue_next_item(self.at) is None:
                    break
                count += 1
            return count
        if self.at is not None:
            raise Misuse("with CLASS all times are meant: leave out --at, or CLASS")
        if self.any_args:
            return resque.enqueue_delayed_selection(_all, self.class_name)
        return resque.enqueue_delayed(self.class_name or "", *self.args, queue=self.queue)

    def remove(self, resque: Resque) -> int:
        """Remove them; how many."""
        if self.at is None and self.any_args:
            return resque.remove_delayed_selection(_all, self.class_name)
        if self.at is None:
            return resque.remove_delayed(self.class_name or "", *self.args, queue=self.queue)
        removed = 0
        for job in self._found(resque):
            removed += resque.remove_delayed_job_from_timestamp(
                self.at, job.class_name, *job.args, queue=_queue(job)
            )
        return removed

    def _found(self, resque: Resque) -> list[Job]:
        if self.at is not None:
            size = resque.delayed_timestamp_size(self.at)
            jobs = resque.delayed_timestamp_peek(self.at, 0, max(1, size))
        else:
            jobs = resque.find_delayed_selection(_all, self.class_name)
        return [job for job in jobs if job.fault is None and self._means(job)]

    def _means(self, job: Job) -> bool:
        if self.class_name is not None and job.class_name != self.class_name:
            return False
        if self.queue is not None and _queue(job) != self.queue:
            return False
        return self.any_args or self.class_name is None or list(job.args) == self.args


def _all(_args: object) -> bool:
    return True


def _queue(job: Job) -> str | None:
    queue = job.payload.extra.get("queue")
    return queue if isinstance(queue, str) else None


def _tell(done: str, jobs: int, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        print_json({"dry_run": dry_run, "jobs": jobs})
    else:
        click.echo(f"{done} {many(jobs, 'delayed job')}")


def _as_json(at: int | None, job: Job) -> dict[str, object]:
    if job.fault is None:
        payload = job.payload
        shown = {"class": payload.class_name, "args": payload.args, **payload.extra}
        return {"timestamp": at, "payload": shown}
    raw = base64.b64encode(job.raw).decode("ascii")
    return {"timestamp": at, "payload": None, "raw_base64": raw, "fault": str(job.fault)}
