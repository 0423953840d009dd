"""The command ``worker``: performs the jobs of queues, by one worker or several."""

from __future__ import annotations

import logging
import os
import signal
from typing import TYPE_CHECKING, Any, NoReturn

import click

from pyresque.cli.complaint import Misuse, complaint
from pyresque.cli.options import CONNECTION, WORKING, application, settings_options
from pyresque.errors import RedisUnavailable
from pyresque.process import logs
from pyresque.process.plain import can_fork
from pyresque.process.run import run_worker
from pyresque.process.run_crew import TOGETHER
from pyresque.process.run_pool import run_pool

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
    heed_orders_while_starting()
    resque = application(given)
    has_jobs(resque)
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
    settings = resque.settings
    if settings.count > 1 and settings.executor not in TOGETHER and can_fork():
        run_pool(resque, lambda: {",".join(settings.queues): settings.count}, burst=burst)
    else:
        run_worker(resque, burst=burst)


def heed_orders_while_starting() -> None:
    """Let QUIT and TERM end the first process of a container before it listens to them as a worker.

    The system keeps signals without a handler from such a process: an order that comes while the application is imported
    would be lost, and the worker that starts then be killed amid a job when the time is up.
    """
    if os.getpid() == 1 and can_fork():
        signal.signal(signal.SIGQUIT, _leave)
        signal.signal(signal.SIGTERM, _leave)


def _leave(number: int, frame: object) -> NoReturn:  # noqa: ARG001 - a handler's signature
    """Nothing has begun: an import that catches SystemExit shall not keep us."""
    os._exit(0)


def has_jobs(resque: Resque) -> None:
    """Raise Misuse where there is nothing that could be performed."""
    if not resque.registered and not any(resque.core.active_job_classes):
        raise Misuse(_no_jobs(resque.settings.app))


def _no_jobs(app: str) -> str:
    if app:
        return f"-A {app!r} registers no job: decorate what it performs with @resque.job"
    return "no jobs to perform: -A module:attribute (or PYRESQUE_APP) names the application whose jobs to perform"
