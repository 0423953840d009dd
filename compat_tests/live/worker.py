"""A real pyresque worker, set up by its environment alone; says its id on stdout before it starts (as worker.rb does)."""

from __future__ import annotations

import os

from compat_tests.live.active_jobs import resque
from pyresque.process.host.posix import hostname
from pyresque.process.run.worker import run_worker
from pyresque.process.worker.queue_list import QueueList

print(f"{hostname()}:{os.getpid()}:{QueueList.parse(resque.settings.queues)}", flush=True)
run_worker(resque)
