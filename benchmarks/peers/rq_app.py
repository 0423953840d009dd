"""RQ's side; ``work`` is its default worker, which forks a work horse for each job. Results are off."""

from __future__ import annotations

import logging
import os
import sys

from redis import Redis
from rq import Queue, Worker

from benchmarks import jobs

queue = Queue("bench", connection=Redis.from_url(os.environ["BENCH_URL"]))


def put(job, *args):
    queue.enqueue_call(getattr(jobs, job), args=args, result_ttl=0)


def bulk(job, rows):
    each = 1000
    for start in range(0, len(rows), each):
        queue.enqueue_many(
            [
                Queue.prepare_data(getattr(jobs, job), args, result_ttl=0)
                for args in rows[start : start + each]
            ]
        )


if __name__ == "__main__":
    from benchmarks.peers.pushing import answer  # not for workers: it loads what they do without

    if sys.argv[1] == "work":
        heap = jobs.heap()
        logging.getLogger("rq.worker").setLevel(logging.ERROR)
        Worker([queue], connection=queue.connection).work(logging_level="ERROR")
    else:
        answer(put, bulk)
