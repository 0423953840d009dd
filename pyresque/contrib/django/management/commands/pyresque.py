"""``manage.py pyresque``: every command of ``pyresque``, for the Resque of the project."""

from __future__ import annotations

import os
from argparse import REMAINDER
from typing import TYPE_CHECKING, Any, Final

from django.core.management.base import BaseCommand, CommandParser, SystemCheckError

from pyresque.cli.main import cli
from pyresque.cli.reexec import OWN_PROCESS

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The application of the project, as ``-A`` names it.
APP: Final = "pyresque.contrib.django.app:resque"

#: Options of every ``manage.py`` command that Django itself has read, and whether a value follows.
DJANGOS: Final = {"--settings": True, "--pythonpath": True, "--skip-checks": False}


class Command(BaseCommand):
    """``manage.py pyresque worker -q critical,default``."""

    help = "Work off queues, move delayed jobs, serve the dashboard: every command of pyresque, for this project."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a command of pyresque with its options, for ``call_command``."""
        parser.add_argument("arguments", nargs=REMAINDER)

    def run_from_argv(self, argv: list[str]) -> None:
        """Run a command line of ``manage.py``, and exit as ``pyresque`` does."""
        skipping, words = without_djangos(argv[2:])
        asks = not words or not {"--help", "-h", "--version"}.isdisjoint(words)
        if not (skipping or asks):
            try:
                self.check()
            except SystemCheckError as error:
                self.stderr.write(str(error), lambda text: text)
                raise SystemExit(1) from error
        run(words, f"{os.path.basename(argv[0])} {argv[1]}", own_process=True)  # noqa: PTH119 - a text

    def print_help(self, prog_name: str, subcommand: str) -> None:
        """Print what ``manage.py help pyresque`` does."""
        run(["--help"], f"{os.path.basename(prog_name)} {subcommand}")  # noqa: PTH119 - a text

    def handle(self, *_: object, arguments: Sequence[str], **__: Any) -> None:
        """Run a command in this process. Raises SystemExit with its exit code, if that is not 0."""
        try:
            run(list(arguments), "pyresque")
        except SystemExit as end:
            if end.code:
                raise


def run(words: list[str], program: str, *, own_process: bool = False) -> None:
    """Run a command line of ``pyresque`` on the project's Resque, and exit."""
    os.environ.setdefault("PYRESQUE_APP", APP)
    cli(args=words, prog_name=program, obj=OWN_PROCESS if own_process else None)


def without_djangos(words: Sequence[str]) -> tuple[bool, list[str]]:
    """Return whether checks are to be skipped, and a command line without the options that Django has read."""
    kept: list[str] = []
    given = iter(words)
    for word in given:
        name, equals, _ = word.partition("=")
        if name not in DJANGOS:
            kept.append(word)
        elif DJANGOS[name] and not equals:
            next(given, None)
    return "--skip-checks" in words, kept
