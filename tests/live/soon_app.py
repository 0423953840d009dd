"""The application of the live tests in a worker that waits for Redis only shortly once it is to stop."""

from __future__ import annotations

from pyresque.driver import hurry
from pyresque.executor.fork import fast_path_handle
from pyresque.process.run.worker import run_worker
from pyresque.process.start.log_format import set_up
from pyresque.process.worker import redis_retry
from tests.live.app import resque

if __name__ == "__main__":
    hurry.LAST_REPLY = fast_path_handle.LAST_TURN = 0.3
    redis_retry.PATIENCE = 1.0
    set_up(resque.settings)
    run_worker(resque)
