"""pyresque's side."""

from __future__ import annotations

import os

from benchmarks import jobs
from pyresque import Resque

resque = Resque(os.environ["BENCH_URL"])
KNOWN = {
    name: resque.job(name, queue="bench")(getattr(jobs, name))
    for name in ("noop", "spin", "nap", "stamp", "rest", "noop_awaited")
}
HEAP = jobs.heap()

if __name__ == "__main__":
    from benchmarks.peers.pushing import answer  # not for workers: it loads what they do without

    answer(
        lambda job, *args: resque.enqueue(KNOWN[job], *args),
        lambda job, rows: resque.enqueue_many((KNOWN[job], *args) for args in rows),
    )
