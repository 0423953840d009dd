"""The command ``pyresque``. A command's module is loaded when the command is called, so that no process loads the others."""

from __future__ import annotations

import sys
from typing import ClassVar

import click

from pyresque import __version__
from pyresque.cli.errors import Complaint
from pyresque.cli.groups import HELP, CommandGroup, LazyGroup
from pyresque.cli.reexec import OWN_PROCESS
from pyresque.standard_streams import lose, open_what_is_closed

#: Every command, with the module of ``pyresque.cli`` that holds a function of that name.
COMMANDS = {
    "worker": "worker",
    "pool": "pool",
    "scheduler": "scheduler",
    "enqueue": "enqueue",
    "info": "info",
    "top": "top.command",
    "search": "search",
    "stats": "stats",
    "queues": "queues",
    "failed": "failed",
    "workers": "workers",
    "delayed": "delayed",
    "retries": "retries",
    "schedule": "schedule",
    "status": "status",
    "doctor": "doctor",
    "migrate": "migrate.command",
    "web": "web",
    "demo": "demo.command",
    "completion": "main",
}

#: Shells for which click writes completion scripts.
SHELLS = ("bash", "zsh", "fish")


class LazyCommands(CommandGroup, LazyGroup):
    """The group of all commands."""

    modules: ClassVar = {name: f"pyresque.cli.{at}" for name, at in sorted(COMMANDS.items())}


@click.group(
    cls=LazyCommands, context_settings={"help_option_names": HELP, "max_content_width": 110}
)
@click.version_option(__version__, prog_name="pyresque", message="%(prog)s %(version)s")
def cli() -> None:
    """Ruby's Resque for Python, on the same Redis keys and payloads.

    Exit codes: 0 done, 1 failed, 2 bad usage.
    """


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    bash and zsh: eval "$(pyresque completion bash)"; fish: pyresque completion fish | source
    """
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - for this command alone

    kind = get_completion_class(shell)
    if kind is None:
        raise click.BadParameter(f"there is no completion for {shell}")
    click.echo(kind(ctx.find_root().command, {}, "pyresque", "_PYRESQUE_COMPLETE").source())


def main() -> None:
    """Run the command line of this process, and exit."""
    open_what_is_closed()
    try:
        cli(prog_name="pyresque", obj=OWN_PROCESS)
    except OSError as error:
        complaint = Complaint(lose(error))
        complaint.show()
        sys.exit(complaint.exit_code)
