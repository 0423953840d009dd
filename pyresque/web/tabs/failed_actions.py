"""What can be done to failed jobs: retry or remove one, or exactly those that a filter takes; clear them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pyresque.failure.record import payload_of
from pyresque.failure.redis import requeue_once
from pyresque.failure.undo import REMOVED, REQUEUED
from pyresque.job_text import class_of, iso_of_seconds
from pyresque.ops import Command
from pyresque.printable import many
from pyresque.store.queues import some_bytes
from pyresque.web.dashboard import link
from pyresque.web.shown import count
from pyresque.web.tabs.failed import fields_of, filter_of, find
from pyresque.web.tabs.failed_undo import finality, keeping
from pyresque.web.view import Bulk, Done, NotThere, Question, Refused, Steps

if TYPE_CHECKING:
    from pyresque.failed_filter import Filter
    from pyresque.failure.passes import Pass
    from pyresque.failure.record import FailedRecord
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.view import Ask


async def requeue_record(dash: Dashboard, ask: Ask) -> Done:
    """Put one failed job back into its queue, and mark its record."""
    found = await find(dash, ask)
    equal = await dash.run(_has_equal(dash, found))
    await dash.run(requeue_once(dash.core.failures, found))
    kept = keeping(dash, REQUEUED)
    await dash.run(kept.keep([] if equal else [found]))
    text = f"Retried 1 job of {class_of(found.payload)}: it is in {found.queue}"
    return Done(text, _back(ask), 1, kept.token if kept.count else "")


async def _has_equal(dash: Dashboard, found: FailedRecord) -> bool:
    """Return whether an equal job is in the queue by its mark: a retry puts none there, so its undoing must take none away."""
    payload = payload_of(dash.core.codec, found)
    if payload is None or found.queue is None:
        return False
    mark = dash.core.failed_table.mark_of(found.queue, payload)
    return mark is not None and await Command(("GET", mark.key), some_bytes) == b"1"


async def asks_remove_record(dash: Dashboard, ask: Ask) -> Question:
    """Ask before one record is removed."""
    found = await find(dash, ask)
    text = f"Remove 1 failed job of {class_of(found.payload)}? {finality(1)}"
    return Question(text, "Remove 1 failed job", _back(ask), 1)


async def remove_record(dash: Dashboard, ask: Ask) -> Done:
    """Remove one record, by its bytes."""
    found = await find(dash, ask)
    removed = await dash.run(dash.core.failures.remove(found, found.failure_queue))
    if not removed:
        raise NotThere("This record is no longer there.")
    kept = keeping(dash, REMOVED)
    await dash.run(kept.keep([found]))
    return Done("Removed 1 failed job", _back(ask), 1, kept.token)


async def asks_requeue(dash: Dashboard, ask: Ask) -> Question:
    """Ask before the jobs that the filter takes are retried; jobs that were retried before are left out unless it asks for them."""
    chosen, number = await _counted(dash, ask, _to_retry(filter_of(ask)))
    text = f"Retry {count(number, 'failed job')}{_described(chosen)}?"
    return Question(text, f"Retry {count(number, 'job')}", _back(ask), number, _fields(dash, ask))


async def requeue(dash: Dashboard, ask: Ask) -> Bulk:
    """Put the jobs that the filter takes back into their queues, the oldest first, and mark their records."""
    which = ask.names.get("list")
    chosen = _confirmed(_to_retry(filter_of(ask)))
    total = await dash.run(dash.core.failures.count(which))
    steps = Passing(dash, dash.core.failures.requeueing(chosen.takes, which), REQUEUED)
    return Bulk(steps, total, "retried", "failed job", _back(ask))


async def asks_remove(dash: Dashboard, ask: Ask) -> Question:
    """Ask before the records that the filter takes are removed."""
    chosen, number = await _counted(dash, ask, filter_of(ask))
    text = f"Remove {count(number, 'failed job')}{_described(chosen)}? {finality(number)}"
    button = f"Remove {count(number, 'failed job')}"
    return Question(text, button, _back(ask), number, _fields(dash, ask))


async def remove(dash: Dashboard, ask: Ask) -> Bulk:
    """Remove the records that the filter takes."""
    which = ask.names.get("list")
    chosen = _confirmed(filter_of(ask))
    total = await dash.run(dash.core.failures.count(which))
    steps = Passing(dash, dash.core.failures.removing(chosen.takes, which), REMOVED)
    return Bulk(steps, total, "removed", "failed job", _back(ask))


async def asks_clear(dash: Dashboard, ask: Ask) -> Question:
    """Ask before all records are removed."""
    which = ask.names.get("list")
    number = await dash.run(dash.core.failures.count(which))
    where = "" if which is None else f" of {which}"
    text = f"Remove all {count(number, 'failed job')}{where}? {finality(number)}"
    return Question(
        text, f"Remove {count(number, 'failed job')}", _back(ask), number, _fields(dash, ask)
    )


async def clear(dash: Dashboard, ask: Ask) -> Bulk:
    """Remove all records that were there when the reader was asked."""
    return await remove(dash, ask)


async def asks_clear_retried(dash: Dashboard, ask: Ask) -> Question:
    """Ask before the records of retried jobs are removed."""
    return await asks_remove(dash, _retried(ask))


async def clear_retried(dash: Dashboard, ask: Ask) -> Bulk:
    """Remove the records of retried jobs."""
    return await remove(dash, _retried(ask))


async def asks_trim(dash: Dashboard, _ask: Ask) -> Question:
    """Ask before what is over the limits of the settings is removed."""
    retention = dash.core.retention
    if not retention.on:
        raise Refused("The settings keep all failed jobs: see failed_max_count and failed_max_age.")
    number = await dash.run(retention.trim(dry_run=True))
    jobs = count(number, "failed job")
    text = f"Remove {jobs} now: {retention.limits()}? They cannot be retried then."
    return Question(text, f"Remove {jobs}", "/failed", number)


async def trim(dash: Dashboard, _ask: Ask) -> Done:
    """Remove what is over the limits of the settings, as workers do once a minute."""
    retention = dash.core.retention
    number = await dash.run(retention.trim()) if retention.on else 0
    return Done(f"Removed {count(number, 'failed job')}", "/failed", number)


class Passing(Steps):
    """The steps of a pass over failed records."""

    def __init__(self, dash: Dashboard, bulk: Pass, kind: str) -> None:
        super().__init__(dash)
        self._kept = keeping(dash, kind)
        self._pass = bulk
        self._left: list[str] = []
        self._left_count = 0

    async def step(self) -> bool:
        """Handle the next page of records."""
        page = await self.dash.run(self._pass.more())
        if page is None:
            return False
        equal = {(one.failure_queue, one.index) for one in page.equal}
        put = [one for one in page.records if (one.failure_queue, one.index) not in equal]
        await self.dash.run(self._kept.keep(put))
        self.count += len(page.records)
        self.seen = max(self.seen, page.seen)
        self._left_count += len(page.left)
        self._left += [why for _, why in page.left[: 3 - len(self._left)]]
        return True

    def left(self) -> str:
        """Return how many records could not be put back, and why."""
        if not self._left_count:
            return ""
        return f"{many(self._left_count, 'record')} could not be put back: {'; '.join(self._left)}"

    def undo(self) -> str:
        """Return what names these records, if they are not too many."""
        return self._kept.token if self.count else ""


def _to_retry(chosen: Filter) -> Filter:
    return replace(chosen, retried=False) if chosen.retried is None else chosen


def _retried(ask: Ask) -> Ask:
    return replace(ask, form={**ask.form, "retried": "yes"})


def _confirmed(chosen: Filter) -> Filter:
    """Return the filter of a confirmed action, which is bounded by the time of its question. Raises Refused."""
    if chosen.until is None:
        raise Refused("The confirmation names no time: send the fields of the question back.")
    return chosen


def _fields(dash: Dashboard, ask: Ask) -> dict[str, str]:
    """The filter, and the time of the question: what fails later is not meant."""
    return {**fields_of(ask), "until": str(int(dash.now()))}


async def _counted(dash: Dashboard, ask: Ask, chosen: Filter) -> tuple[Filter, int]:
    """Return the filter and how many records it takes: all are looked at."""
    which = ask.names.get("list")
    if not chosen.narrows:
        return chosen, await dash.run(dash.core.failures.count(which))
    reading, number = dash.core.failures.each(queue=which), 0
    while (page := await dash.run(reading.more())) is not None:
        number += sum(map(chosen.takes, page.records))
    return chosen, number


def _described(chosen: Filter) -> str:
    """Return which records a filter takes, in words."""
    parts = [
        ("of class", chosen.class_name),
        ("of queue", chosen.queue),
        ("with exception", chosen.exception),
        ("with the text", chosen.text),
        ("with a message like", chosen.pattern),
    ]
    if chosen.before is not None:
        parts.append(("that failed before", iso_of_seconds(chosen.before)))
    said = "".join(f" {words} {value}" for words, value in parts if value is not None)
    if chosen.retried is not None:
        said += " that were retried before" if chosen.retried else " that were not retried yet"
    return said


def _back(ask: Ask) -> str:
    which = ask.names.get("list")
    return link("failed", *([] if which is None else [which]), **fields_of(ask))
