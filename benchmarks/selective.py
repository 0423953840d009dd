"""A worker that takes only its own jobs from a shared queue: what a reserve costs beside the plain one, by length and by depth.

Both finish the former job and reserve the next, in this process; nothing is performed. While ten of ours are taken, the jobs of the
other side that stand in front are left; then they are dropped, as its workers would pop them.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contenders import OURS
from benchmarks.measure import Bound, Measure
from pyresque import Resque
from pyresque.executor.inline import InlineExecutor
from pyresque.job.worker_registry import WorkerId
from pyresque.process.host.portable import PortableHost
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.worker import Worker
from pyresque.store.reserve import NO_FAILURE
from tests.support.redis_server import redis_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from benchmarks.measure import Bench, Figures
    from pyresque.process.worker.current_job import CurrentJob

#: Of so many jobs one is ours: as many as a window of 100 holds ten times.
OF = 10
TEN = 10

#: Jobs of ours that are taken for one figure, and queue lengths.
TAKEN = 600
LENGTHS = (1000, 100_000, 1_000_000)

#: The plain reserve, of a queue in which all are ours; ours with the counts of what is performed, which a worker writes, too.
PLAIN, COUNTED = "the plain reserve", "with counts by class"

#: How deep the first of ours stands in the queue of a million.
DEPTHS = (1000, 10_000, 100_000, 500_000, 900_000)

LIST = "resque:queue:shared"
US, NS = 1e6, 1e9


def cost(length: int, bench: Bench) -> Figures:
    """Microseconds for a job, from a queue of that length."""
    many = bench.some(length, 300)
    return {
        PLAIN: _plain(bench, many),
        OURS: _selective(bench, many, counted=False),
        COUNTED: _selective(bench, many, counted=True),
    }


def depth(front: int, bench: Bench) -> Figures:
    """Nanoseconds of a take for each job between it and the nearer end of a queue of a million."""
    length, front = bench.some(LENGTHS[-1], 3000), bench.some(front, 10)
    with _worker(bench.url, only_registered=True) as (resque, current, db):
        _fill(db, length, front)
        resque.run(_take(current, 1))  # reads all that stands in front of it
        started = time.perf_counter()
        resque.run(_take(current, TEN))
        took = time.perf_counter() - started
        return {OURS: took / TEN / min(front, length - front) * NS}


def _plain(bench: Bench, length: int) -> float:
    with _worker(bench.url) as (resque, current, db):
        _fill(db, length, every=1)
        number = min(TAKEN, length // 2) // TEN
        resque.run(_take(current, TEN))
        spent = 0.0
        for _ in range(number):
            started = time.perf_counter()
            resque.run(_take(current, TEN))
            spent += time.perf_counter() - started
            db.ltrim(LIST, 0, -1)  # as below: another client's command after each ten
        return spent / number / TEN * US


def _selective(bench: Bench, length: int, *, counted: bool) -> float:
    spent, taken = 0.0, 0
    with _worker(bench.url, only_registered=True) as (resque, current, db):
        counter, current.performed = current.performed, None
        left = 0
        while taken < TAKEN:
            if left < TEN:
                if current.record:
                    resque.run(current.finish(NO_FAILURE))
                _fill(db, length)
                left = length // OF - TEN
                resque.run(_take(current, TEN))
                db.ltrim(LIST, TEN * (OF - 1), -1)
            current.performed = counter if counted else None
            started = time.perf_counter()
            resque.run(_take(current, TEN))
            spent += time.perf_counter() - started
            db.ltrim(LIST, TEN * (OF - 1), -1)
            taken, left = taken + TEN, left - TEN
        resque.run(current.finish(NO_FAILURE))
    return spent / taken * US


async def _take(current: CurrentJob, number: int) -> None:
    """Finish and reserve so many times."""
    failure, job = NO_FAILURE, None
    for _ in range(number):
        if current.performed is not None and job is not None:
            failure = current.performed.counted(job, NO_FAILURE, 0.001, failed=False)
        job = await current.next_job(failure)
        if job is None:
            raise RuntimeError("the queue holds too few jobs")


@contextmanager
def _worker(url: str, **settings: bool) -> Iterator[tuple[Resque, CurrentJob, redis.Redis]]:
    """The current job of a worker that performs nothing."""
    with redis_client(url) as db, Resque(url, **settings) as resque:  # type: ignore[arg-type] # flags alone
        resque.job("Ours", queue="shared")(print)
        core = resque.core
        worker = Worker(
            core,
            WorkerId("bench", 1, ("shared",)),
            QueueList.parse(["shared"]),
            InlineExecutor(core.registry),
            PortableHost(),
        )
        resque.run(worker.current_job.read_finished_count())
        yield resque, worker.current_job, db
        db.flushdb()


def _fill(db: redis.Redis, length: int, front: int = 0, every: int = OF) -> None:
    """A queue of that length; from ``front`` on one of ``every`` jobs is ours."""
    db.flushdb()
    db.sadd("resque:queues", "shared")
    text = b'{"class":"%b","args":[%d,"an argument of a usual length"]}'
    for start in range(0, length, 5000):
        numbers = range(start, min(length, start + 5000))
        ours = (n >= front and n % every == every - 1 for n in numbers)
        names = (b"Ours" if one else b"Theirs" for one in ours)
        db.rpush(LIST, *(text % pair for pair in zip(names, numbers, strict=True)))


SELECTIVE = (
    *(
        Measure(
            f"selective-{length}",
            f"selective reserve, window 100, one job in ten ours, {length:,} queued",
            "us",
            partial(cost, length),
            (Bound((PLAIN,), 0.5),),
            more_is_better=False,
        )
        for length in LENGTHS
    ),
    *(
        Measure(
            f"selective-depth-{front}",
            f"the same behind {front:,} jobs of the other side, 1,000,000 queued: for each job up to the nearer end",
            "ns",
            partial(depth, front),
            more_is_better=False,
        )
        for front in DEPTHS
    ),
)
