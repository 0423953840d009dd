"""pyresque's delayed jobs: each verb prints the seconds that N of them took; ``move`` also the process's MB at most.

python -m benchmarks.peers.ours_later one N        entered one by one
python -m benchmarks.peers.ours_later bulk N       entered in the way that is fastest
python -m benchmarks.peers.ours_later wait N       entered for a time that never comes, 10 a timestamp
python -m benchmarks.peers.ours_later put N AT     entered a second apart, each knows when it is due
python -m benchmarks.peers.ours_later move N EACH  moved to their queue, so many a timestamp, under the master lock
"""

from __future__ import annotations

import os
import resource
import sys
import time

from benchmarks.peers.ours_app import KNOWN, resque
from pyresque.process.host.posix import PosixHost
from pyresque.process.run.scheduler import claim
from pyresque.process.scheduler import Scheduler

#: A time in the next century, and one in a later one.
LATER, NEVER = 4_000_000_000, 8_000_000_000

NOOP = KNOWN["noop"]


def fill(start: int, many: int, each: int) -> None:
    """Enter so many, so many of them for each second from the start on."""
    resque.enqueue_many_at((start + number // each, NOOP, number, "x") for number in range(many))


def move(many: int) -> None:
    """As a scheduler does that is the master: the lock is renewed between two batches."""
    resque.run(resque.core.delayed.move_due(LATER + many, scheduler._still_master))
    assert resque.size("bench") == many


verb, many = sys.argv[1], int(sys.argv[2])
resque.enqueue_at(NEVER - 1, NOOP)
if verb == "move":
    fill(LATER, many, int(sys.argv[3]))
    scheduler = Scheduler(resque.core, claim(), PosixHost())
    assert resque.run(scheduler.hold_master())
start = time.perf_counter()
if verb == "one":
    for number in range(many):
        resque.enqueue_at(LATER + number % 100, NOOP, number, "x")
elif verb == "bulk":
    resque.enqueue_many_at((LATER + number % 100, NOOP, number, "x") for number in range(many))
elif verb == "put":
    first = int(sys.argv[3])
    resque.enqueue_many_at((at, NOOP, at) for at in range(first, first + many))
elif verb == "wait":
    fill(NEVER, many, 10)
else:
    move(many)
seconds = time.perf_counter() - start
unit = 1024 if os.uname().sysname == "Linux" else 1024 * 1024
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
