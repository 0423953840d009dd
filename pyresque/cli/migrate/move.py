"""The command ``migrate move``: take jobs that belong to Python out of the queues that Ruby serves, and bring them back."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import Misuse, complaint
from pyresque.cli.options import (
    CONNECTION,
    DAEMON,
    LOGGING,
    json_option,
    number_from,
    settings_options,
)
from pyresque.cli.output import print_json
from pyresque.errors import ConnectionFault, RedisUnavailable, WrongKey
from pyresque.printable import many
from pyresque.process.mover import AHEAD, POLL
from pyresque.process.run.mover import move_once, run_mover
from pyresque.process.start import log_format
from pyresque.process.start.load_app import load_application

if TYPE_CHECKING:
    from pyresque.client import Resque
    from pyresque.settings import Settings

log = logging.getLogger("pyresque")

MOVING = (
    *("queues", "codec", "dialect", "heartbeat_interval", "health_port", "health_address"),
    *DAEMON,
    *LOGGING,
)


@click.command()
@settings_options(*CONNECTION, *MOVING)
@click.option("--once", is_flag=True, help="Go through each queue once, and leave.")
@click.option(
    "--back",
    is_flag=True,
    help="Bring jobs back that belong to Ruby again, once, and leave.",
)
@click.option("--all", "everything", is_flag=True, help="With --back: whatever the rules say.")
@click.option(
    "--ahead",
    type=number_from(1),
    default=AHEAD,
    show_default=True,
    help="Jobs at a queue's head among which it looks for Python's.",
)
@click.option(
    "--poll",
    type=click.FloatRange(0.001, 60),
    default=POLL,
    show_default=True,
    help="Seconds between two looks at idle queues.",
)
@json_option
def move(
    once: bool,
    back: bool,
    everything: bool,
    ahead: int,
    poll: float,
    as_json: bool,
    **given: Any,
) -> None:
    """Move jobs that the routing table leads to Python aside, so that no Ruby worker takes them; until a signal stops it.

    Python's selective workers of a queue take what lies aside first. A class that is led to Ruby again comes back to its queue's
    head. With -A, classes that the application does not register are left to Ruby. Signals: TERM, INT and QUIT stop, USR2 pauses,
    CONT goes on.
    """
    if everything and not back:
        raise Misuse("--all goes with --back")
    if as_json and not (once or back):
        raise Misuse("--json goes with --once or --back: a mover that keeps running prints its log")
    resque = load_application(given)
    if not any(resque.settings.queues):
        raise Misuse(
            "no queue to work on: set the QUEUE env var, or give -q, e.g. -q critical,high"
        )
    if once or back:
        moved, returned = move_once(resque, aside=not back, everything_back=everything)
        if as_json:
            print_json({"aside": moved, "back": returned})
            return
        if not back:
            click.echo(f"moved {many(moved, 'job')} aside for Python")
        click.echo(f"moved {many(returned, 'job')} back to Ruby")
        return
    _keep_moving(resque, ahead, poll)


def _keep_moving(resque: Resque, ahead: int, poll: float) -> None:
    try:
        log_format.set_up(_with_log(resque.settings))
    except OSError as error:
        raise complaint(error) from error
    try:
        # A wrong password, database or certificate is reported before the mover starts.
        resque.run(resque.core.table.check_namespace())
    except ConnectionFault:
        raise
    except WrongKey as error:
        log.warning("%s; the mover goes on without what should stand there", error)
    except RedisUnavailable as error:
        log.warning("%s; the mover waits for it", error)
    run_mover(resque, ahead=ahead, poll=poll)


def _with_log(settings: Settings) -> Settings:
    """Raise both log levels by one: a mover has little to say, and says it."""
    return settings.replace(verbose=True, very_verbose=settings.verbose or settings.very_verbose)
