"""The Python half of the class Report that ``test_ruby_status.py`` gives a status in both languages."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from pyresque import Resque
from pyresque.plugins import Status

resque = Resque()


@resque.job("Report", queue="low", plugins=[Status()])
def report(what: str = "do", steps: int = 2, **more: Any) -> dict[str, object] | None:
    """End as asked."""
    status = resque.status()
    if what == "wait":
        for step in range(100_000):
            resque.redis.rpush("steps", step)
            status.at(step + 1, 100_000)
            time.sleep(0.01)
    for step in range(steps):
        status.at(step + 1, steps, f"step {step + 1}")
        if what == "fail":
            raise ValueError("boom")
        if what == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "sleep":
            time.sleep(60)
    return {"steps": steps, **more}
