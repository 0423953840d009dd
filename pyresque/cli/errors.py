"""How an error ends a command: one line on standard error, and an exit code that a script can read."""

from __future__ import annotations

import os
from difflib import get_close_matches
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pyresque.printable import one_line
from pyresque.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

F = TypeVar("F", bound="Callable[..., Any]")


class Complaint(click.ClickException):
    """The command failed. click prints one line on standard error and exits with 1."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))

    def show(self, file: object = None) -> None:  # noqa: ARG002 - click's signature; complaints go to standard error
        """Print the message on standard error."""
        click.echo(f"pyresque: {self.message}", err=True)


class Misuse(Complaint):
    """The command line is wrong. click prints one line on standard error and exits with 2."""

    exit_code = 2


class Stopped(Complaint):
    """Ctrl-C ended a command that had nothing to sum up; 130 is the code that a shell gives for SIGINT."""

    exit_code = 130


def complaint(error: Exception) -> Complaint:
    """Return the complaint for an error of pyresque's or of the system's."""
    return (
        Misuse(str(error))
        if getattr(error, "exit_code", 1) == Misuse.exit_code
        else Complaint(str(error))
    )


def misuse(error: click.UsageError) -> Misuse:
    """Return click's message on one line, with the ``--help`` that lists what may be written."""
    message = error.format_message()
    simple = isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter)
    if error.ctx is None or simple:
        return Misuse(message)
    return Misuse(f"{message.rstrip('.')}; `{error.ctx.command_path} --help` tells what there is")


#: Where a context keeps what was wrong with its options, by their names.
_FAULTS = "pyresque.faults"

#: What the names of this package's own variables begin with; what else begins so is another package's, or misspelt.
OWN = ("RESQUE_", "PYRESQUE_")


class Option(click.Option):
    """An option that keeps its fault, so that all faults are reported together. Two different values are a fault."""

    def __init__(self, *names: Any, **attributes: Any) -> None:
        super().__init__(*names, **attributes)
        self.once = not self.multiple and not self.is_flag

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Have the parser keep every value, so that a second one is seen."""
        self.multiple = self.multiple or self.once
        try:
            super().add_to_parser(parser, ctx)
        finally:
            self.multiple = self.multiple and not self.once

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        """Return the value; None if a fault was kept."""
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


def refuse_option(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:  # noqa: ARG001 - click's signature
    """Return the value of an argument. Raises click.NoSuchOption for a misspelt option, which the command would take as a word."""
    if value and value.startswith("-"):
        name = value.partition("=")[0]
        known = [flag for option in ctx.command.params for flag in option.opts]
        raise click.NoSuchOption(name, possibilities=get_close_matches(name, known), ctx=ctx)
    return value


def not_empty(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return the value of an option. Raises click.BadParameter if it is empty."""
    if value is not None and not value.strip():
        raise click.BadParameter("is empty", ctx, param)
    return value


def report_all_faults(command: F) -> F:
    """Wrap a command: before it runs, raise Misuse with every kept fault and the faults of the environment."""

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
    """Return a line for each variable that no setting reads but whose name is close to one that a setting reads."""
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
