"""The command ``migrate shadow``: perform copies of real jobs in Python, without effects, and compare with what Ruby did."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from pyresque.activejob.describe import active_call
from pyresque.cli.errors import Complaint, Misuse, Option
from pyresque.cli.options import (
    CONNECTION,
    count_option,
    json_option,
    number_from,
    reading,
    settings_options,
)
from pyresque.cli.output import JsonList, listed, print_long_table, safe_text, short
from pyresque.cli.progress import Progress
from pyresque.migrate.copies import DELAYED, EACH, FAILED, PLACES, QUEUED, Copies, Copy
from pyresque.migrate.shadow_call import find
from pyresque.migrate.shadow_child import perform_copy
from pyresque.migrate.shadow_compare import Shadow
from pyresque.migrate.shadow_ruby import Ruby, RubyWatch, failed_lengths, from_record, key_of
from pyresque.printable import many
from pyresque.process.start.load_app import load_application
from pyresque.routing.share import routed_class
from pyresque.setting_readers import stretch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyresque.client import Resque
    from pyresque.migrate.shadow_child import Fixture


@click.command(short_help="Perform copies of real jobs in Python, without effects.")
@click.argument("class_name", metavar="CLASS")
@count_option(20, "The most copies that are performed.")
@click.option(
    "--read",
    "each",
    default=EACH,
    show_default=True,
    cls=Option,
    type=number_from(1),
    help="How many jobs of each list are looked at.",
)
@click.option(
    "--timeout",
    default="30",
    show_default=True,
    cls=Option,
    callback=reading(stretch),
    metavar="SECONDS|60s",
    help="A copy that takes longer is killed.",
)
@click.option(
    "--watch",
    cls=Option,
    callback=reading(stretch),
    metavar="SECONDS|60s",
    help="Watch that long what workers perform, and take copies of that alone.",
)
@click.option(
    "--from",
    "places",
    multiple=True,
    type=click.Choice(PLACES),
    help="Take copies from there alone; repeatable.",
)
@click.option(
    "--no-fixture", is_flag=True, help="Perform without a dry_run fixture: side effects are real."
)
@settings_options(*CONNECTION, "codec")
@json_option
def shadow(
    class_name: str,
    count: int,
    each: int,
    timeout: float,
    watch: float | None,
    places: tuple[str, ...],
    *,
    no_fixture: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Perform copies of the jobs of CLASS by its Python handler, and compare with what Ruby did.

    Each copy runs in a child of its own inside the application's dry_run fixture. Redis is only read. Exit code 1 if Python fails
    where Ruby is not known to fail.
    """
    resque = load_application(given)
    fixture = _fixture(resque, class_name, no_fixture=no_fixture)
    if watch is None:
        copies = _copies(resque, class_name, places, count, each)
    else:
        copies = _watched(resque, class_name, watch, count)
    if not copies:
        where = "" if watch is not None else f" among the first {each} of each list (--read)"
        raise Complaint(f"no job of {class_name} was found{where}")
    done = _performed(resque, copies, fixture, timeout)
    verdicts: Counter[str] = Counter()
    worse = 0
    if as_json:
        printed = JsonList()
        for one in done:
            verdicts[one.verdict] += 1
            worse += one.worse
            printed.add(one.to_dict())
        printed.close()
    else:
        shadows = list(done)
        verdicts.update(one.verdict for one in shadows)
        worse = sum(one.worse for one in shadows)
        _print(shadows)
        click.echo("; ".join(f"{number} {verdict}" for verdict, number in verdicts.most_common()))
    if worse:
        performed = many(sum(verdicts.values()), "copy")
        raise Complaint(f"{worse} of {performed} failed in Python where Ruby is not known to fail")


def _fixture(resque: Resque, class_name: str, *, no_fixture: bool) -> Fixture | None:
    """Return the application's fixture; None if none is wanted. Raises Misuse."""
    if not hasattr(os, "fork"):
        raise Misuse("a copy is performed in a forked child, and this system has no fork")
    if not resque.settings.app:
        raise Misuse("name the application with -A: its handler is performed")
    if find(resque.core, class_name) is None:
        known = [one.name for one in resque.registered] + [*resque.active_job_classes]
        raise Misuse(f"{class_name} has no handler here; registered are {listed(known) or 'none'}")
    if no_fixture:
        return None
    fixture = resque.registry.dry_run
    if fixture is None:
        raise Misuse(
            "the application has no @resque.dry_run, so that side effects would be real: write one, or give --no-fixture"
        )
    return fixture


