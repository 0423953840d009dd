"""Which failed jobs a command means, what it does to them page by page, and what it prints."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pyresque.cli.errors import Complaint
from pyresque.cli.options import class_option, reading, search_option
from pyresque.cli.output import MOST_LINES, FirstLines, JsonList, safe_text
from pyresque.cli.progress import Progress
from pyresque.failed_filter import Filter
from pyresque.failure.passes import Page
from pyresque.job_text import class_of, iso_and_written
from pyresque.printable import many
from pyresque.setting_readers import stretch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyresque.client import Resque
    from pyresque.failure.passes import Pass
    from pyresque.failure.record import FailedRecord

F = TypeVar("F", bound=Callable[..., Any])


def filtering(command: F) -> F:
    """Add the options of a Filter to a command."""
    for option in (
        click.option(
            "--retried/--not-retried", default=None, help="Those that were put back, or were not."
        ),
        click.option(
            "--exception", metavar="NAME", help="Those of an exception, such as KeyError."
        ),
        click.option(
            "--message",
            metavar="PATTERN",
            help="Those whose message is alike, as `failed groups` has it.",
        ),
        search_option,
        click.option(
            "--older",
            metavar="SECONDS|30d",
            callback=reading(stretch),
            help="Those that failed longer ago than this.",
        ),
        class_option,
        click.option("--queue", help="Those whose job came from this queue."),
        click.option(
            "--failure-queue",
            help="Of this failed list alone (redis_multi_queue), such as low_failed.",
        ),
    ):
        command = option(command)
    return command


def filtered(options: dict[str, Any]) -> Filter:
    """Remove the filter's options from a command's, and make the Filter."""
    older = options.pop("older")
    return Filter(
        before=None if older is None else time.time() - older,
        queue=options.pop("queue"),
        class_name=options.pop("class_name"),
        exception=options.pop("exception"),
        retried=options.pop("retried"),
        text=options.pop("text"),
        pattern=options.pop("message"),
    )


def latest(
    resque: Resque, chosen: Filter, failure_queue: str | None, start: int, count: int
) -> Iterator[FailedRecord]:
    """Yield ``count`` records that the filter takes, the latest first, from the ``start``-th on, as they are read."""
    total = resque.failures.count(failure_queue)
    if chosen.narrows:
        yield from islice(_matching(resque, chosen, failure_queue, total), start, start + count)
        return
    end = max(0, total - start)
    first = max(0, end - count)
    yield from resque.failures.each(first, end - first, failure_queue)


def _matching(
    resque: Resque, chosen: Filter, failure_queue: str | None, total: int
) -> Iterator[FailedRecord]:
    found, seen = resque.core.failures.each(queue=failure_queue), 0
    with Progress("searching failed jobs") as progress:
        while (page := resque.run(found.more())) is not None:
            seen += len(page.records)
            yield from filter(chosen.takes, page.records)
            progress.step(seen, total)
            progress.end("not all failed jobs were looked at")


def count_meant(resque: Resque, chosen: Filter, failure_queue: str | None) -> int:
    """Return how many records the filter takes now. Raises Interrupted."""
    total, seen, count = resque.failures.count(failure_queue), 0, 0
    found = resque.core.failures.each(queue=failure_queue)
    with Progress("counting failed jobs") as progress:
        while (page := resque.run(found.more())) is not None:
            seen += len(page.records)
            count += sum(map(chosen.takes, page.records))
            progress.step(seen, total)
            progress.end("nothing was done")
    return count


def run_pass(
    resque: Resque,
    chosen: Filter,
    failure_queue: str | None,
    bulk: Pass | None,
    report: Report,
    progress: Progress,
) -> None:
    """Run a pass page by page until it ends or a signal comes. Without a pass only report what the filter takes."""
    total = resque.failures.count(failure_queue)
    meant = bulk or resque.core.failures.each(queue=failure_queue, order="asc")
    seen = 0
    while not progress.signal and (page := resque.run(meant.more())) is not None:
        if bulk is None:
            seen += len(page.records)
            page = Page(list(filter(chosen.takes, page.records)), seen=seen)
        report.page(page)
        progress.step(page.seen, total, report.count)


class Report:
    """Prints which records a command changed: as lines, or as a list in JSON."""

    def __init__(self, verb: str, name: str, *, as_json: bool, dry_run: bool) -> None:
        self.count = 0
        self._verb = verb
        self._left: list[dict[str, str]] = []
        self._left_count = 0
        self._json = JsonList(name, {"dry_run": dry_run}) if as_json else None
        self._with_left = name == "retried"
        self._lines = FirstLines(verb, "failed job")

    def page(self, page: Page) -> None:
        """Print the records of one more page."""
        self.count += len(page.records)
        for record in page.records:
            if self._json is not None:
                self._json.add(record_json(record))
            else:
                text = f"{record.index}: {class_of(record.payload)} of {record.queue}"
                self._lines.add(safe_text(text))
        self._left_count += len(page.left)
        for record, why in page.left[: MOST_LINES - len(self._left)]:
            self._left.append({"record": f"{record.failure_queue} {record.index}", "why": why})

    def close(self, progress: Progress | None = None) -> None:
        """Print the sum. Raises Interrupted, or Complaint if some records were left."""
        left = {"left": self._left, "left_count": self._left_count} if self._with_left else {}
        if self._json is not None:
            self._json.close(left)
        else:
            self._lines.close("no failed job is meant")
        if progress is not None:
            progress.end(
                f"{self._verb} {many(self.count, 'failed job')}; the others are as they were, and the same command goes on"
            )
        if self._left_count:
            reasons = "; ".join(one["why"] for one in self._left[:5])
            more = f"; and {self._left_count - 5} more" if self._left_count > 5 else ""  # noqa: PLR2004 - the reasons that are printed
            raise Complaint(
                f"{many(self._left_count, 'record')} could not be put back: {reasons}{more}"
            )


def record_json(record: FailedRecord) -> dict[str, object]:
    """Return a record for JSON, its times as ISO 8601 and as Redis has them."""
    position = {"index": record.index, "failure_queue": record.failure_queue}
    if not record.readable:
        return {**position, "raw": record.raw.decode("utf-8", "backslashreplace")}
    return {
        **position,
        **record.fields,
        **iso_and_written("failed_at", record.failed_at),
        **iso_and_written("retried_at", record.retried_at),
    }
