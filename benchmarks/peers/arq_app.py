"""arq's side: no results, and hardly a pause between two looks at its queue. ``BENCH_SLOTS`` jobs run at once.

Jobs of the same millisecond run in the order of their ids, so these are numbers.
"""

from __future__ import annotations

import asyncio
import os
from itertools import count

import uvloop
from arq import create_pool
from arq.connections import RedisSettings

from benchmarks import jobs

uvloop.install()
REDIS = RedisSettings.from_dsn(os.environ["BENCH_URL"])


async def noop_awaited(ctx, number, text):
    pass


async def rest(ctx, seconds):
    await jobs.rest(seconds)


async def nap(ctx, seconds, path):
    await asyncio.sleep(seconds)
    jobs.stamp(path)


async def stamp(ctx, path):
    jobs.stamp(path)


class Settings:
    functions = (noop_awaited, rest, nap, stamp)
    redis_settings = REDIS
    queue_name = "bench"
    max_jobs = int(os.environ.get("BENCH_SLOTS", "10"))
    keep_result = 0
    poll_delay = 0.001


if __name__ == "__main__":
    from benchmarks.peers.pushing import answer, awaiting  # not for workers, as elsewhere

    client, numbers = [], count()

    async def start():
        client.append(await create_pool(REDIS))

    async def put(job, *args):
        number = f"{next(numbers):09}"
        await client[0].enqueue_job(job, *args, _queue_name="bench", _job_id=number)

    answer(*awaiting(put, start))
