"""The command ``enqueue``: one job, now or at a later time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.arguments import job_args, moment, own_queue, seconds_from_now, shown_time
from pyresque.cli.errors import Complaint, Misuse, Option, not_empty, refuse_option
from pyresque.cli.options import CONNECTION, ENQUEUEING, json_option, settings_options
from pyresque.cli.output import compact, print_json, safe_text
from pyresque.process.start.load_app import load_application
from pyresque.schedule.later import timestamp_in, timestamp_of

if TYPE_CHECKING:
    from pyresque.client import Resque


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("class_name", metavar="CLASS", callback=refuse_option)
@click.argument("args", metavar="[ARG]...", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "-q",
    "--queue",
    cls=Option,
    callback=not_empty,
    help="The queue; not needed for a job of -A that has one.",
)
@click.option("--str", "as_text", is_flag=True, help="Every ARG is a text, not JSON.")
@click.option("--in", "wait", metavar="5m", help="This long from now: 90s, 5m, 1h30m, 2 days.")
@click.option(
    "--at", "when", metavar="TIME", help="At a time: 2026-12-01T08:00Z, or seconds since 1970."
)
@settings_options(*CONNECTION, *ENQUEUEING)
@json_option
def enqueue(
    class_name: str,
    args: tuple[str, ...],
    queue: str | None,
    as_text: bool,
    wait: str | None,
    when: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Enqueue a job by its Ruby class name.

    Each ARG is JSON: 35, true, '"text"', '{"key": 1}'.
    """
    if wait is not None and when is not None:
        raise Misuse("give --in or --at, not both")
    resque = load_application(given)
    values = job_args(args, as_text=as_text)
    where = queue or own_queue(resque, class_name)
    if wait is None and when is None:
        at, answer = None, resque.enqueue_to(where, class_name, *values)
    else:
        at = timestamp_of(moment(when)) if when is not None else _ahead(resque, wait or "")
        answer = resque.enqueue_at_with_queue(where, at, class_name, *values)
    if answer is None:
        hook = "before_enqueue" if at is None else "before_schedule"
        raise Complaint(f"{class_name} was not enqueued: a {hook} hook said no")
    job_id = getattr(answer, "id", None)  # of a tracked job
    if as_json:
        row = {"enqueued": True, "queue": where, "class": class_name, "args": values}
        row |= {} if at is None else {"at": at}
        print_json(row if job_id is None else {**row, "id": job_id})
    else:
        later = "" if at is None else f" for {shown_time(at)}"
        later += "" if job_id is None else f", id {job_id}"
        click.echo(safe_text(f"enqueued {class_name} {compact(values)} on {where}{later}"))


def _ahead(resque: Resque, wait: str) -> int:
    return timestamp_in(seconds_from_now(wait), resque.core.clock)
