"""The commands of ``pyresque schedule``: list, next, set, remove, run, validate, lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.arguments import one_arg
from pyresque.cli.complaint import Complaint, Misuse, Nouns
from pyresque.cli.faults import Option
from pyresque.cli.options import CONNECTION, destroying, json_option, settings_options
from pyresque.cli.output import confirm, plain, print_json, print_pairs, print_table, short
from pyresque.cli.progress import Progress
from pyresque.cli.streamed import JsonList
from pyresque.cli.times import iso_and_written
from pyresque.errors import NotEncodable, ScheduleError
from pyresque.process.app import application
from pyresque.process.run_scheduler import read_schedule, section_hint
from pyresque.schedule.cron import Cron
from pyresque.schedule.entries import Entry, Limits, is_section, unknown_keys

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pyresque.client import Resque
    from pyresque.schedule.recurring import NextRuns
    from pyresque.schedule.yaml_file import Written

#: Where recurring jobs stand beside Redis, and what their times mean.
SCHEDULE = ("schedule", "schedule_section", "time_zone", "codec", "dialect")

#: Runs that ``validate`` shows of each entry.
SHOWN_RUNS = 5

#: Options of ``set`` that are keys of a configuration.
KEYS = ("cron", "every", "class", "queue", "description", "env", "custom_job_class")


@click.group(cls=Nouns)
def schedule() -> None:
    """List, set, remove, run and check recurring jobs (without a verb: list)."""


@schedule.command("list")
@settings_options(*CONNECTION, *SCHEDULE)
@json_option
def list_schedule(as_json: bool, **given: Any) -> None:
    """List recurring jobs: those kept in Redis, and with --schedule those of a file."""
    found = _with_file(given).next_runs(1)
    if as_json:
        print_json([_as_json(one) for one in found])
        return
    rows = [
        (
            one.name,
            _timing(one),
            _key(one, "class"),
            _key(one, "queue"),
            one.last,
            one.fault.faults[0] if one.fault else _time(one.runs[0]) if one.runs else None,
        )
        for one in found
    ]
    shown = [[short(plain(cell)) for cell in row] for row in rows]
    print_table(("name", "runs", "class", "queue", "last", "next"), shown, "no recurring jobs")


@schedule.command("next")
@click.argument("name", required=False)
@click.option(
    "--count",
    default=SHOWN_RUNS,
    show_default=True,
    cls=Option,
    type=click.IntRange(1),
    help="How many runs.",
)
@settings_options(*CONNECTION, *SCHEDULE)
@json_option
def next_runs(name: str | None, count: int, as_json: bool, **given: Any) -> None:
    """Show the next runs of every recurring job in their order, or of NAME."""
    found = _with_file(given).next_runs(count)
    if name is not None:
        found = [one for one in found if one.name == name]
        if not found:
            raise Complaint(f"no such recurring job: {name}")
    runs = sorted((run, one.name) for one in found for run in one.runs)[:count]
    if as_json:
        print_json([{"name": one, "at": run.isoformat()} for run, one in runs])
        return
    print_table(("at", "name"), [(_time(run), one) for run, one in runs], "nothing runs")


@schedule.command("set")
@click.argument("name")
@click.argument("config", metavar="[JSON]", required=False)
@click.option("--cron", help="A cron line: '0 9 * * mon-fri Europe/Berlin'.")
@click.option("--every", help="A stretch of time: 30s, 1h30m.")
@click.option("--class", "class", help="The job's class; default: NAME.")
@click.option("-q", "--queue", help="The queue.")
@click.option(
    "--args", "job_args", help="The arguments as JSON; a list holds several, a hash is one."
)
@click.option("--description", help="What people read in the dashboard.")
@click.option("--env", "env", help="Environments in which it runs, with commas.")
@click.option("--custom-job-class", "custom_job_class", help="The class that is asked to queue it.")
@settings_options(*CONNECTION, "codec", "dialect")
@json_option
def set_schedule(
    name: str, config: str | None, job_args: str | None, as_json: bool, **given: Any
) -> None:
    """Create or replace a recurring job in Redis, from JSON or options; dynamic schedulers follow."""
    made = {} if config is None else one_arg(2, config)
    if not isinstance(made, dict):
        raise Misuse(f"{config!r} is no JSON object of keys such as cron and class")
    options = {key: given.pop(key) for key in KEYS}
    made = {**made, **{key: value for key, value in options.items() if value is not None}}
    if job_args is not None:
        made["args"] = one_arg(1, job_args)
    made.setdefault("class", name)
    resque = application(given)
    entry = Entry.read(name, made, resque.core.clock)
    if entry.timing is None:
        raise Misuse("say when it runs: --cron or --every")
    resque.set_schedule(name, made, persist=True)
    if as_json:
        print_json({"name": name, "config": made})
    else:
        click.echo(plain(f"set {name}"))


@schedule.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@settings_options(*CONNECTION, "codec")
@destroying
@json_option
def remove(names: tuple[str, ...], yes: bool, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Remove recurring jobs from Redis; dynamic schedulers follow."""
    resque = application(given)
    unknown = [name for name in names if resque.fetch_schedule(name) is None]
    if unknown:
        raise Complaint(f"no such recurring job in Redis: {', '.join(unknown)}")
    if not dry_run:
        confirm(f"remove {', '.join(names)}", yes=yes)
        for name in names:
            resque.remove_schedule(name)
    if as_json:
        print_json({"dry_run": dry_run, "removed": list(names)})
    else:
        click.echo(plain(f"{'would remove' if dry_run else 'removed'} {', '.join(names)}"))


