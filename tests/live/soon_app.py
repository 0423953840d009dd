"""The application of the live tests in a process that waits for Redis only shortly once it is to stop; ROLE: which process that is."""

from __future__ import annotations

import os

from pyresque.driver import hurry
from pyresque.executor.fork import fast_path_handle
from pyresque.process.run.mover import run_mover
from pyresque.process.run.pool import run_pool
from pyresque.process.run.scheduler import run_scheduler
from pyresque.process.run.worker import run_worker
from pyresque.process.start.log_format import set_up
from pyresque.process.worker import redis_retry
from tests.live.app import resque

ROLES = {
    "worker": run_worker,
    "scheduler": run_scheduler,
    "mover": run_mover,
    "pool": lambda of: run_pool(of, lambda: {"low": 2}),
}

if __name__ == "__main__":
    hurry.LAST_REPLY = fast_path_handle.LAST_TURN = 0.3
    redis_retry.PATIENCE = 1.0
    set_up(resque.settings)
    ROLES[os.environ.get("ROLE", "worker")](resque)
