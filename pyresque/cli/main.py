"""The command ``pyresque``."""

from __future__ import annotations

import click

from pyresque.cli.complaint import HELP, Commands
from pyresque.cli.completion import completion
from pyresque.cli.delayed import delayed
from pyresque.cli.demo import demo
from pyresque.cli.failed import failed
from pyresque.cli.overview import info
from pyresque.cli.pool import pool
from pyresque.cli.queues import queues
from pyresque.cli.run import enqueue, worker
from pyresque.cli.schedule import schedule
from pyresque.cli.scheduler import scheduler
from pyresque.cli.workers import workers
from pyresque.version import VERSION


@click.group(cls=Commands, context_settings={"help_option_names": HELP, "max_content_width": 110})
@click.version_option(VERSION, prog_name="pyresque", message="%(prog)s %(version)s")
def cli() -> None:
    """Ruby's Resque for Python, on the same Redis keys and payloads.

    Exit codes: 0 done, 1 failed, 2 bad usage.
    """


for command in (
    worker,
    pool,
    scheduler,
    enqueue,
    info,
    queues,
    failed,
    workers,
    delayed,
    schedule,
    demo,
    completion,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line of this process."""
    cli(prog_name="pyresque")
