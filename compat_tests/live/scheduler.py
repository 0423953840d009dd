"""A real pyresque scheduler, set up by its environment alone; says its lock's value on stdout before it starts (as scheduler.rb does)."""

from __future__ import annotations

import os

from compat_tests.live.app import resque
from pyresque.process.host.posix import hostname
from pyresque.process.run.scheduler import run_scheduler

print(f"{hostname()}:{os.getpid()}", flush=True)
run_scheduler(resque)
