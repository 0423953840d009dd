"""Huey's delayed tasks: ``move N EACH`` prints the seconds in which they are moved, as its scheduler's loop does it."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta

from benchmarks.peers.huey_app import KNOWN, huey

#: A time in the next century.
LATER = datetime(2096, 10, 2)  # noqa: DTZ001 - Huey's own times bear no zone

verb, many = sys.argv[1], int(sys.argv[2])
assert verb == "move"
for number in range(many):
    eta = LATER + timedelta(seconds=number // int(sys.argv[3]))
    huey.add_schedule(KNOWN["noop"].s(number, "x", eta=eta))
start = time.perf_counter()
for task in huey.read_schedule(LATER + timedelta(seconds=many)):
    huey.enqueue(task)
print(time.perf_counter() - start)
assert huey.storage.queue_size() == many
