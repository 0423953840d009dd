"""The command ``scheduler``: move delayed jobs when they are due, run recurring jobs on time."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import complaint
from pyresque.cli.options import CONNECTION, SCHEDULING, settings_options
from pyresque.errors import ConnectionFault, RedisUnavailable, WrongKey
from pyresque.process.run.scheduler import run_scheduler
from pyresque.process.start import log_format
from pyresque.process.start.load_app import load_application

if TYPE_CHECKING:
    from pyresque.settings import Settings

log = logging.getLogger("pyresque")


@click.command()
@settings_options(*CONNECTION, *SCHEDULING)
def scheduler(**given: Any) -> None:
    """Move delayed jobs to their queues and run recurring ones, while no other scheduler leads.

    One master lock serves schedulers of Ruby and Python alike; the others wait. Signals: TERM, INT and QUIT stop, USR1
    logs the schedule, USR2 loads it anew.
    """
    resque = load_application(given)
    try:
        log_format.set_up(_with_log(resque.settings))
    except OSError as error:
        raise complaint(error) from error
    if resque.settings.quiet:
        log.setLevel(logging.CRITICAL)
    try:
        # A wrong password, database or certificate is reported before a scheduler starts.
        resque.run(resque.core.table.check_namespace())
    except ConnectionFault:
        raise
    except WrongKey as error:
        log.warning("%s; the scheduler goes on without what should stand there", error)
    except RedisUnavailable as error:
        log.warning("%s; the scheduler waits for it", error)
    run_scheduler(resque)


def _with_log(settings: Settings) -> Settings:
    """Raise both log levels by one: Ruby's scheduler logs what it does by default, and every step with VERBOSE."""
    return settings.replace(verbose=True, very_verbose=settings.verbose or settings.very_verbose)
