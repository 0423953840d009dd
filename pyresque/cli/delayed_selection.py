"""The delayed jobs that a command line means: of a class, with its arguments, of a time, or with a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.arguments import job_args, moment, shown_time
from pyresque.cli.errors import Misuse, Option, not_empty, refuse_option
from pyresque.cli.options import search_option
from pyresque.cli.output import (
    compact,
    print_json,
)
from pyresque.cli.progress import Progress
from pyresque.cli.text import having
from pyresque.job.sending import wire_args
from pyresque.printable import many
from pyresque.schedule.later import timestamp_of
from pyresque.schedule.search import every
from pyresque.store.delayed_walk import DelayedWalk

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.client import Resque
    from pyresque.schedule.search import Selection

#: Settings that say how arguments are written: a job is found by its written arguments.
WRITING = ("codec", "dialect")


def choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the arguments and options that make a ``ChosenJobs``: CLASS and its ARGs, --any-args, --at."""
    for decorate in (
        click.argument("args", metavar="[ARG]...", nargs=-1, type=click.UNPROCESSED),
        click.argument("class_name", metavar="CLASS", required=False, callback=refuse_option),
        click.option(
            "-q",
            "--queue",
            cls=Option,
            callback=not_empty,
            help="Only those for this queue; default: the job's own.",
        ),
        click.option(
            "--any-args", is_flag=True, help="All of the class, whatever their arguments."
        ),
        click.option("--at", "when", metavar="TIME", help="Only those of this time."),
        search_option,
        click.option("--str", "as_text", is_flag=True, help="Every ARG is a text, not JSON."),
    ):
        command = decorate(command)
    return command


