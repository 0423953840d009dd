"""The command ``migrate schedule``: what would fire otherwise if a Python scheduler led in place of Ruby's."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.arguments import shown_run
from pyresque.cli.errors import Complaint, Misuse
from pyresque.cli.options import CONNECTION, count_option, json_option, settings_options
from pyresque.cli.output import print_json, print_table, safe_text, short
from pyresque.cli.progress import Progress
from pyresque.errors import ScheduleFileError, SettingsError
from pyresque.migrate.hand_over import leader, quiet_moment, steps
from pyresque.migrate.schedule_compare import Compared, compare
from pyresque.migrate.schedule_findings import (
    KINDS,
    Finding,
    Situation,
    elsewhere,
    general,
)
from pyresque.migrate.schedule_sides import Kept, pairs, read_kept
from pyresque.migrate.yaml_scalars import unlike_ruby
from pyresque.printable import many
from pyresque.process.run.scheduler import read_schedule
from pyresque.process.start.load_app import load_application
from pyresque.ruby.fnmatch import fnmatch
from pyresque.schedule.cron.zones import zone_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyresque.client import Resque
    from pyresque.schedule.yaml_file import FileEntry

FILE = click.Path(dir_okay=False)

#: Settings of the Python scheduler that would lead.
LEADING = (
    *("schedule_section", "dynamic_schedule", "rails_env", "master_lock_prefix", "time_zone"),
    *("catch_up", "remember_every", "codec", "dialect"),
)


@click.command()
@click.option("--schedule", "ruby_file", type=FILE, help="The file of Ruby's scheduler.")
@click.option(
    "--python-schedule",
    "python_file",
    type=FILE,
    help="The file of Python's scheduler; default: the same.",
)
@click.option(
    "--ruby-zone", metavar="ZONE", help="The zone of Ruby's process: its TZ, else Rails' time zone."
)
@click.option("--ruby-env", metavar="NAME", help="Ruby's Rails.env; default: Python's RAILS_ENV.")
@click.option("--fugit", metavar="VERSION", help="The version in Ruby's Gemfile.lock.")
@click.option(
    "--allow",
    multiple=True,
    type=click.Choice(KINDS),
    metavar="KIND",
    help="Differences of this kind are meant; repeatable.",
)
@count_option(2, "How many runs of each entry are shown.")
@settings_options(*CONNECTION, *LEADING)
@json_option
def schedule(
    ruby_file: str | None,
    python_file: str | None,
    count: int,
    as_json: bool,
    **given: Any,
) -> None:
    """Compare the schedules of both sides, and tell how to hand over. Changes nothing.

    Compares Ruby's file and what stands in Redis with what a Python scheduler would run: next runs side by side, and what would
    fire otherwise. Exit code 1 if anything would.
    """
    told = {name: given.pop(name) for name in ("ruby_zone", "ruby_env", "fugit", "allow")}
    resque = load_application(given)
    situation = _situation(resque, **told)
    section = resque.settings.schedule_section
    ruby, unlike = _file(ruby_file, section)
    python = ruby if python_file is None else _file(python_file, section)[0]
    kept = resque.run(read_kept(resque.core))
    last_runs = resque.run(resque.core.recurring.last_runs())
    found = []
    joined = pairs(resque.core, ruby, python, kept)
    with Progress("comparing, entry") as progress:
        for at, pair in enumerate(joined):
            progress.step(at, len(joined))
            progress.end(f"{at} of {many(len(joined), 'entry')} were compared")
            found.append(compare(situation, pair, count, last_runs.get(pair.name)))
    now = situation.now
    whole = [*unlike, *general(situation, found, kept)]
    whole += elsewhere(kept, [pair.name for pair in joined], last_runs, now)
    whole = [Finding(f.kind, f.text, f.differs and f.kind not in told["allow"]) for f in whole]
    moment = datetime.fromtimestamp(now, timezone.utc).astimezone(situation.python_zone)
    quiet = quiet_moment(found, moment)
    if as_json:
        print_json(_report(found, whole, kept, quiet))
    else:
        _print(found, whole)
        for line in steps(kept, quiet):
            click.echo(safe_text(line))
    differing = sum(one.differs for one in found)
    others = sum(one.differs for one in whole)
    if differing or others:
        also = f", and {many(others, 'further difference')}" if others else ""
        raise Complaint(
            f"{differing} of {many(len(found), 'entry')} {'fires' if differing == 1 else 'fire'} otherwise under Python's scheduler than under Ruby's{also}"
        )


def _situation(
    resque: Resque,
    ruby_zone: str | None,
    ruby_env: str | None,
    fugit: str | None,
    allow: Iterable[str],
) -> Situation:
    if fugit is not None and not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6}){0,3}", fugit):
        raise Misuse(f"--fugit {fugit!r} is no version such as 1.11.1")
    try:
        zone = None if ruby_zone is None else zone_named(ruby_zone)
    except SettingsError as error:
        raise Misuse(str(error).replace("time_zone", "--ruby-zone")) from error
    return Situation(
        resque.core,
        bool(resque.settings.app),
        resque.core.clock.time(),
        zone,
        ruby_env,
        None if fugit is None else tuple(map(int, fugit.split("."))),
        _served(resque),
        frozenset(allow),
    )


def _served(resque: Resque) -> Callable[[str], bool]:
    """Return whether a registered worker takes from a queue."""
    patterns = {
        queue for worker in resque.workers() for queue in worker.queues if not queue.startswith("!")
    }
    return lambda queue: any(fnmatch(pattern, queue) for pattern in patterns)


def _file(path: str | None, section: str) -> tuple[list[FileEntry], list[Finding]]:
    """Read a file, and find the texts in it that Ruby reads otherwise. Raises Complaint: whoever compares must read both."""
    if path is None:
        return [], []
    try:
        entries = read_schedule(path, section)
    except ScheduleFileError as error:
        hint = (
            f"; render it first: erb {path} > rendered.yml" if "is a template" in str(error) else ""
        )
        raise Complaint(f"{error}{hint}") from error
    unlike = [
        Finding(
            "yaml",
            f"{path}, line {line}: Ruby reads {text} as {taken}: put it in quotes",
            differs=True,
        )
        for line, text, taken in unlike_ruby(Path(path).read_text(encoding="utf-8"))
    ]
    return entries, unlike


def _report(
    found: list[Compared],
    whole: list[Finding],
    kept: Kept,
    quiet: tuple[datetime, datetime] | None,
) -> dict[str, object]:
    lock = kept.lock
    return {
        "leader": {
            "language": leader(kept),
            "holder": None if lock is None else lock.holder,
            "ttl": None if lock is None else lock.ttl,
        },
        "quiet": None if quiet is None else [moment.isoformat() for moment in quiet],
        "steps": [*steps(kept, quiet)],
        "differs": any(one.differs for one in found) or any(one.differs for one in whole),
        "findings": [_finding(one) for one in whole],
        "entries": [
            {
                "name": one.pair.name,
                "in_redis": one.pair.kept,
                "ruby": [run.isoformat() for run in one.ruby],
                "python": [run.isoformat() for run in one.python],
                "differs": one.differs,
                "findings": [_finding(each) for each in one.findings],
            }
            for one in found
        ],
    }


def _finding(one: Finding) -> dict[str, object]:
    return {"kind": one.kind, "text": one.text, "differs": one.differs}


def _print(found: list[Compared], whole: list[Finding]) -> None:
    rows = []
    for one in found:
        runs = list(zip_longest(one.ruby, one.python)) or [(None, None)]
        for at, (ruby, python) in enumerate(runs):
            name = short(safe_text(one.pair.name)) if at == 0 else ""
            rows.append((name, _cell(ruby), _cell(python), _mark(one) if at == 0 else ""))
    print_table(("name", "ruby", "python", ""), rows, "no recurring jobs")
    for one in found:
        for each in one.findings:
            click.echo(safe_text(f"{one.pair.name}: {_line(each)}"))
    for each in whole:
        click.echo(safe_text(_line(each)))


def _cell(run: datetime | None) -> str | None:
    return None if run is None else shown_run(run)


def _mark(one: Compared) -> str:
    return "differs" if one.differs else "same"


def _line(one: Finding) -> str:
    return f"{'differs' if one.differs else 'note'} ({one.kind}): {one.text}"
