"""pyresque's side: ``ours.py URL VERB N`` prints the seconds that N took."""

import sys
import time

from pyresque import Resque
from pyresque.process.run import run_worker

url, verb, many = sys.argv[1], sys.argv[2], int(sys.argv[3])
resque = Resque(
    url, queues=("bench",), interval=0.0, executor="inline" if verb == "inline" else "fork"
)


@resque.job("NoopJob", queue="bench")
def noop(*args: object) -> None:
    """Do nothing."""


if verb == "enqueue":
    resque.enqueue(noop, 0, "x")
    start = time.perf_counter()
    for number in range(many):
        resque.enqueue(noop, number, "x")
elif verb == "enqueue_many":
    resque.enqueue(noop, 0, "x")
    start = time.perf_counter()
    resque.enqueue_many((noop, number, "x") for number in range(many))
else:
    resque.enqueue_many((noop, number, "x") for number in range(many))
    start = time.perf_counter()
    run_worker(resque)
print(time.perf_counter() - start)
