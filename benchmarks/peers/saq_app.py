"""saq's side: no time limit, nothing is kept of a job; uvloop, as the others have it. ``BENCH_SLOTS`` jobs run at once."""

from __future__ import annotations

import asyncio
import os

import uvloop
from saq import Job, Queue

from benchmarks import jobs

uvloop.install()
SLOTS = int(os.environ.get("BENCH_SLOTS", "100"))
queue = Queue.from_url(os.environ["BENCH_URL"], name="bench", max_concurrent_ops=SLOTS)


async def noop_awaited(ctx, *, args):
    pass


async def rest(ctx, *, args):
    await jobs.rest(*args)


async def nap(ctx, *, args):
    seconds, path = args
    await asyncio.sleep(seconds)
    jobs.stamp(path)


async def stamp(ctx, *, args):
    jobs.stamp(*args)


settings = {"queue": queue, "functions": [noop_awaited, rest, nap, stamp], "concurrency": SLOTS}


async def put(job, *args):
    await queue.enqueue(Job(job, {"args": args}, timeout=0, ttl=-1))


if __name__ == "__main__":
    from benchmarks.peers.pushing import answer, awaiting  # not for workers, as elsewhere

    answer(*awaiting(put))
