"""How trouble ends a command: one line on standard error, and an exit code that a script can read."""

from __future__ import annotations

from difflib import get_close_matches

import click

from pyresque.errors import PyresqueError
from pyresque.process.verdict import is_misuse, one_line

HELP = ("-h", "--help")


class Complaint(click.ClickException):
    """One line for the operator: what he asked for was not done."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))

    def show(self, file: object = None) -> None:  # noqa: ARG002 - click's signature; complaints go to standard error
        """Say it."""
        click.echo(f"pyresque: {self.message}", err=True)


class Misuse(Complaint):
    """One line for the operator: what he asked for cannot be asked for so."""

    exit_code = 2


class Stopped(Complaint):
    """Ctrl-C came while a command had nothing to sum up; the exit code is SIGINT's, as a shell gives it."""

    exit_code = 130


def complaint(error: Exception) -> Complaint:
    """What to tell of an error of pyresque's or of the system's."""
    return Misuse(str(error)) if is_misuse(error) else Complaint(str(error))


def misuse(error: click.UsageError) -> Misuse:
    """What click has to say of a command line, on one line, and where to read what may be written."""
    told = error.format_message()
    simple = isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter)
    if error.ctx is None or simple:
        return Misuse(told)
    return Misuse(f"{told.rstrip('.')}; `{error.ctx.command_path} --help` tells what there is")


class Suggesting(click.Group):
    """A group that says which command may have been meant by a word that is none."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            names = self.list_commands(ctx)
            near = get_close_matches(args[0], names, n=1)
            cure = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(names)}"
            ctx.fail(f"No such command {args[0]!r}. {cure}")


class Commands(Suggesting):
    """A group whose commands' errors are told as complaints: on one line, never as tracebacks."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options that stand before a command."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise misuse(error) from error

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise misuse(error) from error
        except PyresqueError as error:
            raise complaint(error) from error
        except KeyboardInterrupt:
            raise Stopped("interrupted") from None


class Nouns(Suggesting):
    """A group that lists when it is told nothing else: ``pyresque queues --json`` is ``pyresque queues list --json``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``list`` where no verb stands; a shell that completes wants to hear all verbs."""
        if not ctx.resilient_parsing and (
            not args or (args[0].startswith("-") and args[0] not in HELP)
        ):
            args = ["list", *args]
        return super().parse_args(ctx, args)
