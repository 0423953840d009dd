"""The command ``pyresque``; a verb's own module is loaded when it is called, so that a worker carries no other along."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from pyresque.cli.errors import HELP, Commands, Complaint
from pyresque.cli.reexec import AFRESH
from pyresque.standard_streams import lose, open_what_is_closed
from pyresque.version import VERSION

#: Each command with the module that holds it.
COMMANDS = {
    "worker": "worker",
    "pool": "pool",
    "scheduler": "scheduler",
    "enqueue": "enqueue",
    "info": "info",
    "queues": "queues",
    "failed": "failed",
    "workers": "workers",
    "delayed": "delayed",
    "schedule": "schedule",
    "demo": "demo.command",
    "completion": "completion",
}


class Verbs(Commands):
    """The commands, each loaded at its first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Their names."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """One of them, or None."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"pyresque.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group(cls=Verbs, context_settings={"help_option_names": HELP, "max_content_width": 110})
@click.version_option(VERSION, prog_name="pyresque", message="%(prog)s %(version)s")
def cli() -> None:
    """Ruby's Resque for Python, on the same Redis keys and payloads.

    Exit codes: 0 done, 1 failed, 2 bad usage.
    """


def main() -> None:
    """Run the command line of this process."""
    open_what_is_closed()
    try:
        cli(prog_name="pyresque", obj=AFRESH)
    except OSError as error:
        complaint = Complaint(lose(error))
        complaint.show()
        sys.exit(complaint.exit_code)
