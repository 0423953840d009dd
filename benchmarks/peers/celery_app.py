"""Celery's side: results off, and the large prefetch that its guide recommends for many short tasks."""

from __future__ import annotations

import os

from celery import Celery

from benchmarks import jobs

app = Celery("bench", broker=os.environ["BENCH_URL"])
app.conf.update(
    task_default_queue="bench",
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    worker_prefetch_multiplier=64,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
)
KNOWN = {
    name: app.task(name=name)(getattr(jobs, name)) for name in ("noop", "spin", "nap", "stamp")
}


def put(job, *args):
    KNOWN[job].delay(*args)


def bulk(job, rows):
    with app.producer_or_acquire() as producer:
        for args in rows:
            KNOWN[job].apply_async(args, producer=producer)


if __name__ == "__main__":
    from benchmarks.peers.pushing import answer  # not for workers: it loads what they do without

    answer(put, bulk)
