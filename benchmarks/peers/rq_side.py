"""RQ's side: ``rq_side.py URL VERB N`` prints the seconds that N took."""

import logging
import sys
import time

from redis import Redis
from rq import Queue, Worker

from benchmarks.jobs import noop

url, verb, many = sys.argv[1], sys.argv[2], int(sys.argv[3])
connection = Redis.from_url(url)
queue = Queue("bench", connection=connection)
logging.getLogger("rq.worker").setLevel(logging.ERROR)

if verb == "enqueue":
    queue.enqueue(noop, 0, "x")
    start = time.perf_counter()
    for number in range(many):
        queue.enqueue(noop, number, "x")
elif verb == "enqueue_many":
    queue.enqueue(noop, 0, "x")
    start = time.perf_counter()
    queue.enqueue_many([Queue.prepare_data(noop, (number, "x")) for number in range(many)])
else:
    queue.enqueue_many([Queue.prepare_data(noop, (number, "x")) for number in range(many)])
    start = time.perf_counter()
    Worker([queue], connection=connection).work(burst=True, logging_level="ERROR")
print(time.perf_counter() - start)
