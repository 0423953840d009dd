"""What ``/metrics`` tells: numbers of jobs, queues, workers and the scheduler. Its size is bounded, however many workers and classes there are."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from pyresque.job.job import read_job
from pyresque.job.queue_overview import waiting_since
from pyresque.job_text import NO_JOB, class_of, moment
from pyresque.process.worker.listening import listening
from pyresque.web.prometheus import Metric
from pyresque.web.tabs.workers import FRESH, LATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pyresque.job.overview import Overview
    from pyresque.web.dashboard import Dashboard

#: Workers that are named: those whose heartbeats are the oldest.
MOST_WORKERS = 500

#: Busy workers among which the job that runs for the longest time is looked for.
MOST_BUSY = 1000

#: Times of delayed jobs of which the jobs are counted.
MOST_TIMES = 5000

#: Jobs at the head of a queue, or at the end of the failed list, whose classes are looked at; and seconds for all queues.
LOOK = 200
LOOK_SECONDS = 0.05

#: Classes of one queue that are named; further ones are ``other``. And places of queue and class in all.
MOST_CLASSES = 20
MOST_PLACES = 500

OTHER = "other"


async def metrics(dash: Dashboard) -> str:
    """Return the metrics as text. The first eight names are those of the gem yabeda-resque."""
    core = dash.core
    found = await dash.run(core.overview(pauses=True))
    info = core.summary(found)
    times = await dash.run(core.delayed.delayed_queue_schedule_size())
    delayed = (
        await dash.run(core.delayed.count_all_scheduled_jobs()) if times <= MOST_TIMES else None
    )
    all_metrics = [
        Metric("jobs_pending", "Jobs in all queues").add(info.pending),
        Metric("jobs_processed", "Jobs that were performed").add(info.processed),
        Metric("jobs_failed", "Failed jobs").add(info.failed),
        _by_queue("queue_sizes", "Jobs of a queue", found.sizes.items()),
        Metric("workers_total", "Workers").add(info.workers),
        Metric("workers_working", "Workers that perform a job").add(info.working),
        Metric("jobs_delayed", "Delayed jobs").add(delayed),
        Metric(
            "jobs_processing_oldest_age", "Seconds since the oldest job that is performed began"
        ).add(await _oldest_job(dash, found)),
        Metric("delayed_timestamps", "Times for which jobs are delayed").add(times),
        *await _queues(dash, found),
        *await _classes(dash, found),
        *await _workers(dash, found),
        *await _scheduler(dash),
    ]
    return "".join(f"{line}\n" for metric in all_metrics for line in metric.lines())


def _by_queue(name: str, text: str, values: Iterable[tuple[str, float | None]]) -> Metric:
    metric = Metric(name, text)
    for queue, value in values:
        metric.add(value, queue=queue)
    return metric


async def _oldest_job(dash: Dashboard, found: Overview) -> float | None:
    if len(found.busy) > MOST_BUSY:
        return None
    working = await dash.run(dash.core.worker_registry.of(found.busy))
    began = [moment(one.working_on.run_at) for one in working if one.working_on is not None]
    ages = [dash.now() - one.timestamp() for one in began if one is not None]
    return max(0.0, *ages) if ages else 0.0


async def _queues(dash: Dashboard, found: Overview) -> list[Metric]:
    latencies = await dash.run(dash.core.queue_overview.latencies(list(found.sizes)))
    lists, paused = listening(found.workers), set(found.paused_queues)
    workers = (
        (name, sum(number for one, number in lists.items() if one.takes(name)))
        for name in found.sizes
    )
    oldest = "Seconds that the next job of a queue has waited, where its payload tells"
    return [
        _by_queue("queue_oldest_seconds", oldest, latencies.items()),
        _by_queue("queue_workers", "Workers that take from a queue", workers),
        _by_queue(
            "queue_paused", "Whether a queue is paused", ((q, q in paused) for q in found.sizes)
        ),
    ]


class Place(NamedTuple):
    """A queue and a class."""

    queue: str
    class_name: str


async def _classes(dash: Dashboard, found: Overview) -> Iterator[Metric]:
    """Look at some jobs of each queue, those of long queues first, and at some failed jobs."""
    core = dash.core
    until = time.monotonic() + LOOK_SECONDS
    looked = Metric(
        "queue_looked", f"The next jobs of a queue, {LOOK} at most, that were looked at"
    )
    some = Metric("queue_class_jobs", "How many of these jobs are of a class")
    oldest = Metric("queue_class_oldest_seconds", "Seconds that the first of these has waited")
    places = 0
    for name, size in sorted(found.sizes.items(), key=lambda one: -(one[1] or 0)):
        if not size or time.monotonic() > until or places >= MOST_PLACES:
            break
        raws = await dash.run(core.table.slice(core.keys.queue(name), 0, LOOK - 1))
        payloads = [read_job(core.codec, name, raw).payload for raw in raws]
        classes = list(map(class_of, payloads))
        counted = bounded(Counter(Place(name, one) for one in classes))
        places += len(counted)
        looked.add(len(raws), queue=name)
        for place, number in counted.items():
            some.add(number, queue=name, **{"class": place.class_name})
            if place.class_name in classes:
                since = waiting_since(payloads[classes.index(place.class_name)])
                waited = None if since is None else max(0.0, dash.now() - since)
                oldest.add(waited, queue=name, **{"class": place.class_name})
    records = await dash.run(core.failures.each(0, LOOK).everything())
    failed = Counter(Place(one.queue or "", class_of(one.payload)) for one in records)
    latest = Metric("failed_looked", f"The latest failed jobs, {LOOK} at most, that were looked at")
    lately = Metric("failed_class_jobs", "How many of these jobs are of a queue and a class")
    for place, number in bounded(failed).items():
        lately.add(number, queue=place.queue, **{"class": place.class_name})
    return iter((looked, some, oldest, latest.add(len(records)), lately))


def bounded(counted: Counter[Place]) -> dict[Place, int]:
    """Return the most frequent places, and all further ones together as the class ``other`` of their queue."""
    kept: dict[Place, int] = {}
    for place, number in counted.most_common():
        named = len(kept) < MOST_CLASSES and len(place.class_name) <= LOOK
        where = place if named or place.class_name == NO_JOB else Place(place.queue, OTHER)
        kept[where] = kept.get(where, 0) + number
    return kept


async def _workers(dash: Dashboard, found: Overview) -> list[Metric]:
    """Return how workers are: counted by the age of their heartbeats, and some by name."""
    beats: Sequence[str | None] = []
    if found.workers:
        beats = await dash.run(dash.core.worker_registry.table.heartbeats_of(found.workers))
    known = {beat: moment(beat) for beat in set(beats)}
    now = dash.now()
    ages = {
        worker: max(0.0, now - at.timestamp())
        for worker, beat in zip(found.workers, beats, strict=True)
        if (at := known[beat]) is not None
    }
    states = Counter(
        "fresh" if age < FRESH else "slow" if age < LATE else "late" for age in ages.values()
    )
    states["silent"] = len(found.workers) - len(ages)
    health = Metric(
        "workers_by_heartbeat", f"Workers by heartbeat: slow after {FRESH} s, late after {LATE} s"
    )
    for state in ("fresh", "slow", "late", "silent"):
        health.add(states[state], state=state)
    each = Metric(
        "worker_heartbeat_age_seconds",
        f"How old a worker's heartbeat is: of {MOST_WORKERS} workers, the oldest heartbeats",
    )
    for worker in sorted(ages, key=lambda one: -ages[one])[:MOST_WORKERS]:
        each.add(ages[worker], worker=worker)
    oldest = max(ages.values(), default=None)
    return [
        Metric("workers_paused", "Whether all workers are paused").add(found.workers_paused),
        health,
        Metric("worker_heartbeat_age_max_seconds", "How old the oldest heartbeat is").add(oldest),
        each,
    ]


async def _scheduler(dash: Dashboard) -> list[Metric]:
    lock = await dash.run(dash.core.lock.info())
    return [
        Metric("scheduler_lock_held", "Whether a scheduler holds the master lock").add(
            lock is not None
        ),
        Metric("scheduler_lock_ttl_seconds", "Seconds until the master lock expires").add(
            None if lock is None else lock.ttl
        ),
    ]