def _copies(
    resque: Resque, class_name: str, places: tuple[str, ...], count: int, each: int
) -> list[tuple[Copy, Ruby]]:
    """Take copies from the places; of several equal jobs one. What failed records tell holds for all jobs that are equal."""
    wanted = places or (QUEUED, DELAYED, FAILED)
    found: dict[bytes, Copy] = {}
    failed: dict[bytes, Ruby] = {}
    walk, seen = Copies(resque.core, each), 0
    with Progress("looking for jobs") as progress:
        while (page := resque.run(walk.more())) is not None:
            progress.step(seen, seen)
            progress.end("nothing was performed")
            for copy in page:
                seen += 1
                if copy.job.fault is not None or routed_class(copy.job.payload) != class_name:
                    continue
                key = key_of(resque.core, copy.job)
                if copy.record is not None:
                    failed[key] = from_record(copy.record)
                if copy.place in wanted and len(found) < count:
                    found.setdefault(key, copy)
    return [(copy, failed.get(key, Ruby())) for key, copy in found.items()]


def _watched(
    resque: Resque, class_name: str, seconds: float, count: int
) -> list[tuple[Copy, Ruby]]:
    clock = resque.core.clock
    before = resque.run(failed_lengths(resque.core))
    watch, began = RubyWatch(resque.core, class_name, count), clock.monotonic()
    with Progress("watching, second") as progress:
        while (gone := clock.monotonic() - began) < seconds and not watch.full:
            resque.run(watch.look())
            progress.step(int(gone), int(seconds))
            progress.end("nothing was performed")
    return resque.run(watch.found(before))


def _performed(
    resque: Resque, copies: list[tuple[Copy, Ruby]], fixture: Fixture | None, timeout: float
) -> Iterator[Shadow]:
    """Perform the copies one after the other; Ctrl-C ends that between two of them."""
    with Progress("performing copies") as progress:
        for at, (copy, ruby) in enumerate(copies):
            progress.step(at, len(copies))
            progress.end(f"{at} of {many(len(copies), 'job')} were performed")
            yield Shadow(copy, perform_copy(resque, copy.job, fixture, timeout), ruby)


def _print(shadows: list[Shadow]) -> None:
    print_long_table(
        ("place", "queue", "job", "python", "seconds", "ruby", "its seconds", "verdict"),
        (_row(one) for one in shadows),
        "no copies",
    )
    for one in shadows:
        for what, notes, number in (
            ("would enqueue", one.python.enqueued, one.python.enqueues),
            ("was refused", one.python.refused, one.python.refusals),
        ):
            if notes:
                click.echo(safe_text(f"{_call(one)} {what} {listed(notes, 3)} ({number} in all)"))
        if one.python.output:
            click.echo(safe_text(f"{_call(one)} printed {short(one.python.output, 200)!r}"))


def _row(one: Shadow) -> tuple[object, ...]:
    python, ruby = one.python, one.ruby
    return (
        one.copy.place,
        one.copy.job.queue or None,
        _call(one),
        short(_told(python.outcome, python.exception, python.error, python.result), 80),
        None if python.seconds is None else f"{python.seconds:.3f}",
        short(_told(ruby.outcome, ruby.exception, ruby.error, None), 80),
        None if ruby.seconds is None else f"~{ruby.seconds:.0f}",
        one.verdict,
    )


def _call(one: Shadow) -> str:
    job = one.copy.job
    call = active_call(job.payload) or f"{job.class_name}({', '.join(map(repr, job.args))})"
    return short(safe_text(call))


def _told(outcome: str, exception: str | None, error: str | None, result: str | None) -> str:
    parts = [part for part in (exception, error, result) if part]
    return f"{outcome}: {': '.join(parts)}" if parts else outcome
