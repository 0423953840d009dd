"""The commands of ``pyresque failed``: list, show, retry, remove, clear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pyresque.activejob.shown import active_call
from pyresque.cli.complaint import Complaint, Misuse, Nouns
from pyresque.cli.options import CONNECTION, RECORDS, destroying, json_option, settings_options
from pyresque.cli.output import (
    compact,
    confirm,
    many,
    plain,
    print_json,
    print_pairs,
    print_table,
    short,
)
from pyresque.cli.shown import class_of
from pyresque.errors import NoSuchFailure
from pyresque.process.app import application

if TYPE_CHECKING:
    from pyresque.client import Resque
    from pyresque.failure.record import FailedRecord

F = TypeVar("F", bound=Callable[..., Any])


@click.group(cls=Nouns, short_help="List, show, retry, remove and clear failed jobs.")
def failed() -> None:
    """List, show, retry, remove and clear failed jobs (without a verb: list)."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are meant: by the queue their job came from, its class, its exception, and whether it was retried."""

    queue: str | None
    class_name: str | None
    exception: str | None
    retried: bool | None

    def takes(self, record: FailedRecord) -> bool:
        """Whether a record is meant."""
        return (
            self.queue in (None, record.queue)
            and self.class_name in (None, record.class_name, class_of(record.payload))
            and self.exception in (None, record.exception)
            and self.retried in (None, record.retried_at is not None)
        )

    @property
    def narrows(self) -> bool:
        """Whether anything was asked for."""
        return (self.queue, self.class_name, self.exception, self.retried) != (
            None,
            None,
            None,
            None,
        )


def filtering(command: F) -> F:
    """Options that make a Filter; the command gets it as ``chosen``."""
    for option in (
        click.option(
            "--retried/--not-retried", default=None, help="Those that were put back, or were not."
        ),
        click.option(
            "--exception", metavar="NAME", help="Those of an exception, such as KeyError."
        ),
        click.option("--class", "class_name", metavar="CLASS", help="Those of a job class."),
        click.option("--queue", help="Those whose job came from this queue."),
        click.option(
            "--failure-queue",
            help="Of this failed list alone (redis_multi_queue), such as low_failed.",
        ),
    ):
        command = option(command)
    return command


def filtered(options: dict[str, Any]) -> Filter:
    """Take the filter's options out of a command's."""
    return Filter(*(options.pop(name) for name in ("queue", "class_name", "exception", "retried")))


@failed.command("list")
@click.option(
    "--start",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="How many of the latest to pass over.",
)
@click.option(
    "--count", default=20, show_default=True, type=click.IntRange(1), help="How many to show."
)
@filtering
@settings_options(*CONNECTION, *RECORDS)
@json_option
def list_failed(
    start: int, count: int, failure_queue: str | None, as_json: bool, **given: Any
) -> None:
    """List failed jobs, the latest first. INDEX is what show, retry and remove take."""
    chosen = filtered(given)
    found = [
        record for record in _everything(application(given), failure_queue) if chosen.takes(record)
    ]
    page = found[::-1][start : start + count]
    if as_json:
        print_json([_as_json(record) for record in page])
        return
    several = len({record.failure_queue for record in found}) > 1
    rows = [(*([record.failure_queue] if several else []), *_row(record)) for record in page]
    headings = ("index", "failed at", "queue", "class", "exception", "error", "retried at")
    print_table((*(["list"] if several else []), *headings), rows, "no failed jobs")
    if len(page) < len(found):
        click.echo(f"{len(page)} of {len(found)}; --start and --count show others")


@failed.command()
@click.argument("index", type=int)
@click.option("--failure-queue", help="The failed list, with redis_multi_queue.")
@settings_options(*CONNECTION, *RECORDS)
@json_option
def show(index: int, failure_queue: str | None, as_json: bool, **given: Any) -> None:
    """Show one failed job with its arguments and backtrace."""
    (record,) = _at(application(given), (index,), failure_queue)
    if as_json:
        print_json(_as_json(record))
        return
    if not record.readable:
        print_pairs(
            [("index", record.index), ("raw", record.raw.decode("utf-8", "backslashreplace"))]
        )
        return
    payload = record.payload
    call = active_call(payload) if payload else None
    print_pairs(
        [
            ("index", record.index),
            ("class", class_of(record.payload)),
            *([("call", call)] if call is not None else []),
            ("args", compact(payload.args) if payload else None),
            *([("payload", compact(payload.extra))] if payload and payload.extra else []),
            ("queue", record.queue),
            ("worker", record.worker),
            ("failed at", record.failed_at),
            ("retried at", record.retried_at),
            ("exception", record.exception),
            ("error", record.error),
        ]
    )
    for line in record.backtrace:
        click.echo(f"    {plain(line)}")


