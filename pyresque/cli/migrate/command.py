"""The command ``migrate``: a group whose commands are loaded when they are called."""

from __future__ import annotations

from typing import ClassVar

import click

from pyresque.cli.groups import LazyGroup

#: Every command of the group in the order in which a move needs them.
COMMANDS = (
    *("inventory", "coverage", "stubs", "shadow", "route", "move"),
    *("ruby-guard", "rescue", "schedule", "status"),
)


class MigrateCommands(LazyGroup):
    """The commands of ``migrate``."""

    modules: ClassVar = {
        name: f"pyresque.cli.migrate.{name.replace('-', '_')}" for name in COMMANDS
    }


@click.group(cls=MigrateCommands, short_help="Move off Ruby class by class.")
def migrate() -> None:
    """Move off Ruby class by class, on the queues that Ruby's workers serve (docs/migrate.md)."""
