"""Huey's side: results off, the blocking pop that is its default."""

from __future__ import annotations

import os

from huey import RedisHuey

from benchmarks import jobs

huey = RedisHuey("bench", url=os.environ["BENCH_URL"], results=False)
KNOWN = {
    name: huey.task(name=name)(getattr(jobs, name)) for name in ("noop", "spin", "nap", "stamp")
}


def put(job, *args):
    KNOWN[job](*args)


def bulk(job, rows):
    for args in rows:
        KNOWN[job](*args)


if __name__ == "__main__":
    from benchmarks.peers.pushing import answer  # not for workers: it loads what they do without

    answer(put, bulk)
