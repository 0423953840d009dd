"""The command ``queues move``: jobs of a queue go to its head, or to another queue."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.errors import Complaint, Misuse, Option, not_empty
from pyresque.cli.options import (
    CONNECTION,
    class_option,
    destroying,
    json_option,
    search_option,
    settings_options,
)
from pyresque.cli.output import confirm, print_json, safe_text
from pyresque.cli.progress import Progress
from pyresque.cli.queue_jobs import choosing, each_with, jobs_at
from pyresque.job.queue_moves import QueueMove, checked_name
from pyresque.printable import many
from pyresque.process.start.load_app import load_application
from pyresque.schedule.search import every
from pyresque.store.queue_moves import EQUAL_QUEUED, GONE, HEAD, TAIL, Chosen, move_seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.client import Resque


@click.command()
@click.argument("queue")
@click.argument("indexes", metavar="[INDEX]...", nargs=-1, type=click.IntRange(0))
@click.option("--to", cls=Option, callback=not_empty, metavar="QUEUE", help="To this queue.")
@click.option("--first", is_flag=True, help="To the head of its own queue: one INDEX.")
@click.option("--all", "everything", is_flag=True, help="Every job of the queue.")
@search_option
@class_option
@settings_options(*CONNECTION, "codec")
@destroying
@json_option
def move(
    queue: str,
    indexes: tuple[int, ...],
    to: str | None,
    first: bool,
    everything: bool,
    text: str | None,
    class_name: str | None,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Move jobs to another queue, behind its own: by INDEX, those of a class or with a text, or --all; or one to the head.

    A job whose plugin lets an equal one be in a queue once stays where it is.
    """
    if (to is None) != first:
        raise Misuse("say where to: --to QUEUE, or --first")
    filtered = text is not None or class_name is not None
    if [bool(indexes), filtered, everything].count(True) != 1 or (first and len(indexes) != 1):
        raise Misuse(
            "say which jobs: by INDEX, by --search and --class, or --all; --first takes one INDEX"
        )
    target = queue if to is None else checked_name(to)
    if target == queue and not first:
        raise Misuse(f"these jobs are in {queue} already")
    resque = load_application(given)
    found = jobs_at(resque, queue, indexes)
    meant = len(found) if indexes else _count(resque, queue, text, class_name)
    if meant and not dry_run:
        confirm(f"move {many(meant, 'job')} of {queue} to {target}", yes=yes or first)
    moved, stayed = meant, 0
    if meant and not dry_run:
        if indexes:
            moved, stayed = _move_some(resque, queue, target, found, HEAD if first else TAIL)
        else:
            takes = every if everything else choosing(resque, queue, text, class_name)
            moved, stayed = _move_all(resque, queue, target, takes)
    if as_json:
        print_json({"dry_run": dry_run, "moved": moved, "stayed": stayed})
        return
    did = "would move" if dry_run else "moved"
    click.echo(safe_text(f"{did} {many(moved, 'job')} of {queue} to {target}"))
    if stayed:
        click.echo(safe_text(f"{many(stayed, 'job')} stayed: an equal one is in {target}"))


def _count(resque: Resque, queue: str, text: str | None, class_name: str | None) -> int:
    if text is None and class_name is None:
        return resque.size(queue)
    return sum(1 for _ in each_with(resque, queue, choosing(resque, queue, text, class_name)))


def _move_some(
    resque: Resque, queue: str, target: str, found: list[tuple[int, bytes]], end: str
) -> tuple[int, int]:
    """Move jobs by their bytes, in their order, wherever they stand by now; return how many moved and how many stayed. Raises Complaint."""
    marks, moved, stayed = resque.core.failed_table.mark_of, 0, 0
    for at, raw in sorted(found):
        chosen = Chosen(0, raw, marks(queue, raw), marks(target, raw))
        # those that left before it stood before it; if workers took others, it is looked for
        elsewhere = (one for one, _ in each_with(resque, queue, raw.__eq__))
        answer = GONE
        for place in chain((at - moved,), elsewhere):
            moving = move_seen(resque.core.keys, queue, target, place, 1, [chosen], end)
            (answer,) = resque.run(moving)
            if answer != GONE:
                break
        if answer == GONE:
            raise Complaint(
                f"the job {at} of {queue} has left the queue, after {many(moved, 'job')} moved: look again"
            )
        moved += answer != EQUAL_QUEUED
        stayed += answer == EQUAL_QUEUED
    return moved, stayed


def _move_all(
    resque: Resque, queue: str, target: str, takes: Callable[[bytes], bool]
) -> tuple[int, int]:
    """Move the jobs slice by slice. Raises Interrupted."""
    core, total = resque.core, resque.size(queue)
    pass_ = QueueMove(core.keys, queue, target, takes, core.failed_table.mark_of)
    with Progress(f"moving jobs of {queue}") as progress:
        while not progress.signal and resque.run(pass_.step()):
            progress.step(pass_.seen, total, pass_.moved)
        progress.end(f"moved {many(pass_.moved, 'job')}; the others are as they were")
    return pass_.moved, pass_.stayed
