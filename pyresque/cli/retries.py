"""The command ``retries``: list, run, cancel."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.arguments import shown_time
from pyresque.cli.errors import Complaint, Misuse
from pyresque.cli.groups import ListingGroup
from pyresque.cli.options import (
    CONNECTION,
    class_option,
    count_option,
    destroying,
    dry_run_option,
    json_option,
    settings_options,
    start_option,
)
from pyresque.cli.output import (
    FirstLines,
    JsonList,
    confirm,
    listed,
    print_list,
    print_long_table,
    safe_text,
    short,
)
from pyresque.cli.progress import Progress
from pyresque.cli.text import args_of, job_line
from pyresque.job_text import iso_of_seconds, job_json
from pyresque.printable import many
from pyresque.process.start.load_app import load_application

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyresque.client import Resque
    from pyresque.plugins.waiting_retries import RetryPass, WaitingRetry


@click.group(cls=ListingGroup, short_help="List, run and cancel retries that wait.")
def retries() -> None:
    """List, run and cancel the jobs that wait for their next attempt (without a verb: list)."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The retries that a command line means: of these ids, of a class, or all."""

    ids: tuple[str, ...]
    class_name: str | None

    def takes(self, one: WaitingRetry) -> bool:
        """Return whether a retry is meant."""
        named = self.class_name in (None, one.class_name, one.job.class_name)
        return named and (not self.ids or one.id in self.ids)

    def __str__(self) -> str:
        """Return the retries in words, for a question."""
        return f"of {self.class_name}" if self.class_name else ", ".join(self.ids)


def _one_choice(ids: tuple[str, ...], class_name: str | None, *, everything: bool) -> _Chosen:
    if [bool(ids), class_name is not None, everything].count(True) != 1:
        raise Misuse("say which retries: by ID, as `retries list` shows it, by --class, or --all")
    return _Chosen(ids, class_name)


def choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument and the options that say which retries are meant."""
    for decorate in (
        click.argument("ids", metavar="[ID]...", nargs=-1),
        click.option("--all", "everything", is_flag=True, help="Every job that waits."),
        class_option,
    ):
        command = decorate(command)
    return command


@retries.command("list")
@start_option("How many of the next to pass over.")
@count_option(20, "How many to show.")
@class_option
@settings_options(*CONNECTION)
@json_option
def list_retries(
    start: int, count: int, class_name: str | None, as_json: bool, **given: Any
) -> None:
    """List the jobs that wait for their next attempt, the next one first. ID is what run and cancel take."""
    resque = load_application(given)
    page = islice(_each(resque, _Chosen((), class_name)), start, start + count + 1)
    if as_json:
        print_list(_as_json(one) for one in islice(page, count))
        return
    headings = ("next try", "attempts", "class", "args", "last error", "id")
    print_long_table(headings, map(_row, islice(page, count)), "no retries")
    if next(page, None) is not None:
        click.echo(f"and more: --start {start + count}")


@retries.command()
@choosing
@settings_options(*CONNECTION)
@dry_run_option
@json_option
def run(
    ids: tuple[str, ...],
    class_name: str | None,
    everything: bool,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Enqueue jobs now that wait for their next attempt: by ID, of a class, or all. Their attempts count on."""
    chosen = _one_choice(ids, class_name, everything=everything)
    resque = load_application(given)
    bulk = resque.core.retries.trying(chosen.takes)
    did = "would run" if dry_run else "run"
    report = _Report(ids, did, "run", as_json=as_json, dry_run=dry_run)
    _run_pass(resque, chosen, None if dry_run else bulk, report)


@retries.command()
@choosing
@settings_options(*CONNECTION)
@destroying
@json_option
def cancel(
    ids: tuple[str, ...],
    class_name: str | None,
    everything: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Drop retries: the job that waits, and its counter. Its last failure stands in the failed list.

    A failure that was kept out of the failed list goes there; an ActiveJob is recorded with the error RetryCancelled.
    """
    chosen = _one_choice(ids, class_name, everything=everything)
    resque = load_application(given)
    if not (dry_run or yes):
        count = sum(1 for _ in _each(resque, chosen))
        if count:
            confirm(f"cancel {many(count, 'retry')}", yes=yes)
    bulk = resque.core.retries.cancelling(chosen.takes)
    did = "would cancel" if dry_run else "cancelled"
    report = _Report(ids, did, "cancelled", as_json=as_json, dry_run=dry_run)
    _run_pass(resque, chosen, None if dry_run else bulk, report)


def _each(resque: Resque, chosen: _Chosen) -> Iterator[WaitingRetry]:
    """Yield the retries that are meant, as they are read."""
    found = resque.core.retries.each()
    total = resque.count_all_scheduled_jobs()
    with Progress("searching retries") as progress:
        while (page := resque.run(found.more())) is not None:
            yield from filter(chosen.takes, page.records)
            progress.step(page.seen, total)
            progress.end("not all delayed jobs were looked at")


def _run_pass(resque: Resque, chosen: _Chosen, bulk: RetryPass | None, report: _Report) -> None:
    """Run a pass step by step until it ends or a signal comes. Without a pass only report what is meant. Raises Interrupted."""
    total = resque.count_all_scheduled_jobs()
    meant = bulk or resque.core.retries.each()
    with Progress("going through retries") as progress:
        while not progress.signal and (page := resque.run(meant.more())) is not None:
            found = page.records if bulk else list(filter(chosen.takes, page.records))
            report.step(found, page.done if bulk else len(found))
            progress.step(page.seen, total, report.done)
        report.close()
        if not progress.signal:
            report.complain()
        progress.end(f"{report.did} {many(report.done, 'retry')}; the others wait as before")


class _Report:
    """Prints which retries a command handled: as lines, or as a list in JSON."""

    def __init__(
        self, ids: tuple[str, ...], did: str, name: str, *, as_json: bool, dry_run: bool
    ) -> None:
        self.did = did
        self.done = 0
        self._json = JsonList(name, {"dry_run": dry_run}) if as_json else None
        self._lines = FirstLines(did, "retry")
        self._gone = 0
        self._ids = dict.fromkeys(ids)

    def step(self, found: list[WaitingRetry], done: int) -> None:
        """Print the retries of one more step, of which ``done`` still waited."""
        self.done += done
        self._gone += len(found) - done
        for one in found:
            self._ids.pop(one.id, None)
            if self._json is not None:
                self._json.add(_as_json(one))
            else:
                self._lines.add(f"{one.id}: {job_line(one.job, 60)}")

    def close(self) -> None:
        """Print the sum."""
        if self._json is not None:
            self._json.close({"count": self.done})
            return
        if not self._ids:
            self._lines.close("no retry is meant")
        if self._gone:
            click.echo(f"{many(self._gone, 'retry')} no longer waited")

    def complain(self) -> None:
        """Raise Complaint if an ID names no retry."""
        if self._ids:
            raise Complaint(
                f"there is no retry {listed(self._ids)}: `pyresque retries list` shows what there is"
            )


def _row(one: WaitingRetry) -> tuple[object, ...]:
    words = [one.exception, one.error and safe_text(one.error).strip()]
    return (
        shown_time(one.at),
        one.attempts,
        one.class_name,
        short(args_of(one.job), 40),
        short(": ".join(filter(None, words)), 50) or None,
        one.id,
    )


def _as_json(one: WaitingRetry) -> dict[str, object]:
    return {
        "id": one.id,
        "timestamp": one.at,
        "time": iso_of_seconds(one.at),
        "attempts": one.attempts,
        "class": one.class_name,
        "exception": one.exception,
        "error": one.error,
        **job_json(one.job),
    }