@schedule.command()
@click.argument("name")
@settings_options(*CONNECTION, *SCHEDULE)
@json_option
def run(name: str, as_json: bool, **given: Any) -> None:
    """Enqueue a recurring job once, now; its times stay as they are."""
    resque = _with_file(given)
    config = resque.fetch_schedule(name)
    if config is None:
        raise Complaint(f"no such recurring job: {name}")
    if resque.enqueue_from_config(config) is None:
        raise Complaint(f"{name} was not enqueued: a before_schedule hook said no")
    if as_json:
        print_json({"enqueued": name})
    else:
        click.echo(plain(f"enqueued {name}"))


@dataclass(frozen=True)
class Checked:
    """One entry of a file: where it stands, its faults, what should be looked at, and its next runs."""

    written: Written
    faults: tuple[str, ...]
    notes: tuple[str, ...]
    runs: list[datetime]


@schedule.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@settings_options(*CONNECTION, "schedule_section", "time_zone", "codec", "dialect")
@json_option
def validate(file: str, as_json: bool, **given: Any) -> None:
    """Check a schedule's file: each fault with its line, and the next runs of each entry.

    Exit code 1 where an entry cannot run, or none ever does.
    """
    resque = application(given)
    with Progress(f"reading {file}, line") as progress:

        def reached(line: int, lines: int) -> None:
            progress.step(line, lines)
            progress.end("nothing was checked")

        written = read_schedule(file, resque.settings.schedule_section, reached)
    bad = idle = 0
    known: dict[str, list[datetime]] = {}
    listed = JsonList() if as_json else None
    with Progress(f"checking {file}, entry") as progress:
        for at, entry in enumerate(written):
            progress.step(at, len(written))
            progress.end(f"{at} of {len(written)} entries were checked, {bad} of them cannot run")
            one = _checked(resque, entry, known)
            bad += bool(one.faults)
            idle += not one.runs
            if listed is not None:
                listed.add(_checked_as_json(one))
            else:
                _print_checked(one)
    if listed is not None:
        listed.close()
    if bad:
        raise Complaint(f"{file}: {bad} of {len(written)} entries cannot run")
    if written and idle == len(written):
        sections = [section_hint(one.name) for one in written if is_section(one.config)]
        raise Complaint("; ".join([f"{file}: no entry runs", *sections[:1]]))


def _print_checked(one: Checked) -> None:
    click.echo(plain(f"line {one.written.line}: {one.written.name}"))
    for kind, texts in (("fault", one.faults), ("note", one.notes)):
        for text in texts:
            click.echo(plain(f"  {kind}: {text}"))
    for run_at in one.runs:
        click.echo(f"  {_time(run_at)}")


