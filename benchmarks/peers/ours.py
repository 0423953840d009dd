"""pyresque's side: ``ours.py URL VERB N`` prints the seconds that N took."""

import sys
import time

from pyresque import Resque
from pyresque.process.run import run_worker

#: A time in the next century.
LATER = 4_000_000_000

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
elif verb == "enqueue_at":
    resque.enqueue_at(LATER, noop, 0, "x")
    start = time.perf_counter()
    for number in range(many):
        resque.enqueue_at(LATER + number % 100, noop, number, "x")
elif verb == "enqueue_many_at":
    resque.enqueue_at(LATER, noop, 0, "x")
    start = time.perf_counter()
    resque.enqueue_many_at((LATER + number % 100, noop, number, "x") for number in range(many))
elif verb.startswith("move"):
    if verb == "move_few":
        resque.enqueue_many_at(
            (2 * LATER + number % 100_000, noop, number, "x") for number in range(1_000_000)
        )
    each = many if verb == "move_one" else 10
    resque.enqueue_many_at((LATER + number // each, noop, number, "x") for number in range(many))
    start = time.perf_counter()
    assert resque.move_due(LATER + many) == many
else:
    resque.enqueue_many((noop, number, "x") for number in range(many))
    start = time.perf_counter()
    run_worker(resque)
print(time.perf_counter() - start)
