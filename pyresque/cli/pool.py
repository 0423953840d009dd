"""The command ``pool``: workers as resque-pool's file wants them, with its options and its signals."""

from __future__ import annotations

import os
from typing import Any

import click

from pyresque.cli.errors import Option, complaint, not_empty
from pyresque.cli.options import CONNECTION, WORKING, number_from, settings_options
from pyresque.cli.reexec import restart_without_click

#: All settings of a worker but the queues, which the file names.
POOL = tuple(name for name in WORKING if name != "queues")


@click.command()
@settings_options(*CONNECTION, *POOL)
@click.option(
    "-f",
    "--config",
    metavar="FILE",
    cls=Option,
    callback=not_empty,
    help="The pool's file (RESQUE_POOL_CONFIG); else resque-pool.yml or config/resque-pool.yml.",
)
@click.option(
    "-E",
    "--environment",
    "section",
    cls=Option,
    callback=not_empty,
    metavar="NAME",
    help="The section of the file (RACK_ENV, else RAILS_ENV, else RESQUE_ENV).",
)
@click.option(
    "-a",
    "--appname",
    cls=Option,
    callback=not_empty,
    metavar="NAME",
    help="The application's name in the title.",
)
@click.option("-d", "--daemon", is_flag=True, help="As --background.")
@click.option(
    "-o",
    "--stdout",
    cls=Option,
    callback=not_empty,
    metavar="FILE",
    help="Append what is printed to it.",
)
@click.option(
    "-e",
    "--stderr",
    cls=Option,
    callback=not_empty,
    metavar="FILE",
    help="Append the error output to it.",
)
@click.option(
    "-s",
    "--spawn-delay",
    default=0,
    cls=Option,
    type=number_from(0),
    metavar="MS",
    help="Milliseconds between two starts.",
)
@click.option(
    "--term-graceful",
    "--term-graceful-wait",
    "graceful",
    is_flag=True,
    help="TERM lets workers finish their jobs.",
)
@click.option("--term-immediate", is_flag=True, help="TERM stops workers at once (the default).")
@click.option("--burst", is_flag=True, help="Run until every queue is empty, then leave.")
def pool(
    config: str | None,
    section: str | None,
    appname: str | None,
    daemon: bool,
    stdout: str | None,
    stderr: str | None,
    spawn_delay: int,
    graceful: bool,
    term_immediate: bool,
    burst: bool,
    **options: Any,
) -> None:
    """Keep as many workers as resque-pool's file says, each a process of its own.

    The file has entries "queue,queue": NUMBER, at its top or in sections for environments. Signals: HUP reads the file again
    and replaces the workers, TTIN and TTOU add and remove one of each entry, WINCH stops all workers until HUP, QUIT and
    INT let them finish their jobs, TERM stops them at once, USR1, USR2 and CONT are passed on.
    """
    if graceful and term_immediate:
        raise click.UsageError("give --term-graceful or --term-immediate, not both")
    if not hasattr(os, "fork"):
        raise click.UsageError("pool: this system has no fork; start several workers in its place")
    options |= {"background": daemon or options["background"], "app_name": appname}
    pool_options = {
        "term": "SIGQUIT" if graceful else "SIGTERM",
        "interrupt": "SIGQUIT",
        "spawn_delay": spawn_delay / 1000,
        "stdout": stdout or "",
        "stderr": stderr or "",
    }
    try:
        restart_without_click(
            "start_pool",
            options,
            config=config,
            environment=section,
            pool_options=pool_options,
            burst=burst,
        )
    except OSError as error:
        raise complaint(error) from error
