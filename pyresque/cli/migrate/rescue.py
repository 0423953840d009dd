"""The command ``migrate rescue``: put those failed jobs back that Ruby failed because it has no such class any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pyresque.cli.failed_selection import Report
from pyresque.cli.options import CONNECTION, RECORDS, destroying, json_option, settings_options
from pyresque.cli.output import confirm, safe_text
from pyresque.cli.progress import Progress
from pyresque.failure.passes import Page
from pyresque.printable import many
from pyresque.process.run.mover import performed_here
from pyresque.process.start.load_app import load_application
from pyresque.routing.rescue import Rescue

if TYPE_CHECKING:
    from pyresque.client import Resque
    from pyresque.failure.passes import Pass


@click.command()
@click.option("--failure-queue", help="Of this failed list alone (redis_multi_queue).")
@settings_options(*CONNECTION, *RECORDS)
@destroying
@json_option
def rescue(
    failure_queue: str | None, yes: bool, dry_run: bool, as_json: bool, **given: Any
) -> None:
    """Put failed jobs back whose class Ruby did not know, and Python performs: NameError, ActiveJob::UnknownJobClassError.

    Without -A the routing table says what Python performs; with it, the classes that the application registers and that are not
    routed to Ruby. Jobs go to the tails of their queues, as they were; their records stay, marked with the time. Run the mover
    or Ruby's guard first, else Ruby may take them again.
    """
    resque = load_application(given)
    performs = performed_here(resque) if resque.settings.app else None
    routes = resque.routes.show()
    if not (dry_run or yes):
        counted = Rescue(routes, resque.core.codec, performs)
        count = _run(resque, counted, failure_queue, None, None)
        if count:
            confirm(f"put {many(count, 'failed job')} back", yes=yes)
    meant = Rescue(routes, resque.core.codec, performs)
    verb = "would rescue" if dry_run else "rescued"
    report = Report(verb, "rescued", as_json=as_json, dry_run=dry_run)
    bulk = None if dry_run else resque.core.failures.requeueing(meant.takes, failure_queue)
    _run(resque, meant, failure_queue, bulk, report)
    if meant.left:
        names = ", ".join(f"{name} ({count})" for name, count in meant.left.most_common(10))
        why = (
            "are not registered here, or are routed to Ruby"
            if performs
            else "no rule leads to Python"
        )
        click.echo(
            f"left: classes that Ruby does not know, but that {why}: {safe_text(names)}", err=True
        )


def _run(
    resque: Resque,
    meant: Rescue,
    failure_queue: str | None,
    bulk: Pass | None,
    report: Report | None,
) -> int:
    """Run a pass page by page, and return how many records it took; without a pass only count and report them."""
    total, seen, count = resque.failures.count(failure_queue), 0, 0
    pages = bulk or resque.core.failures.each(queue=failure_queue, order="asc")
    doing = "looking at failed jobs" if bulk is None else "rescuing failed jobs"
    with Progress(doing) as progress:
        while not progress.signal and (page := resque.run(pages.more())) is not None:
            if bulk is None:
                seen += len(page.records)
                page = Page(list(filter(meant.takes, page.records)), seen=seen)
            count += len(page.records)
            if report is not None:
                report.page(page)
            progress.step(page.seen, total, count)
        if report is None:
            progress.end("nothing was done")
        else:
            report.close(progress)
    return count
