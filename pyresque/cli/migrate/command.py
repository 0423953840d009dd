"""The command ``migrate``: a group whose commands are loaded when they are called."""

from __future__ import annotations

from importlib import import_module

import click

from pyresque.cli.errors import SuggestingGroup

#: Every command of the group, with the module of ``pyresque.cli.migrate`` that holds a function of that name.
COMMANDS = {
    "inventory": "inventory",
    "coverage": "coverage",
    "stubs": "stubs",
    "shadow": "shadow",
    "route": "route",
    "move": "move",
    "ruby-guard": "ruby_guard",
    "rescue": "rescue",
    "schedule": "schedule",
    "status": "status",
}


class LazyGroup(SuggestingGroup):
    """The commands of ``migrate``; a command's module is imported at its first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of the commands, in the order in which a move needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import and return a command; None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"pyresque.cli.migrate.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


@click.group(cls=LazyGroup, short_help="Move off Ruby class by class.")
def migrate() -> None:
    """Move off Ruby class by class, on the queues that Ruby's workers serve (docs/migrate.md)."""