class ChosenJobs:
    """The jobs that a command line means: of a class with its arguments, of a class, or of a time."""

    def __init__(
        self,
        class_name: str | None,
        args: list[object],
        queue: str | None,
        *,
        any_args: bool,
        when: str | None,
        text: str | None,
    ) -> None:
        if not class_name and when is None and text is None:
            raise Misuse(
                "say which jobs: CLASS and its ARGs, CLASS --any-args, --at TIME, or --search TEXT"
            )
        if class_name and text is not None:
            raise Misuse("--search goes with no CLASS")
        if any_args and args:
            raise Misuse("--any-args goes with no ARG")
        if queue is not None and (any_args or not class_name):
            raise Misuse("-q goes with CLASS and its ARGs")
        self.class_name = class_name
        self.args = args
        self.queue = queue
        self.any_args = any_args
        self.at = None if when is None else timestamp_of(moment(when))
        self.text = text

    @classmethod
    def from_options(cls, given: dict[str, Any]) -> ChosenJobs:
        """Remove the parameters that ``choosing`` added, and make the value of them. Raises Misuse."""
        args = job_args(given.pop("args"), as_text=given.pop("as_text"))
        return cls(
            given.pop("class_name"),
            args,
            given.pop("queue"),
            any_args=given.pop("any_args"),
            when=given.pop("when"),
            text=given.pop("text"),
        )

    def __str__(self) -> str:
        """Return the jobs in words, for a question."""
        what = self.class_name or "every class"
        if self.text is not None:
            what = f"every class with {self.text!r}"
        if self.class_name and not self.any_args:
            what = f"{what} {compact(self.args)}"
        return what if self.at is None else f"{what} at {shown_time(self.at)}"

    def count(self, resque: Resque, did: str, *, as_json: bool) -> None:
        """Print how many jobs are meant."""
        selection = resque.core.delayed.counting(*self._selection(resque))
        run_pass(resque, selection, did, self._total(resque), as_json=as_json, dry_run=True)

    def enqueue(self, resque: Resque, *, as_json: bool) -> None:
        """Enqueue the jobs; print how many. Raises Misuse."""
        if self.at is not None and self.class_name is not None:
            raise Misuse("with CLASS all times are meant: leave out --at, or CLASS")
        if self.at is None and self.text is None and not self.any_args:
            found, meant = self._find(resque)
            payloads = {raw for _, raw in found}
            only = dict.fromkeys(timestamp for timestamp, _ in found)
            selection = resque.core.delayed.enqueueing(payloads.__contains__, only)
            moved = resque.run(selection.whole())
            if moved or meant is None:
                print_count("enqueued", moved, as_json=as_json, dry_run=False)
                return
            selection = resque.core.delayed.enqueueing(meant)
        else:
            selection = resque.core.delayed.enqueueing(*self._selection(resque))
        run_pass(resque, selection, "enqueued", self._total(resque), as_json=as_json)

    def reschedule(self, resque: Resque, at: int, *, as_json: bool) -> None:
        """Move the jobs to another time; print how many."""
        selection = resque.core.delayed.rescheduling(*self._selection(resque), at)
        run_pass(resque, selection, "moved", self._total(resque), as_json=as_json)

    def remove(self, resque: Resque, *, as_json: bool) -> None:
        """Remove the jobs; print how many."""
        if self.at is None and self.text is None and not self.any_args:
            found, meant = self._find(resque)
            removed = resque.run(resque.core.delayed.table.remove(found))
            if removed or meant is None:
                print_count("removed", removed, as_json=as_json, dry_run=False)
                return
            selection = resque.core.delayed.removing(meant)
        else:
            selection = resque.core.delayed.removing(*self._selection(resque), clean=True)
        run_pass(resque, selection, "removed", self._total(resque), as_json=as_json)

    def _total(self, resque: Resque) -> int:
        """Return how many jobs a pass reads."""
        if self.at is not None:
            return resque.delayed_timestamp_size(self.at)
        return counted(resque)[0]

    def _find(
        self, resque: Resque
    ) -> tuple[list[tuple[str, bytes]], Callable[[bytes], bool] | None]:
        """Return where the job waits by its bytes, in every spelling, and a test of payloads by meaning; None if the setting excludes that test."""
        search = resque.core.delayed.search
        entry = resque.core.registry.describe(self.class_name or "")
        sent = wire_args(entry, self.args, {})
        found = resque.run(search.by_sets(entry, self.queue, sent))
        return found, search.meant(entry, self.queue, sent) if search.by_meaning else None

    def _selection(self, resque: Resque) -> tuple[Callable[[bytes], bool], tuple[str, ...] | None]:
        """Return a test of payloads, and the times to look at; None: all times."""
        only = None if self.at is None else (str(self.at),)
        if self.text is not None:
            return having(self.text, resque.core.codec, ""), only
        if self.class_name is None:
            return every, only
        search = resque.core.delayed.search
        if self.any_args:
            return search.selected(every, self.class_name), only
        entry = resque.core.registry.describe(self.class_name)
        return search.of(search.matcher(entry, self.queue, self.args), entry.name), only


def run_pass(
    resque: Resque,
    selection: Selection,
    did: str,
    total: int,
    *,
    as_json: bool,
    dry_run: bool = False,
) -> None:
    """Run a pass step by step; print the count, also if a signal interrupted it. Raises Interrupted."""
    done = 0
    with Progress("going through delayed jobs") as progress:
        while not progress.signal and (step := resque.run(selection.more())) is not None:
            done += step.done
            progress.step(step.seen, total, done)
        if as_json or not progress.signal:
            print_count(did, done, as_json=as_json, dry_run=dry_run)
        progress.end(f"{did} {many(done, 'delayed job')}; the others wait as before")


def print_count(done: str, jobs: int, *, as_json: bool, dry_run: bool) -> None:
    """Print how many jobs an action concerned."""
    if as_json:
        print_json({"dry_run": dry_run, "jobs": jobs})
    else:
        click.echo(f"{done} {many(jobs, 'delayed job')}")


def counted(resque: Resque) -> tuple[int, int]:
    """Return how many delayed jobs there are, and at how many times."""
    waiting = DelayedWalk(resque.core.delayed.table)
    jobs = times = 0
    total = resque.delayed_queue_schedule_size()
    with Progress("counting delayed jobs") as progress:
        while (sizes := resque.run(waiting.sizes())) is not None:
            jobs += sum(sizes)
            times += sum(size > 0 for size in sizes)
            progress.step(times, total)
            progress.end("not all times were looked at")
    return jobs, times
