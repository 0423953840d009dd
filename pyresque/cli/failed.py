"""The command ``failed``: list, show, retry, remove, trim, clear; ``failed_groups`` adds groups."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from pyresque.activejob.describe import active_call
from pyresque.cli.errors import Misuse
from pyresque.cli.failed_groups import groups
from pyresque.cli.failed_selection import (
    Report,
    count_meant,
    filtered,
    filtering,
    latest,
    record_json,
    run_pass,
)
from pyresque.cli.failed_undo import undo
from pyresque.cli.groups import ListingGroup
from pyresque.cli.options import (
    CONNECTION,
    RECORDS,
    RETENTION,
    count_option,
    destroying,
    dry_run_option,
    json_option,
    settings_options,
    start_option,
)
from pyresque.cli.output import (
    compact,
    confirm,
    print_json,
    print_list,
    print_long_table,
    print_pairs,
    safe_text,
    short,
)
from pyresque.cli.progress import Progress
from pyresque.errors import NoSuchFailure
from pyresque.failure.passes import Page
from pyresque.failure.redis import requeue_once
from pyresque.job_text import class_of
from pyresque.printable import many
from pyresque.process.start.load_app import load_application

if TYPE_CHECKING:
    from pyresque.client import Resque
    from pyresque.failed_filter import Filter
    from pyresque.failure.record import FailedRecord


@click.group(
    cls=ListingGroup, short_help="List, show, group, retry, remove, trim and clear failed jobs."
)
def failed() -> None:
    """List, show, group, retry, remove, trim and clear failed jobs (without a verb: list)."""


for _command in (groups, undo):
    failed.add_command(_command)


@failed.command("list")
@start_option("How many of the latest to pass over.")
@count_option(20, "How many to show.")
@filtering
@settings_options(*CONNECTION, *RECORDS)
@json_option
def list_failed(
    start: int, count: int, failure_queue: str | None, as_json: bool, **given: Any
) -> None:
    """List failed jobs, the latest first. INDEX is what show, retry and remove take."""
    chosen = filtered(given)
    resque = load_application(given)
    page = latest(resque, chosen, failure_queue, start, count + chosen.narrows)
    if as_json:
        print_list(record_json(record) for record in islice(page, count))
        return
    several = failure_queue is None and len(resque.failures.queues()) > 1
    rows = (
        (*([record.failure_queue] if several else []), *_row(record))
        for record in islice(page, count)
    )
    headings = ("index", "failed at", "queue", "class", "exception", "error", "retried at")
    printed = print_long_table((*(["list"] if several else []), *headings), rows, "no failed jobs")
    if chosen.narrows:
        if next(page, None) is not None:
            click.echo(f"and more: --start {start + count}")
        return
    total = resque.failures.count(failure_queue)
    if printed < total:
        click.echo(f"{printed} of {total}; --start and --count show others")


@failed.command()
@click.argument("index", type=int)
@click.option("--failure-queue", help="The failed list, with redis_multi_queue.")
@settings_options(*CONNECTION, *RECORDS)
@json_option
def show(index: int, failure_queue: str | None, as_json: bool, **given: Any) -> None:
    """Show one failed job with its arguments and backtrace."""
    (record,) = _records_at(load_application(given), (index,), failure_queue)
    if as_json:
        print_json(record_json(record))
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
            *([("failure id", record.failure_id)] if record.failure_id is not None else []),
            ("exception", record.exception),
            ("error", record.error),
        ]
    )
    for line in record.backtrace:
        click.echo(f"    {safe_text(line)}")


@failed.command()
@click.argument("indexes", metavar="[INDEX]...", nargs=-1, type=int)
@click.option("--all", "everything", is_flag=True, help="Every failed job.")
@click.option("--again", is_flag=True, help="Also those that were put back before.")
@filtering
@settings_options(*CONNECTION, *RECORDS)
@dry_run_option
@json_option
def retry(
    indexes: tuple[int, ...],
    everything: bool,
    again: bool,
    failure_queue: str | None,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Put failed jobs back into their queues, as they were. Their records stay, marked with the time.

    Name them by INDEX, by filters such as --class or --search, or take --all. But for those named by INDEX, jobs that were put back
    before are left out, unless --again or --retried asks for them.
    """
    chosen = filtered(given)
    resque = load_application(given)
    _require_one_choice(indexes, chosen, everything=everything)
    if not (indexes or again) and chosen.retried is None:
        chosen = replace(chosen, retried=False)
    report = Report(
        "would retry" if dry_run else "retried", "retried", as_json=as_json, dry_run=dry_run
    )
    if indexes:
        records = _records_at(resque, indexes, failure_queue)
        report.page(Page(records) if dry_run else _retried(resque, records))
        report.close()
        return
    with Progress("retrying failed jobs") as progress:
        bulk = resque.core.failures.requeueing(chosen.takes, failure_queue)
        run_pass(resque, chosen, failure_queue, None if dry_run else bulk, report, progress)
        report.close(progress)


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
    """Delete failed jobs, by INDEX or by filters such as --class, --search or --retried."""
    chosen = filtered(given)
    resque = load_application(given)
    _require_one_choice(indexes, chosen, everything=False)
    records = _records_at(resque, indexes, failure_queue)
    if not (dry_run or yes):
        count = len(records) or count_meant(resque, chosen, failure_queue)
        if count:
            confirm(f"remove {many(count, 'failed job')}", yes=yes)
    report = Report(
        "would remove" if dry_run else "removed", "removed", as_json=as_json, dry_run=dry_run
    )
    if indexes:
        if not dry_run:
            records = [one for one in records if resque.failures.remove(one, one.failure_queue)]
        report.page(Page(records))
        report.close()
        return
    with Progress("removing failed jobs") as progress:
        bulk = resque.core.failures.removing(chosen.takes, failure_queue)
        run_pass(resque, chosen, failure_queue, None if dry_run else bulk, report, progress)
        report.close(progress)


