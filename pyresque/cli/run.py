"""Commands that put jobs in and take them out: ``enqueue`` and ``worker``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.complaint import Complaint, Misuse, complaint
from pyresque.cli.options import (
    CONNECTION,
    ENQUEUEING,
    WORKING,
    application,
    json_option,
    settings_options,
)
from pyresque.cli.output import compact, print_json
from pyresque.errors import DecodeError, NoQueueError, RedisUnavailable
from pyresque.job.job import JsonCodec
from pyresque.process import logs
from pyresque.process.run import run_worker

if TYPE_CHECKING:
    from pyresque.client import Resque

log = logging.getLogger("pyresque")

NO_QUEUE = (
    "no queue to work on: set the QUEUE env var, or give -q, e.g. `QUEUE=critical,high pyresque worker -A ...` "
    "or `pyresque worker -A ... -q critical,high` (-q '*' takes every queue)"
)


@click.command(short_help="Perform the jobs of queues.")
@settings_options(*CONNECTION, *WORKING)
@click.option(
    "--burst", is_flag=True, help="Run until every queue is empty, then leave (as INTERVAL=0 does)."
)
def worker(burst: bool, **given: Any) -> None:
    """Perform the jobs of queues, in the order given, until told to stop.

    QUEUE is a name, a glob such as high_*, or !name to skip. Signals: QUIT stops after the job, TERM and INT at once,
    USR1 ends the job, USR2 pauses, CONT goes on.
    """
    resque = application(given)
    if not resque.registered:
        raise Misuse(_no_jobs(resque.settings.app))
    if not resque.settings.queues:
        raise Misuse(NO_QUEUE)
    try:
        logs.set_up(resque.settings)
    except OSError as error:
        raise complaint(error) from error
    try:
        resque.queues()  # a wrong password or database is told before a worker starts
    except RedisUnavailable as error:
        log.warning("%s; the worker waits for it", error)
    run_worker(resque, burst=burst)


def _no_jobs(app: str) -> str:
    if app:
        return f"-A {app!r} registers no job: decorate what it performs with @resque.job"
    return "no jobs to perform: -A module:attribute (or PYRESQUE_APP) names the application whose jobs to perform"


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("class_name", metavar="CLASS")
@click.argument("args", metavar="[ARG]...", nargs=-1, type=click.UNPROCESSED)
@click.option("-q", "--queue", help="The queue; not needed for a job of -A that has one.")
@click.option("--str", "as_text", is_flag=True, help="Every ARG is a text, not JSON.")
@settings_options(*CONNECTION, *ENQUEUEING)
@json_option
def enqueue(
    class_name: str,
    args: tuple[str, ...],
    queue: str | None,
    as_text: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Enqueue a job by its Ruby class name.

    Each ARG is JSON: 35, true, '"text"', '{"key": 1}'.
    """
    resque = application(given)
    values = list(args) if as_text else [_json(at, text) for at, text in enumerate(args, 1)]
    where = queue or _own_queue(resque, class_name)
    if resque.enqueue_to(where, class_name, *values) is None:
        raise Complaint(f"{class_name} was not enqueued: a before_enqueue hook said no")
    if as_json:
        print_json({"enqueued": True, "queue": where, "class": class_name, "args": values})
    else:
        click.echo(f"enqueued {class_name} {compact(values)} on {where}")


def _json(at: int, text: str) -> object:
    try:
        value: object = JsonCodec().decode(text.encode("utf-8", "surrogateescape"))
    except DecodeError as error:
        quoted = compact(text)
        raise Misuse(
            f"argument {at}, {text!r}, is not JSON: write a text with its quotes, as '{quoted}', or give --str"
        ) from error
    return value


def _own_queue(resque: Resque, class_name: str) -> str:
    for job in resque.registered:
        if class_name in (job.name, *job.aliases) and job.queue:
            return job.queue
    raise NoQueueError(
        f"Jobs must be placed onto a queue. No queue could be inferred for class {class_name}: give one by -q QUEUE"
    )
