"""Groups of commands: what they suggest for a misspelt word, when they import their commands, and how errors end them."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

import click

from pyresque.cli.errors import Stopped, complaint, misuse
from pyresque.errors import PyresqueError

if TYPE_CHECKING:
    from collections.abc import Mapping

HELP = ("-h", "--help")


class SuggestingGroup(click.Group):
    """A group that suggests a command for a misspelt word."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names. Raises click.UsageError with a suggestion."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            names = self.list_commands(ctx)
            near = get_close_matches(args[0], names, n=1)
            cure = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(names)}"
            ctx.fail(f"No such command {args[0]!r}. {cure}")


class LazyGroup(SuggestingGroup):
    """A group that imports a command's module when the command is first asked for."""

    #: Every command in the order of the list, with the module that has it, as a function of that name: ``a_b`` for ``a-b``.
    modules: ClassVar[Mapping[str, str]] = {}

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(self.modules)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None if there is none of that name."""
        if cmd_name not in self.modules:
            return None
        found: click.Command = getattr(
            import_module(self.modules[cmd_name]), cmd_name.replace("-", "_")
        )
        return found


class CommandGroup(SuggestingGroup):
    """A group that prints errors of its commands as one line, never as a traceback."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options before the command. Raises Misuse."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise misuse(error) from error

    def invoke(self, ctx: click.Context) -> object:
        """Run the command. Raises Complaint for every error of pyresque's and of click's."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if type(error).__name__ == "NoArgsIsHelpError":  # click 8.2 and later
                raise
            raise misuse(error) from error
        except PyresqueError as error:
            raise complaint(error) from error
        except KeyboardInterrupt:
            raise Stopped("interrupted") from None


class ListingGroup(SuggestingGroup):
    """A group with ``list`` as its default command: ``pyresque queues --json`` is ``pyresque queues list --json``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert ``list`` if no command is given, but not for a shell that asks for completions."""
        if not ctx.resilient_parsing and (
            not args or (args[0].startswith("-") and args[0] not in HELP)
        ):
            args = ["list", *args]
        return super().parse_args(ctx, args)
