"""taskiq's side: a list in Redis, no result backend; jobs are coroutines, which it runs without a thread."""

from __future__ import annotations

import asyncio
import os

from taskiq_redis import ListQueueBroker

from benchmarks import jobs

broker = ListQueueBroker(os.environ["BENCH_URL"], queue_name="bench")


@broker.task(task_name="noop")
async def noop(number, text):
    pass


@broker.task(task_name="noop_awaited")
async def noop_awaited(number, text):
    pass


@broker.task(task_name="spin")
async def spin(milliseconds):
    jobs.spin(milliseconds)


@broker.task(task_name="rest")
async def rest(seconds):
    await jobs.rest(seconds)


@broker.task(task_name="nap")
async def nap(seconds, path):
    await asyncio.sleep(seconds)
    jobs.stamp(path)


@broker.task(task_name="stamp")
async def stamp(path):
    jobs.stamp(path)


KNOWN = {
    "noop": noop,
    "noop_awaited": noop_awaited,
    "spin": spin,
    "rest": rest,
    "nap": nap,
    "stamp": stamp,
}


async def put(job, *args):
    await KNOWN[job].kiq(*args)


if __name__ == "__main__":
    from benchmarks.peers.pushing import answer, awaiting  # not for workers, as elsewhere

    answer(*awaiting(put, broker.startup))
