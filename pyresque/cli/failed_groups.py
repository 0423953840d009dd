"""The command ``failed groups``: failed jobs by class, exception and what their messages have in common."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.failed_selection import filtered, filtering
from pyresque.cli.options import CONNECTION, RECORDS, count_option, json_option, settings_options
from pyresque.cli.output import print_json, print_long_table, safe_text, short
from pyresque.cli.progress import Progress
from pyresque.failed_filter import pattern_of
from pyresque.job_text import class_of
from pyresque.process.start.load_app import load_application

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyresque.client import Resque
    from pyresque.failed_filter import Filter
    from pyresque.failure.record import FailedRecord

#: Groups that are kept in memory; the jobs of further ones are counted together.
MOST_KEPT = 5000


@dataclass(slots=True)
class Group:
    """Failed jobs that are alike; ``first`` and ``last`` are their times as Redis has them."""

    class_name: str
    exception: str
    message: str
    count: int
    first: str | None
    last: str | None


class Groups:
    """The groups of the records that were seen, the latest first."""

    def __init__(self) -> None:
        self.others = 0
        self._found: dict[tuple[str, str, str], Group] = {}

    def add(self, records: Iterable[FailedRecord]) -> None:
        """Count these records."""
        for record in records:
            key = (class_of(record.payload), record.exception or "", pattern_of(record.error or ""))
            group = self._found.get(key)
            if group is not None:
                group.count += 1
                group.first = record.failed_at
            elif len(self._found) < MOST_KEPT:
                self._found[key] = Group(*key, 1, record.failed_at, record.failed_at)
            else:
                self.others += 1

    def largest(self) -> list[Group]:
        """Return the groups, the largest first."""
        return sorted(self._found.values(), key=lambda one: -one.count)


@click.command()
@count_option(50, "How many groups to show.")
@filtering
@settings_options(*CONNECTION, *RECORDS)
@json_option
def groups(count: int, failure_queue: str | None, as_json: bool, **given: Any) -> None:
    """Group failed jobs by class, exception and message. Numbers and quoted words in a message do not count.

    The MESSAGE of a group is what --message of list, retry and remove takes.
    """
    chosen = filtered(given)
    found = _grouped(load_application(given), chosen, failure_queue)
    largest = found.largest()
    left = found.others + sum(one.count for one in largest[count:])
    if as_json:
        rows = [{"class": one.class_name, **asdict(one)} for one in largest[:count]]
        for row in rows:
            del row["class_name"]
        print_json({"groups": rows, "kinds": len(largest), "others": left})
        return
    print_long_table(
        ("jobs", "class", "exception", "message", "last"),
        (
            (one.count, one.class_name, one.exception, short(safe_text(one.message)), one.last)
            for one in largest[:count]
        ),
        "no failed jobs",
    )
    if left:
        click.echo(f"and {left} of other kinds; --count shows more")


def _grouped(resque: Resque, chosen: Filter, failure_queue: str | None) -> Groups:
    """Go through the whole list. Raises Interrupted."""
    found, seen = Groups(), 0
    total = resque.failures.count(failure_queue)
    reading = resque.core.failures.each(queue=failure_queue)
    with Progress("grouping failed jobs") as progress:
        while (page := resque.run(reading.more())) is not None:
            seen += len(page.records)
            found.add(filter(chosen.takes, page.records))
            progress.step(seen, total)
            progress.end("not all failed jobs were looked at")
    return found
