"""pyresque's side of real jobs: ``BENCH_REAL`` is the kind of ``benchmarks/real.py``, or "resque.redis"; ``BENCH_WARM`` is where it is warmed up."""

from __future__ import annotations

import os

from benchmarks import jobs, real
from pyresque import Resque

resque = Resque(os.environ["BENCH_URL"])
KIND = os.environ["BENCH_REAL"]
for name in ("nap", "stamp"):
    resque.job(name, queue="bench")(getattr(jobs, name))

if KIND == "resque.redis":

    @resque.job("work", queue="bench")
    def incr() -> None:
        """Count one up."""
        resque.redis.incr(real.COUNTER)

else:
    WORK, WARM = real.work(KIND)
    resque.job("work", queue="bench")(WORK)
    if os.environ.get("BENCH_WARM") == "lent":
        resque.lend(real.client())
        WARM = WORK
    if os.environ.get("BENCH_WARM") == "child":
        resque.warm_up(in_child=True)(WORK)
    if os.environ.get("BENCH_WARM"):

        @resque.warm_up
        def warm() -> None:
            """Do what a job does, and leave nothing open."""
            WARM()


if __name__ == "__main__":
    import json
    import sys

    for given, arguments, many in json.load(sys.stdin):
        resque.enqueue_many((given, *arguments) for _ in range(many))
