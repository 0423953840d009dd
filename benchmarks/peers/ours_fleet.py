"""Ours beside a fleet: reads verbs, one a line, and prints for each how many milliseconds it took."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from pyresque import Resque
from pyresque.job.worker_registry import WorkerId
from pyresque.process.host.posix import PosixHost, hostname
from pyresque.process.worker.pruning import Pruner
from pyresque.process.worker.queue_list import QueueList

if TYPE_CHECKING:
    from collections.abc import Callable

resque = Resque(os.environ["BENCH_URL"])


def prune() -> int:
    """Prune, as a worker of all queues on a host of its own does."""
    me = WorkerId(f"{hostname()}.bench", os.getpid(), ("*",))
    posix = PosixHost()
    pruner = Pruner(resque.core, me, QueueList.parse(me.queues), posix.worker_pids)
    pruned = resque.run(pruner.prune())
    posix.close()
    return len(pruned or ())


VERBS: dict[str, Callable[[], object]] = {
    "info": resque.info,
    "workers": resque.workers,
    "working": resque.working,
    "prune": prune,
}

if __name__ == "__main__":
    for line in sys.stdin:
        began = time.perf_counter()
        VERBS[line.strip()]()
        print((time.perf_counter() - began) * 1000, flush=True)
