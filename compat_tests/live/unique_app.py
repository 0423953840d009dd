"""The Python half of the unique active job that ``test_ruby_uniqueness.py`` has in both languages."""

from __future__ import annotations

import os
import signal
import time

from pyresque import Resque

resque = Resque()


@resque.active_job("AjUniqueJob", queue="low", unique=os.environ["LIVE_STRATEGY"])
def unique(number: int, what: str, **more: object) -> None:
    """End as asked."""
    if what == "fail":
        raise ValueError(number)
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "sleep":
        time.sleep(60)
