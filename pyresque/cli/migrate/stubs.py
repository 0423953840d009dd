"""The command ``migrate stubs``: write a typed handler, and a test of recorded payloads, for each class that Redis holds."""

from __future__ import annotations

import keyword
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import Complaint, Misuse
from pyresque.cli.migrate.looking import READING, look, looking
from pyresque.cli.options import CONNECTION, json_option, settings_options
from pyresque.cli.output import print_json, safe_text
from pyresque.migrate.stub_files import sources, write
from pyresque.migrate.stub_sample import Samples
from pyresque.printable import many
from pyresque.process.start.load_app import load_application
from pyresque.ruby.fnmatch import fnmatch

if TYPE_CHECKING:
    from pyresque.job.job import Job
    from pyresque.migrate.stub_files import Written


@click.command(short_help="Write handlers for the classes in Redis.")
@click.option(
    "--out",
    required=True,
    metavar="FOLDER",
    type=click.Path(file_okay=False),
    help="The package that is written, such as jobs/.",
)
@click.option(
    "--class", "globs", multiple=True, metavar="CLASS-OR-GLOB", help="Only these; repeatable."
)
@looking
@click.option("--force", is_flag=True, help="Write files that are there and differ, too.")
@settings_options(*CONNECTION, *READING)
@json_option
def stubs(
    out: str,
    globs: tuple[str, ...],
    sample: int,
    keys: int,
    *,
    whole: bool,
    force: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Write a typed Python handler for each class that an inventory finds, with a test of redacted payloads.

    Redis is only read. A file that is there and differs is kept, unless --force is given.
    """
    if not out:  # a variable of the shell that is not set, perhaps: it would be the current folder
        raise Misuse("--out is empty: give the package's folder, such as jobs/")
    folder = Path(out)
    name = folder.resolve().name
    if not name.isidentifier() or keyword.iskeyword(name):
        raise Misuse(f"--out {out}: {name!r} cannot be the name of a package, such as jobs")
    found = Samples()

    def add(job: Job, class_name: str) -> None:
        if not globs or any(fnmatch(glob, class_name) for glob in globs):
            found.add(job, class_name)

    resque = load_application(given)
    seen = look(resque, sample=sample, whole=whole, keys=keys, each=add, seed=0).classes.classes
    for one in found:
        if one.name in seen:
            one.plugins = {gem: mark.line for gem, mark in seen[one.name].marks.items()}
    if not found.classes:
        raise Complaint("no job of such a class in any queue, delayed, failed or being performed")
    written = [*write(folder, sources(found), force=force)]
    if as_json:
        print_json(
            {
                "files": [{"path": str(one.path), "outcome": one.outcome} for one in written],
                "classes": [one.name for one in found],
                "left_out": found.left_out,
            }
        )
        return
    _print(written, found)


def _print(written: list[Written], found: Samples) -> None:
    for one in written:
        if one.outcome != "same":
            hint = ": it differs; --force writes it anew" if one.outcome == "kept" else ""
            click.echo(safe_text(f"{one.outcome} {one.path}{hint}"))
    same = sum(one.outcome == "same" for one in written)
    click.echo(f"{many(len(found.classes), 'class')}; {many(same, 'file')} are as they were")
    if found.left_out:
        text = "their class has no name, or one that is too long, or is one too many"
        click.echo(f"{many(found.left_out, 'job')} left out: {text}")
