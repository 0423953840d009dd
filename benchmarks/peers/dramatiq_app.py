"""Dramatiq's side: its Redis broker, no results, and no metrics server (a process and a file for each count)."""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks import jobs

broker = RedisBroker(url=os.environ["BENCH_URL"])
dramatiq.set_broker(broker)
KNOWN = {
    name: dramatiq.actor(getattr(jobs, name), actor_name=name, queue_name="bench")
    for name in ("noop", "spin", "nap", "stamp")
}


def put(job, *args):
    KNOWN[job].send(*args)


def bulk(job, rows):
    for args in rows:
        KNOWN[job].send(*args)


if __name__ == "__main__":
    from benchmarks.peers.pushing import answer  # not for workers: it loads what they do without

    answer(put, bulk)
