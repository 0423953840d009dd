"""Every measurement, in the order of the table, and what each must reach."""

from __future__ import annotations

from benchmarks.async_slots import ASYNC
from benchmarks.contenders import (
    BARE,
    CELERY,
    DRAMATIQ,
    HUEY,
    NODE,
    OURS,
    PREFETCHING,
    RQ,
    RUBY,
    TASKIQ,
)
from benchmarks.delays import DELAYS
from benchmarks.fleet import FLEET
from benchmarks.footprint import COMMANDS, a_job, idle, memory, memory_kept, one_trip
from benchmarks.kinds import measures as kinds
from benchmarks.latency import latency, tail
from benchmarks.measure import Bound, Measure
from benchmarks.pushes import against_bare_forks, pushes
from benchmarks.real_jobs import REAL_JOBS
from benchmarks.selective import SELECTIVE
from benchmarks.throughput import growth, throughput

NOOP = ("noop", [0, "x"])
SPIN = ("spin", [5])
REST = ("rest", [0.01])

IN_PROCESS = (HUEY, TASKIQ, DRAMATIQ, PREFETCHING, NODE)
PUSHING = (OURS, RUBY, RQ, HUEY, DRAMATIQ, CELERY, TASKIQ, NODE)

#: Who runs how.
FORK = {OURS: "fork", RUBY: "fork", RQ: "fork"}
HEAP = {OURS: "heap", RUBY: "heap", RQ: "heap"}
SEVERAL = {OURS: "child100", RUBY: "fork"}
INLINE = dict.fromkeys((OURS, RUBY, *IN_PROCESS, BARE), "inline")
THREAD = dict.fromkeys((OURS, DRAMATIQ, PREFETCHING, CELERY), "thread")
QUICK = dict.fromkeys((OURS, RUBY, HUEY, TASKIQ, DRAMATIQ, NODE), "inline")
MIXED = {OURS: "inline", RUBY: "fork", RQ: "fork", HUEY: "inline", NODE: "inline"}

RUBY_AND_LIMIT = (Bound((RUBY,), 4), Bound((BARE,), 0.8))

MEASURES = (
    Measure(
        "fork1",
        "no-op, a fork for each job, 1 worker",
        "jobs/s",
        throughput(FORK, NOOP),
        (Bound((RUBY,), 2.5), Bound((RQ,), 12)),
    ),
    Measure(
        "fork2",
        "no-op, a fork for each job, 2 workers",
        "jobs/s",
        throughput(FORK, NOOP, workers=2),
        (Bound((RUBY,), 2.5), Bound((RQ,), 12)),
    ),
    Measure("cpu1", "5 ms of CPU, a fork for each job, 1 worker", "jobs/s", throughput(FORK, SPIN)),
    Measure(
        "cpu2",
        "5 ms of CPU, a fork for each job, 2 workers",
        "jobs/s",
        throughput(FORK, SPIN, workers=2),
        (Bound((RUBY,), 1.6),),
    ),
    Measure(
        "heap",
        "no-op, a fork for each job, 100 MB loaded before, 1 worker",
        "jobs/s",
        throughput(HEAP, NOOP),
        (Bound((RUBY,), 2.5),),
    ),
    Measure(
        "child100",
        "no-op, a fork for each 100 jobs (Ruby: for each), 1 worker",
        "jobs/s",
        throughput(SEVERAL, NOOP),
        (Bound((RUBY,), 15),),
    ),
    Measure(
        "forks", "a job in a fork, beside a bare fork and wait", "a second", against_bare_forks
    ),
    Measure(
        "inline1",
        "no-op, no fork, 1 worker",
        "jobs/s",
        throughput(INLINE, NOOP),
        (Bound(IN_PROCESS, 2), *RUBY_AND_LIMIT),
    ),
    Measure(
        "inline2",
        "no-op, no fork, 2 workers",
        "jobs/s",
        throughput(INLINE, NOOP, workers=2),
        (Bound(IN_PROCESS, 3), *RUBY_AND_LIMIT),
    ),
    Measure(
        "inline-cpu",
        "5 ms of CPU, no fork, 2 workers",
        "jobs/s",
        throughput(QUICK, SPIN, workers=2),
    ),
    *ASYNC,
    Measure(
        "thread",
        "no-op, 8 threads, 1 worker",
        "jobs/s",
        throughput(THREAD, NOOP),
        (Bound((DRAMATIQ,), 1.5),),
    ),
    Measure(
        "latency-inline",
        "push to start, no fork, p50",
        "ms",
        latency(QUICK),
        (Bound((HUEY,), 1),),
        more_is_better=False,
    ),
    Measure(
        "latency-fork",
        "push to start, a fork for each job, p50",
        "ms",
        latency(FORK),
        (Bound((RQ,), 2),),
        more_is_better=False,
    ),
    *(
        Measure(
            f"tail-{way}",
            f"push to start, {title}, p99",
            "ms",
            tail(way),
            (Bound(("three times our p50",), 1),),
            more_is_better=False,
        )
        for way, title in (("inline", "no fork"), ("fork", "a fork for each job"))
    ),
    Measure(
        "trips",
        "round trips of Redis a job",
        "",
        one_trip(MIXED),
        (Bound(("the aim",), 0.98),),
        more_is_better=False,
    ),
    Measure(
        "trips-fork",
        "the same, a fork for each job",
        "",
        one_trip(FORK),
        (Bound(("the aim",), 0.98),),
        more_is_better=False,
    ),
    Measure(
        "commands",
        "commands of Redis a job, those in scripts too",
        "",
        a_job(COMMANDS, MIXED),
        more_is_better=False,
    ),
    Measure(
        "idle",
        "commands of Redis a second, idle worker of 1 queue",
        "",
        idle(MIXED),
        more_is_better=False,
    ),
    Measure(
        "memory-idle",
        "memory (PSS) of an idle forking worker",
        "MB",
        memory("idle", FORK),
        (Bound((RUBY,), 1),),
        more_is_better=False,
    ),
    Measure(
        "memory-busy",
        "memory (PSS) of a forking worker and the child at work",
        "MB",
        memory("busy", FORK),
        (Bound((RUBY,), 1),),
        more_is_better=False,
    ),
    Measure(
        "memory-kept",
        "memory (PSS) after 10,000 jobs",
        "MB",
        memory_kept,
        (Bound(("after 100 jobs",), 0.95),),
        more_is_better=False,
    ),
    Measure(
        "growth-inline",
        "no-op, no fork, 200,000 queued",
        "jobs/s",
        growth("inline"),
        (Bound(("at most 1,000 queued",), 0.95),),
    ),
    Measure(
        "growth-fork",
        "no-op, a fork for each job, 200,000 queued",
        "jobs/s",
        growth("fork"),
        (Bound(("at most 1,000 queued",), 0.95),),
    ),
    *kinds(),
    Measure(
        "push",
        "enqueue, one by one",
        "jobs/s",
        pushes("one", 4000, PUSHING),
        (Bound((RUBY,), 1.3), Bound((HUEY,), 1)),
    ),
    Measure(
        "push-many",
        "enqueue many",
        "jobs/s",
        pushes("bulk", 20_000, [name for name in PUSHING if name != RUBY]),
        (Bound((RQ, HUEY, DRAMATIQ, CELERY, TASKIQ, NODE), 3),),
    ),
    *DELAYS,
    *REAL_JOBS,
    *FLEET,
    *SELECTIVE,
)
