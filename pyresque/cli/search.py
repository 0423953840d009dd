"""The command ``search``: where a text stands, in names and in every job that fails, waits or is delayed."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli import delayed, queue_jobs
from pyresque.cli.arguments import shown_time
from pyresque.cli.failed_selection import latest, record_json
from pyresque.cli.options import CONNECTION, RECORDS, count_option, json_option, settings_options
from pyresque.cli.output import print_json, print_table, short
from pyresque.cli.text import having, job_line
from pyresque.failed_filter import Filter
from pyresque.job_text import class_of, iso_of_seconds, job_json
from pyresque.process.start.load_app import load_application

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyresque.client import Resque


@click.command()
@click.argument("text")
@count_option(5, "How many of each place to show.")
@settings_options(*CONNECTION, *RECORDS)
@json_option
def search(text: str, count: int, as_json: bool, **given: Any) -> None:
    """Show where TEXT stands, in any case: names of queues, workers and recurring jobs; failed, queued and delayed jobs.

    Each place is looked through until COUNT are found, or to its end.
    """
    resque = load_application(given)
    names = dict(_names(resque, text, count))
    places = {name: list(islice(found, count)) for name, found in _places(resque, text, count)}
    if as_json:
        found = {name: [one for _, _, one in rows] for name, rows in places.items() if rows}
        print_json({"names": names, "places": found})
        return
    rows: list[tuple[object, ...]] = [
        (kind, name, None) for kind, found in names.items() for name in found
    ]
    rows += [(name, where, what) for name, found in places.items() for where, what, _ in found]
    print_table(("in", "where", "what"), rows, "nothing was found")


def _names(resque: Resque, text: str, count: int) -> Iterator[tuple[str, list[str]]]:
    part = text.casefold()
    for kind, known in (
        ("queues", resque.queues()),
        ("workers", resque.run(resque.core.worker_registry.ids())),
        ("schedule", resque.run(resque.core.recurring.names())),
    ):
        yield kind, [name for name in known if part in name.casefold()][:count]


def _places(
    resque: Resque, text: str, count: int
) -> Iterator[tuple[str, Iterator[tuple[str, str, object]]]]:
    """Yield each place with what is found in it: where, what, and the same for JSON."""
    yield (
        "failed",
        (
            (
                f"failed list {one.index}",
                short(f"{class_of(one.payload)} {one.exception}: {one.error}", 100),
                record_json(one),
            )
            for one in latest(resque, Filter(text=text), None, 0, count)
        ),
    )
    for queue, size in resque.queue_lengths().items():
        if size:
            takes = having(text, resque.core.codec, queue)
            yield (
                f"queue {queue}",
                (
                    (f"index {at}", job_line(job, 100), {"index": at, **job_json(job)})
                    for at, job in queue_jobs.each_with(resque, queue, takes)
                ),
            )
    yield (
        "delayed",
        (
            (
                shown_time(at),
                job_line(job, 100),
                {"timestamp": at, "time": iso_of_seconds(at), **job_json(job)},
            )
            for at, job in delayed.each_with(resque, text)
        ),
    )
