"""Jobs that are coroutines: nothing, and 10 ms of waiting, in one process and two, of 10 slots and 100."""

from __future__ import annotations

from benchmarks.contenders import ARQ, BARE_ASYNC, LOOPS, OURS, SAQ, SLOTS, TASKIQ
from benchmarks.measure import Bound, Measure
from benchmarks.throughput import throughput

PEERS = (TASKIQ, SAQ, ARQ)

#: What each kind of job is called, its name and arguments, and what it must reach.
JOBS = {
    "noop": ("no-op coroutine", ("noop_awaited", [0, "x"]), (Bound(PEERS, 5),)),
    "rest": ("10 ms of waiting", ("rest", [0.01]), (Bound((BARE_ASYNC,), 0.95),)),
}

ASYNC = tuple(
    Measure(
        f"async-{kind}-{workers}x{slots}",
        f"{title}, async, {workers} {'process' if workers == 1 else 'processes'} of {slots} slots",
        "jobs/s",
        throughput(dict.fromkeys((OURS, *LOOPS), f"async-{slots}"), job, workers=workers),
        bounds,
    )
    for kind, (title, job, bounds) in JOBS.items()
    for workers in (1, 2)
    for slots in SLOTS
)
