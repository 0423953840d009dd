"""The tabs of workers and of those at work; the page of one worker; pausing, resuming and unregistering them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pyresque.errors import NoSuchWorker
from pyresque.job_text import moment
from pyresque.store.worker_notes import WorkerNotes
from pyresque.web.shown import job_data
from pyresque.web.view import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyresque.job.worker_registry import WorkerInfo
    from pyresque.web.dashboard import Dashboard
    from pyresque.web.shapes.jobs import WorkersJob
    from pyresque.web.shapes.workers import (
        Software,
        WorkerPage,
        WorkerShown,
        WorkersPage,
        WorkingPage,
    )
    from pyresque.web.view import Ask

#: Seconds since its heartbeat after which a worker is no longer fresh (Resque's interval, and some), and is late (Resque prunes it).
FRESH = 90
LATE = 300

#: Workers of one page.
PER_PAGE = 50


async def show(dash: Dashboard, ask: Ask) -> View[WorkersPage]:
    """Show the workers, those whose id has the text ``q``, fifty at a time."""
    core = dash.core
    found = await dash.run(core.overview(pauses=True))
    text = ask.get("q")
    ids = [one for one in found.workers if text is None or text.casefold() in one.casefold()]
    start = ask.number("start", 0)
    page = await dash.run(core.worker_registry.of(ids[start : start + PER_PAGE]))
    notes = await dash.run(WorkerNotes(core.keys).of([one.id for one in page]))
    return View(
        "workers.html",
        f"{len(found.busy):,} of {len(found.workers):,} workers working",
        {
            "workers": [worker_data(one, dash.now(), notes.get(one.id)) for one in page],
            "total": len(ids),
            "working": len(found.busy),
            "start": start,
            "per": PER_PAGE,
            "q": text,
            "paused": found.workers_paused,
        },
        tab="/workers",
    )


async def working(dash: Dashboard, ask: Ask) -> View[WorkingPage]:
    """Show the workers that perform a job, those that began first before the others; of thousands only as many as fit a page."""
    core = dash.core
    found = await dash.run(core.overview())
    start = ask.number("start", 0)
    page = await dash.run(core.worker_registry.of(found.busy[start : start + PER_PAGE]))
    rows = [worker_data(one, dash.now()) for one in page if one.working_on is not None]
    rows.sort(key=_seconds, reverse=True)
    return View(
        "working.html",
        f"{len(found.busy):,} of {len(found.workers):,} workers working",
        {
            "workers": rows,
            "total": len(found.busy),
            "all": len(found.workers),
            "start": start,
            "per": PER_PAGE,
        },
        tab="/working",
    )


async def one(dash: Dashboard, ask: Ask) -> View[WorkersPage | WorkerPage]:
    """Show one worker; a host in place of an id shows the workers of that host."""
    worker_id = ask.names["worker"]
    found = await dash.run(dash.core.worker_registry.find(worker_id))
    if found is None:
        if ":" not in worker_id:
            return await show(dash, type(ask)(ask.names, {**ask.query, "q": f"{worker_id}"}))
        raise NoSuchWorker(f"There is no worker {worker_id!r}: it has ended, or was pruned.")
    paused = await dash.run(dash.core.worker_registry.table.paused())
    notes = WorkerNotes(dash.core.keys)
    note = (await dash.run(notes.of([worker_id]))).get(worker_id)
    shown = worker_data(found, dash.now(), note)
    quitting = await dash.run(notes.asked_to_quit(worker_id))
    data: WorkerPage = {"worker": shown, "paused": paused, "quitting": quitting}
    return View("worker.html", f"Worker {worker_id}: {shown['state']}", data, tab="/workers")


def _seconds(row: WorkerShown) -> float:
    """Return for how many seconds a worker has performed its job."""
    return (row["job"]["seconds"] if row["job"] is not None else None) or 0


def worker_data(
    worker: WorkerInfo, now: float, note: Mapping[str, str | int] | None = None
) -> WorkerShown:
    """Return a worker for a page. ``health``: fresh, slow or late by its heartbeat; silent without one.

    ``software``: what it tells of itself; None of one that tells nothing, as Ruby's workers do.
    """
    began_at = moment(worker.started)
    beat = moment(worker.heartbeat)
    age = None if beat is None else max(0.0, now - beat.timestamp())
    doing = worker.working_on
    job: WorkersJob | None = None
    if doing is not None:
        began = moment(doing.run_at)
        seconds = None if began is None else max(0.0, now - began.timestamp())
        job = {
            "queue": doing.job.queue,
            "run_at": doing.run_at,
            "seconds": seconds,
            **job_data(doing.job),
        }
    return {
        "id": worker.id,
        "host": worker.host,
        "pid": worker.pid,
        "queues": list(worker.queues),
        "state": worker.state,
        "started": worker.started,
        "uptime": None if began_at is None else max(0.0, now - began_at.timestamp()),
        "software": None if note is None else _software(note),
        "heartbeat": worker.heartbeat,
        "heartbeat_age": age,
        "health": _health(age),
        "processed": worker.processed,
        "failed": worker.failed,
        "job": job,
    }


def _software(note: Mapping[str, str | int]) -> Software:
    return {
        "name": "pyresque",
        "language": "python",
        "version": note.get("version"),
        "python": note.get("python"),
        "executor": note.get("executor"),
        "together": note.get("together"),
    }


def _health(age: float | None) -> Literal["fresh", "slow", "late", "silent"]:
    if age is None:
        return "silent"
    return "fresh" if age < FRESH else "slow" if age < LATE else "late"
