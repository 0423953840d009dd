"""The commands of ``pyresque schedule``: list, next, set, remove, run. ``validate`` and ``lock`` have files of their own."""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.arguments import one_arg, shown_run
from pyresque.cli.errors import Complaint, Misuse
from pyresque.cli.groups import ListingGroup
from pyresque.cli.master_lock import lock
from pyresque.cli.options import (
    CONNECTION,
    count_option,
    destroying,
    dry_run_option,
    json_option,
    settings_options,
)
from pyresque.cli.output import (
    compact,
    confirm,
    print_json,
    print_list,
    print_long_table,
    print_table,
    safe_text,
    short,
)
from pyresque.cli.progress import Progress
from pyresque.cli.schedule_check import SHOWN_RUNS, read_file, validate
from pyresque.job_text import iso_and_written
from pyresque.process.start.load_app import load_application
from pyresque.schedule.entries import Entry
from pyresque.store.schedules import LISTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyresque.client import Resque
    from pyresque.schedule.recurring import NextRuns

#: Settings that name a file of recurring jobs, and say what their times mean.
SCHEDULE = ("schedule", "schedule_section", "time_zone", "codec", "dialect")

#: Options of ``set`` that are keys of a configuration.
KEYS = ("cron", "every", "class", "queue", "description", "env", "custom_job_class")


@click.group(cls=ListingGroup)
def schedule() -> None:
    """List, set, remove, run and check recurring jobs (without a verb: list)."""


for _command in (validate, lock):
    schedule.add_command(_command)


@schedule.command("list")
@settings_options(*CONNECTION, *SCHEDULE)
@json_option
def list_schedule(as_json: bool, **given: Any) -> None:
    """List recurring jobs: those kept in Redis, and with --schedule those of a file."""
    resque = _with_file(given)
    found = _each_next(resque, 1)
    if as_json:
        print_list(map(_as_json, found))
        return
    rows = (
        (
            one.name,
            _timing(one),
            _key(one, "class"),
            _key(one, "queue"),
            one.last,
            one.fault.faults[0] if one.fault else shown_run(one.runs[0]) if one.runs else None,
        )
        for one in found
    )
    shown = ([short(safe_text(cell)) for cell in row] for row in rows)
    print_long_table(("name", "runs", "class", "queue", "last", "next"), shown, "no recurring jobs")


@schedule.command("next")
@click.argument("name", required=False)
@count_option(SHOWN_RUNS, "How many runs.")
@settings_options(*CONNECTION, *SCHEDULE)
@json_option
def next_runs(name: str | None, count: int, as_json: bool, **given: Any) -> None:
    """Show the next runs of every recurring job in the order of their times, or of NAME."""
    resque = _with_file(given)
    if name is None:
        with Progress("looking for next runs, entry") as progress:
            found = _each_next(resque, count, progress)
            runs = nsmallest(count, ((run, one.name) for one in found for run in one.runs))
            progress.end("not all entries were looked at")
    else:
        named = resque.run(resque.core.recurring.next_runs_of([name], count))
        if not named:
            raise Complaint(f"no such recurring job: {name}")
        runs = [(run, name) for run in named[0].runs]
    if as_json:
        print_json([{"name": one, "at": run.isoformat()} for run, one in runs])
        return
    print_table(("at", "name"), [(shown_run(run), one) for run, one in runs], "nothing runs")


@schedule.command("set")
@click.argument("name")
@click.argument("config", metavar="[JSON]", required=False)
@click.option("--cron", help="A cron line: '0 9 * * mon-fri Europe/Berlin'.")
@click.option("--every", help="A duration: 30s, 1h30m.")
@click.option("--class", "class", help="The job's class; default: NAME.")
@click.option("-q", "--queue", help="The queue.")
@click.option(
    "--args", "job_args", help="The arguments as JSON; a list holds several, a hash is one."
)
@click.option("--description", help="What people read in the dashboard.")
@click.option("--env", "env", help="Environments in which it runs, with commas.")
@click.option("--custom-job-class", "custom_job_class", help="The class that is asked to queue it.")
@settings_options(*CONNECTION, "codec", "dialect")
@dry_run_option
@json_option
def set_schedule(
    name: str,
    config: str | None,
    job_args: str | None,
    dry_run: bool,
    as_json: bool,
    **given: Any,
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
    resque = load_application(given)
    entry = Entry.read(name, made, resque.core.clock)
    if entry.timing is None:
        raise Misuse("say when it runs: --cron or --every")
    if not dry_run:
        resque.set_schedule(name, made, persist=True)
    if as_json:
        print_json({"name": name, "config": made, **({"dry_run": True} if dry_run else {})})
    else:
        click.echo(safe_text(f"would set {name}: {compact(made)}" if dry_run else f"set {name}"))


@schedule.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@settings_options(*CONNECTION, "codec")
@destroying
@json_option
def remove(names: tuple[str, ...], yes: bool, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Remove recurring jobs from Redis; dynamic schedulers follow."""
    resque = load_application(given)
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
        click.echo(safe_text(f"{'would remove' if dry_run else 'removed'} {', '.join(names)}"))


@schedule.command()
@click.argument("name")
@click.option(
    "--args", "job_args", help="Other arguments, as JSON; a list holds several, a hash is one."
)
@settings_options(*CONNECTION, *SCHEDULE)
@dry_run_option
@json_option
def run(name: str, job_args: str | None, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Enqueue a recurring job once, now, with its own arguments or others; its times stay as they are."""
    resque = _with_file(given)
    config = resque.fetch_schedule(name)
    if config is None:
        raise Complaint(f"no such recurring job: {name}")
    if job_args is not None:
        config = {**(config if isinstance(config, dict) else {}), "args": one_arg(1, job_args)}
    if not dry_run and resque.enqueue_from_config(config) is None:
        raise Complaint(f"{name} was not enqueued: a before_schedule hook said no")
    if as_json:
        print_json({"enqueued": name, **({"dry_run": True, "config": config} if dry_run else {})})
    elif dry_run:
        click.echo(safe_text(f"would enqueue {name}: {compact(config)}"))
    else:
        click.echo(safe_text(f"enqueued {name}"))


def _with_file(given: dict[str, Any]) -> Resque:
    resque = load_application(given)
    if resque.settings.schedule:
        settings = resque.settings
        written = read_file(settings.schedule, settings.schedule_section, "nothing was done")
        resque.core.recurring.memory.update({one.name: one.config for one in written})
    return resque


def _each_next(resque: Resque, count: int, progress: Progress | None = None) -> Iterator[NextRuns]:
    """Yield every entry with its next runs, read some hundreds at a time, until ``progress`` has a signal."""
    recurring = resque.core.recurring
    names = resque.run(recurring.names())
    for start in range(0, len(names), LISTED):
        if progress is not None and progress.signal:
            return
        yield from resque.run(recurring.next_runs_of(names[start : start + LISTED], count))
        if progress is not None:
            progress.step(start, len(names))


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
