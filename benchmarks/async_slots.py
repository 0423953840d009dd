"""Jobs that are coroutines: nothing, and 10 ms of waiting, in one process and two, of 10 slots and 100."""

from __future__ import annotations

from benchmarks.contenders import ARQ, BARE_ASYNC, LOOPS, OURS, SAQ, SLOTS, TASKIQ
from benchmarks.measure import Bound, Measure
from benchmarks.throughput import throughput

#: What each kind of job is called, its name and its arguments.
JOBS = {
    "noop": ("no-op coroutine", ("noop_awaited", [0, "x"])),
    "rest": ("10 ms of waiting", ("rest", [0.01])),
}

NOOP_BOUND = Bound((TASKIQ, SAQ, ARQ), 5)
BOUNDS = {
    **{f"async-noop-{workers}x{slots}": (NOOP_BOUND,) for workers in (1, 2) for slots in SLOTS},
    "async-rest-2x10": (Bound((BARE_ASYNC,), 0.95),),
}


def _measure(kind: str, workers: int, slots: str) -> Measure:
    title, job = JOBS[kind]
    key = f"async-{kind}-{workers}x{slots}"
    processes = "1 process" if workers == 1 else f"{workers} processes"
    ways = dict.fromkeys((OURS, *LOOPS), f"async-{slots}")
    return Measure(
        key,
        f"{title}, async, {processes} of {slots} slots",
        "jobs/s",
        throughput(ways, job, workers=workers, slots=int(slots)),
        BOUNDS.get(key, ()),
    )


ASYNC = tuple(
    _measure(kind, workers, slots) for kind in JOBS for workers in (1, 2) for slots in SLOTS
)
