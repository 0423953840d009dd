"""The Python half of the classes that ``test_ruby_plugins.py`` gives plugins in both languages."""

from __future__ import annotations

import os
import signal
import time

from compat_tests.live.plugin_table import CLASSES
from pyresque import Resque

resque = Resque()


@resque.job("Plugged", queue="low", plugins=[CLASSES[os.environ["LIVE_PLUGIN"]][2]])
def plugged(number: int, what: str, more: object = None) -> None:
    """End as asked."""
    if what == "fail":
        raise ValueError(number)
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "sleep":
        time.sleep(60)
