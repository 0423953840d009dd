"""How trouble ends a command: one line on standard error, and an exit code that a script can read."""

from __future__ import annotations

import os
from difflib import get_close_matches
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pyresque.errors import PyresqueError
from pyresque.printable import one_line
from pyresque.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

F = TypeVar("F", bound="Callable[..., Any]")

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
    return (
        Misuse(str(error))
        if getattr(error, "exit_code", 1) == Misuse.exit_code
        else Complaint(str(error))
    )


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


#: Where a context keeps what was wrong with its options, by their names.
_FAULTS = "pyresque.faults"

#: What the names of this package's own variables begin with; what else begins so is another package's, or misspelt.
OWN = ("RESQUE_", "PYRESQUE_")


class Option(click.Option):
    """An option whose fault waits for those of the others; one that takes a value may not be given two."""

    def __init__(self, *names: Any, **attributes: Any) -> None:
        super().__init__(*names, **attributes)
        self.once = not self.multiple and not self.is_flag

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Let the parser keep every value."""
        self.multiple = self.multiple or self.once
        try:
            super().add_to_parser(parser, ctx)
        finally:
            self.multiple = self.multiple and not self.once

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        """The value, or None with the fault kept."""
        name = self.name or ""
        given = opts.get(name)
        if self.once and isinstance(given, list):
            opts = {**opts, name: given[-1]}
            if len(set(given)) > 1:
                texts = " and ".join(map(repr, given))
                fault = click.BadParameter(f"given as {texts}: give it once", ctx, self)
                self._keep(ctx, fault)
                return None, args
        try:
            return super().handle_parse_result(ctx, opts, args)
        except click.BadParameter as fault:
            if ctx.resilient_parsing:
                raise
            self._keep(ctx, fault)
            return None, args

    def _keep(self, ctx: click.Context, fault: click.BadParameter) -> None:
        name = self.name or ""
        ctx.meta.setdefault(_FAULTS, {})[name] = fault.format_message().rstrip(".")
        ctx.params[name] = None


def no_option(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:  # noqa: ARG001 - click's signature
    """The value of an argument, which an option that is misspelt is not, although its command takes any word."""
    if value and value.startswith("-"):
        name = value.partition("=")[0]
        known = [flag for option in ctx.command.params for flag in option.opts]
        raise click.NoSuchOption(name, possibilities=get_close_matches(name, known), ctx=ctx)
    return value


def something(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """The value of an option, which may not be empty."""
    if value is not None and not value.strip():
        raise click.BadParameter("is empty", ctx, param)
    return value


def all_told(command: F) -> F:
    """Raise Misuse with every fault that was kept, and those of the environment, before a command does anything."""

    @wraps(command)
    def checked(*args: Any, **given: Any) -> Any:
        faults = dict(click.get_current_context().meta.get(_FAULTS, {}))
        if faults:
            left_out = {*faults, *(name for name, value in given.items() if value is not None)}
            raise Misuse("; ".join([*faults.values(), *Settings.faults(os.environ, left_out)]))
        for line in misspelt(os.environ):
            click.echo(f"pyresque: {line}", err=True)
        return command(*args, **given)

    return checked  # type: ignore[return-value]  # of the same signature


def misspelt(environ: Mapping[str, str]) -> list[str]:
    """A line for each variable that no setting reads, and whose name is nearly one of those that are read."""
    known = {
        entry[0] if isinstance(entry, tuple) else entry
        for row in Settings.ROWS.values()
        for entry in row.env
    } | {"RESQUE_POOL_CONFIG"}
    found = []
    for name in sorted(environ):
        if name.startswith(OWN) and name not in known:
            bare = name.removeprefix("PY").removeprefix("RESQUE_")
            near = [bare] if bare in known else get_close_matches(name, known, n=1, cutoff=0.85)
            if near:
                found.append(f"nothing reads the variable {name}: did you mean {near[0]}?")
    return found