@failed.command()
@settings_options(*CONNECTION, *RECORDS, *RETENTION)
@destroying
@json_option
def trim(yes: bool, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Delete the oldest failed jobs: all but the newest N of each failed list, and those that failed too long ago.

    Workers do so by themselves, about once a minute, if the same is set for them.
    """
    resque = load_application(given)
    count, age = resque.settings.failed_max_count, resque.settings.failed_max_age
    if count is None and age is None:
        raise Misuse("say what is kept: --failed-max-count N, or --failed-max-age such as 30d")
    limits = resque.core.retention.limits()
    if not dry_run:
        confirm(f"trim failed jobs: {limits}", yes=yes)
    with Progress("trimming failed jobs, step") as progress:
        trim = partial(resque.core.retention.trim, dry_run=dry_run)
        removed = resque.run(progress.watch(trim, "the oldest are gone, the others as they were"))
    if as_json:
        print_json({"dry_run": dry_run, "trimmed": removed})
    else:
        click.echo(
            f"{'would delete' if dry_run else 'deleted'} {many(removed, 'failed job')}: {limits}"
        )


@failed.command()
@click.option("--failure-queue", help="Only this failed list, with redis_multi_queue.")
@settings_options(*CONNECTION, *RECORDS)
@destroying
@json_option
def clear(failure_queue: str | None, yes: bool, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Delete every failed job."""
    resque = load_application(given)
    count = resque.failures.count(failure_queue)
    if count and not dry_run:
        confirm(f"delete {many(count, 'failed job')}", yes=yes)
        resque.failures.clear(failure_queue)
    if as_json:
        print_json({"dry_run": dry_run, "cleared": count})
    else:
        click.echo(f"{'would delete' if dry_run else 'deleted'} {many(count, 'failed job')}")


def _records_at(
    resque: Resque, indexes: tuple[int, ...], failure_queue: str | None
) -> list[FailedRecord]:
    """Return the records at these indexes. A later step changes these records, even if they have moved. Raises NoSuchFailure."""
    found = []
    for index in dict.fromkeys(indexes):
        page = resque.failures.all(index, 1, failure_queue)
        if not page:
            raise NoSuchFailure(
                f"there is no failed job {index}: `pyresque failed list` shows what there is"
            )
        found += page
    return found


def _require_one_choice(indexes: tuple[int, ...], chosen: Filter, *, everything: bool) -> None:
    if [bool(indexes), chosen.narrows, everything].count(True) != 1:
        raise Misuse(
            "say which failed jobs: by INDEX, or by a filter such as --queue, --class or --exception; "
            "all of them by `retry --all` or `clear`"
        )


def _retried(resque: Resque, records: list[FailedRecord]) -> Page:
    """Requeue each record; ``left`` of the page has those that could not be requeued, with the reason."""
    page = Page([])
    for record in records:
        try:
            resque.run(requeue_once(resque.core.failures, record))
        except NoSuchFailure as error:
            page.left.append((record, str(error)))
        else:
            page.records.append(record)
    return page


def _row(record: FailedRecord) -> tuple[object, ...]:
    error = short(safe_text(record.error or "").strip(), 50)
    return (
        record.index,
        record.failed_at,
        record.queue,
        class_of(record.payload),
        record.exception,
        error,
        record.retried_at,
    )
