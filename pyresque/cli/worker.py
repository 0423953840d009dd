"""The command ``worker``: one worker or several perform the jobs of queues."""

from __future__ import annotations

from typing import Any

import click

from pyresque.cli.errors import complaint
from pyresque.cli.options import CONNECTION, WORKING, settings_options
from pyresque.cli.reexec import restart_without_click


@click.command(short_help="Perform the jobs of queues.")
@settings_options(*CONNECTION, *WORKING)
@click.option(
    "--burst", is_flag=True, help="Run until every queue is empty, then leave (as INTERVAL=0 does)."
)
def worker(burst: bool, **options: Any) -> None:
    """Perform the jobs of queues, in the order given, until a signal stops the worker.

    QUEUE is a name, a glob such as high_*, or !name to skip. Signals: QUIT stops after the job, TERM and INT at once,
    USR1 ends the job, USR2 pauses, CONT goes on.
    """
    try:
        restart_without_click("start_worker", options, burst=burst)
    except OSError as error:
        raise complaint(error) from error