@failed.command()
@click.argument("indexes", metavar="[INDEX]...", nargs=-1, type=int)
@click.option("--all", "everything", is_flag=True, help="Every failed job.")
@filtering
@settings_options(*CONNECTION, *RECORDS)
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@json_option
def retry(
    indexes: tuple[int, ...],
    everything: bool,
    failure_queue: str | None,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Put failed jobs back into their queues, as they were. Their records stay, marked with the time.

    Name them by INDEX, by --queue, --class, --exception, --not-retried, or take --all.
    """
    chosen = filtered(given)
    resque = application(given)
    records = _meant(resque, indexes, chosen, failure_queue, everything=everything)
    done, left = (records, {}) if dry_run else _retried(resque, records)
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "retried": [_as_json(record) for record in done],
                "left": [{"record": place, "why": why} for place, why in left.items()],
            }
        )
    else:
        _tell("would retry" if dry_run else "retried", done)
    if left:
        raise Complaint(
            f"{many(len(left), 'record')} could not be put back: {'; '.join(left.values())}"
        )


@failed.command()
@click.argument("indexes", metavar="[INDEX]...", nargs=-1, type=int)
@filtering
@settings_options(*CONNECTION, *RECORDS)
@destroying
@json_option
def remove(
    indexes: tuple[int, ...],
    failure_queue: str | None,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Delete failed jobs, by INDEX or by --queue, --class, --exception, --retried."""
    chosen = filtered(given)
    resque = application(given)
    records = _meant(resque, indexes, chosen, failure_queue, everything=False)
    if records and not dry_run:
        confirm(f"remove {many(len(records), 'failed job')}", yes=yes)
        records = [
            record for record in records if resque.failures.remove(record, record.failure_queue)
        ]
    if as_json:
        print_json({"dry_run": dry_run, "removed": [_as_json(record) for record in records]})
    else:
        _tell("would remove" if dry_run else "removed", records)


@failed.command()
@click.option("--failure-queue", help="Only this failed list, with redis_multi_queue.")
@settings_options(*CONNECTION, *RECORDS)
@destroying
@json_option
def clear(failure_queue: str | None, yes: bool, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Delete every failed job."""
    resque = application(given)
    count = resque.failures.count(failure_queue)
    if count and not dry_run:
        confirm(f"delete {many(count, 'failed job')}", yes=yes)
        resque.failures.clear(failure_queue)
    if as_json:
        print_json({"dry_run": dry_run, "cleared": count})
    else:
        click.echo(f"{'would delete' if dry_run else 'deleted'} {many(count, 'failed job')}")


def _everything(resque: Resque, failure_queue: str | None) -> list[FailedRecord]:
    return resque.failures.each(queue=failure_queue, order="asc")


def _at(resque: Resque, indexes: tuple[int, ...], failure_queue: str | None) -> list[FailedRecord]:
    """The records at these places now. What is done to them later is done to these very records, wherever they have moved."""
    found = []
    for index in dict.fromkeys(indexes):
        page = resque.failures.all(index, 1, failure_queue)
        if not page:
            raise NoSuchFailure(
                f"there is no failed job {index}: `pyresque failed list` shows what there is"
            )
        found += page
    return found


def _meant(
    resque: Resque,
    indexes: tuple[int, ...],
    chosen: Filter,
    failure_queue: str | None,
    *,
    everything: bool,
) -> list[FailedRecord]:
    if [bool(indexes), chosen.narrows, everything].count(True) != 1:
        raise Misuse(
            "say which failed jobs: by INDEX, or by a filter such as --queue, --class or --exception; "
            "all of them by `retry --all` or `clear`"
        )
    if indexes:
        return _at(resque, indexes, failure_queue)
    return [record for record in _everything(resque, failure_queue) if chosen.takes(record)]


def _retried(
    resque: Resque, records: list[FailedRecord]
) -> tuple[list[FailedRecord], dict[str, str]]:
    """Put each back; those that were, and why others could not be, by their list and place."""
    done: list[FailedRecord] = []
    left: dict[str, str] = {}
    for record in records:
        try:
            resque.failures.requeue(record, record.failure_queue)
        except NoSuchFailure as error:
            left[f"{record.failure_queue} {record.index}"] = str(error)
        else:
            done.append(record)
    return done, left


def _row(record: FailedRecord) -> tuple[object, ...]:
    error = short(plain(record.error or "").strip(), 50)
    return (
        record.index,
        record.failed_at,
        record.queue,
        class_of(record.payload),
        record.exception,
        error,
        record.retried_at,
    )


def _tell(verb: str, records: list[FailedRecord]) -> None:
    for record in records:
        click.echo(plain(f"{verb} {record.index}: {class_of(record.payload)} of {record.queue}"))
    if not records:
        click.echo("no failed job is meant")


def _as_json(record: FailedRecord) -> dict[str, object]:
    if record.readable:
        return {"index": record.index, "failure_queue": record.failure_queue, **record.fields}
    raw = record.raw.decode("utf-8", "backslashreplace")
    return {"index": record.index, "failure_queue": record.failure_queue, "raw": raw}
