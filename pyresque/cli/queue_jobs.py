"""The commands ``queues search`` and ``queues drop``: jobs of a queue by a text, a class or their index."""

from __future__ import annotations

import itertools
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import Complaint, Misuse
from pyresque.cli.options import (
    CONNECTION,
    class_option,
    count_option,
    destroying,
    full_option,
    json_option,
    search_option,
    settings_options,
)
from pyresque.cli.output import FirstLines, JsonList, confirm, print_list, print_long_table
from pyresque.cli.progress import Progress
from pyresque.cli.text import args_of, having, job_line
from pyresque.job.job import read_job
from pyresque.job_text import class_of, job_json
from pyresque.printable import many
from pyresque.process.start.load_app import load_application
from pyresque.store.queues import to_bytes
from pyresque.store.slices import Removal, Slices, remove_seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyresque.client import Resque
    from pyresque.job.job import Job
    from pyresque.ops import Command


@click.command()
@click.argument("queue")
@click.argument("text")
@count_option(20, "How many jobs to show.")
@full_option
@settings_options(*CONNECTION, "codec")
@json_option
def search(queue: str, text: str, count: int, full: bool, as_json: bool, **given: Any) -> None:
    """Show the jobs of a queue that have TEXT in class or arguments. INDEX is what drop takes."""
    resque = load_application(given)
    found = islice(each_with(resque, queue, having(text, resque.core.codec, queue)), count + 1)
    if as_json:
        print_list({"index": at, **job_json(job)} for at, job in islice(found, count))
        return
    rows = (
        (at, class_of(job.payload), args_of(job, full=full)) for at, job in islice(found, count)
    )
    print_long_table(("index", "class", "args"), rows, "no such job")
    if next(found, None) is not None:
        click.echo("and more; --count shows them")


def each_with(
    resque: Resque, queue: str, takes: Callable[[bytes], bool]
) -> Iterator[tuple[int, Job]]:
    """Yield index and job of each payload that is taken, as slices are read. Raises Interrupted."""
    slices, at = Slices(to_bytes(resque.core.keys.queue(queue))), 0
    total = resque.run(_asked(slices.counting()))
    with Progress(f"searching {queue}") as progress:
        while raws := resque.run(_asked(slices.reading(at, slices.size))):
            for index, raw in enumerate(raws, at):
                if takes(raw):
                    yield index, read_job(resque.core.codec, queue, raw)
            at += len(raws)
            progress.step(at, total)
            progress.end("not all jobs were looked at")


async def _asked(command: Command[Any]) -> Any:
    return await command


@click.command()
@click.argument("queue")
@click.argument("indexes", metavar="[INDEX]...", nargs=-1, type=click.IntRange(0))
@search_option
@class_option
@settings_options(*CONNECTION, "codec")
@destroying
@json_option
def drop(
    queue: str,
    indexes: tuple[int, ...],
    text: str | None,
    class_name: str | None,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Remove jobs from a queue: by INDEX, as peek and search show it, or those of a class, with a text, or both.

    A job that was named by INDEX is known by its bytes: another one that stands there by then is not removed.
    """
    if bool(indexes) == (text is not None or class_name is not None):
        raise Misuse("say which jobs: by INDEX, or by --search and --class")
    resque = load_application(given)
    report = _Report(resque, queue, as_json=as_json, dry_run=dry_run)
    if indexes:
        jobs = jobs_at(resque, queue, indexes)
        if not dry_run:
            confirm(f"remove {many(len(jobs), 'job')} from {queue}", yes=yes)
        report.start()
        for at, raw in jobs:
            if dry_run or _removed(resque, queue, at, raw):
                report.add(at, raw)
        report.close()
        return
    takes = choosing(resque, queue, text, class_name)
    if dry_run:
        report.start()
        for at, job in each_with(resque, queue, takes):
            report.add(at, job.raw)
        report.close()
        return
    found = 0 if yes else sum(1 for _ in each_with(resque, queue, takes))
    if found:
        confirm(f"remove {many(found, 'job')} from {queue}", yes=yes)
    _remove(resque, queue, takes, report)


def jobs_at(resque: Resque, queue: str, indexes: tuple[int, ...]) -> list[tuple[int, bytes]]:
    """Return these jobs, the last one first. Raises Complaint if an index has no job."""
    key, found = resque.core.keys.queue(queue), []
    for at in sorted(set(indexes), reverse=True):
        raw = resque.run(resque.core.table.element(key, at))
        if raw is None:
            raise Complaint(f"there is no job {at} in {queue}: nothing was done")
        found.append((at, raw))
    return found


def _removed(resque: Resque, queue: str, at: int, raw: bytes) -> bool:
    """Remove a job by its bytes, at its index or, if the queue has moved, wherever it is now; return whether it was there."""
    key = to_bytes(resque.core.keys.queue(queue))
    places = itertools.chain((at,), (one for one, _ in each_with(resque, queue, raw.__eq__)))
    for place in places:
        if not resque.run(remove_seen(key, place, 1, [(0, raw)])):
            resque.run(resque.core.jobs.leaving(queue, raw))
            return True
    return False


def choosing(
    resque: Resque, queue: str, text: str | None, class_name: str | None
) -> Callable[[bytes], bool]:
    """Return a test of payloads: those that have a text and are of a class, where these are given."""
    has = having(text, resque.core.codec, queue) if text is not None else None

    def takes(raw: bytes) -> bool:
        if has is not None and not has(raw):
            return False
        if class_name is None:
            return True
        payload = read_job(resque.core.codec, queue, raw).payload
        return class_name in (payload.class_name, class_of(payload))

    return takes


def _remove(resque: Resque, queue: str, takes: Callable[[bytes], bool], report: _Report) -> None:
    """Remove the jobs slice by slice. Raises Interrupted."""
    removal = Removal(to_bytes(resque.core.keys.queue(queue)), lambda _, raw: takes(raw))
    total = resque.size(queue)
    report.start()
    with Progress(f"removing jobs from {queue}") as progress:
        while not progress.signal and (some := resque.run(removal.step())) is not None:
            for at, raw in some:
                resque.run(resque.core.jobs.leaving(queue, raw))
                report.add(at, raw)
            progress.step(removal.seen, total, report.count)
        report.close()
        progress.end(f"removed {many(report.count, 'job')}; the others are as they were")


class _Report:
    """Prints which jobs were removed: as lines, or as a list in JSON."""

    def __init__(self, resque: Resque, queue: str, *, as_json: bool, dry_run: bool) -> None:
        self.count = 0
        self._codec, self._queue = resque.core.codec, queue
        self._lines = FirstLines("would remove" if dry_run else "removed", "job")
        self._before = {"dry_run": dry_run, "queue": queue} if as_json else None
        self._json: JsonList | None = None

    def start(self) -> None:
        """Begin to print, once nothing can be refused any more."""
        if self._before is not None:
            self._json = JsonList("removed", self._before)

    def add(self, at: int, raw: bytes) -> None:
        """Count and print one more."""
        self.count += 1
        job = read_job(self._codec, self._queue, raw)
        if self._json is not None:
            self._json.add({"index": at, **job_json(job)})
        else:
            self._lines.add(f"{at}: {job_line(job, 60)}")

    def close(self) -> None:
        """Print the sum."""
        if self._json is not None:
            self._json.close()
        else:
            self._lines.close("no such job")
