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


KNOWN = {"noop": noop, "spin": spin, "rest": rest, "nap": nap, "stamp": stamp}

if __name__ == "__main__":
    from benchmarks.peers.pushing import answer  # not for workers: it loads what they do without

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    def put(job, *args):
        loop.run_until_complete(KNOWN[job].kiq(*args))

    async def one_by_one(many):
        for number in range(many):
            await noop.kiq(number, "x")

    async def together(job, rows):
        each = 100
        for start in range(0, len(rows), each):
            await asyncio.gather(*(KNOWN[job].kiq(*args) for args in rows[start : start + each]))

    loop.run_until_complete(broker.startup())
    answer(
        put,
        lambda job, rows: loop.run_until_complete(together(job, rows)),
        lambda many: loop.run_until_complete(one_by_one(many)),
    )
    loop.run_until_complete(broker.shutdown())