@schedule.command()
@click.option(
    "--release", is_flag=True, help="Take the lock from its holder, for one that is dead."
)
@settings_options(*CONNECTION, "master_lock_prefix")
@destroying
@json_option
def lock(release: bool, yes: bool, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Show which scheduler holds the master lock; with --release, free the lock."""
    resque = application(given)
    found = resque.master_lock()
    released = False
    if release and found is not None and not dry_run:
        confirm(f"take the master lock from {plain(found.holder)}", yes=yes)
        released = resque.release_master_lock()
    if as_json:
        holder, ttl = (None, None) if found is None else (found.holder, found.ttl)
        key = resque.core.lock.key
        print_json({"key": key, "holder": holder, "ttl": ttl, "released": released})
        return
    if found is None:
        click.echo("no scheduler leads: nobody moves delayed jobs or runs recurring ones")
        return
    print_pairs(
        [
            ("key", resque.core.lock.key),
            ("holder", found.holder),
            (
                "ends in",
                "never: it has no time to live" if found.ttl is None else f"{found.ttl:.0f} s",
            ),
            ("last renewed", _age(resque, found.ttl)),
        ]
    )
    if release:
        click.echo("released" if released else f"would release the lock of {plain(found.holder)}")


def _age(resque: Resque, ttl: float | None) -> str | None:
    """How long ago the holder was heard of, if it keeps the lock as long as we would."""
    timeout = resque.settings.lock_timeout
    return None if ttl is None or ttl > timeout else f"{timeout - ttl:.0f} s ago"


def _with_file(given: dict[str, Any]) -> Resque:
    resque = application(given)
    if resque.settings.schedule:
        settings = resque.settings
        written = read_schedule(settings.schedule, settings.schedule_section)
        resque.core.recurring.memory.update({one.name: one.config for one in written})
    return resque


def _checked(resque: Resque, written: Written, known: dict[str, list[datetime]]) -> Checked:
    """One entry; ``known`` holds the runs of cron lines that were met before."""
    core, config = resque.core, written.config
    keys = unknown_keys(config) if isinstance(config, dict) else []
    notes = [*written.notes, *(f"{key!r} is a key that means nothing" for key in keys)]
    if is_section(config):
        notes = [*written.notes, section_hint(written.name)]
    try:
        entry = Entry.read(written.name, config, core.clock)
        core.codec.encode(config, path="")
    except ScheduleError as error:
        return Checked(written, error.faults, tuple(notes), [])
    except NotEncodable as error:
        return Checked(written, (str(error),), tuple(notes), [])
    if entry.timing is None and not is_section(config):
        notes.append("neither cron nor every: it never runs by itself")
    elif not entry.config.get("queue") and not core.registry.knows(entry.class_name):
        notes.append("no queue: only a scheduler that has the class knows where to put it")
    if not isinstance(entry.timing, Cron) or entry.limits != Limits():
        return Checked(written, (), tuple(notes), core.recurring.runs(entry, SHOWN_RUNS))
    if entry.original not in known:
        known[entry.original] = core.recurring.runs(entry, SHOWN_RUNS)
    return Checked(written, (), tuple(notes), known[entry.original])


def _checked_as_json(one: Checked) -> dict[str, object]:
    return {
        "name": one.written.name,
        "line": one.written.line,
        "faults": list(one.faults),
        "notes": list(one.notes),
        "next": [run_at.isoformat() for run_at in one.runs],
    }


def _as_json(one: NextRuns) -> dict[str, object]:
    return {
        "name": one.name,
        "config": one.config,
        **iso_and_written("last", one.last),
        "next": one.runs[0].isoformat() if one.runs else None,
        "faults": list(one.fault.faults) if one.fault else [],
    }


def _key(one: NextRuns, key: str) -> object:
    config: Mapping[str, Any] = one.config if isinstance(one.config, dict) else {}
    return config.get(key)


def _timing(one: NextRuns) -> str | None:
    for key in ("cron", "every"):
        value = _key(one, key)
        if value:
            return f"{key} {value[0] if isinstance(value, list) else value}"
    return None


def _time(at: datetime) -> str:
    return at.isoformat(sep=" ", timespec="seconds")
