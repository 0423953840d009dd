"""The Python half of the classes that ``test_ruby_plugins.py`` gives plugins in both languages."""

from __future__ import annotations

import os
import signal
import time

from compat_tests.live.plugin_table import CLASSES
from pyresque import Resque

resque = Resque()


@resque.job("Plugged", queue="low", plugins=[CLASSES[os.environ["LIVE_PLUGIN"]][2]])
def plugged(*args: object) -> None:
    """End as asked. With resque-meta the first argument is an id."""
    number, what, *_ = args[1:] if os.environ["LIVE_PLUGIN"] == "resque-meta" else args
    if what == "fail":
        raise ValueError(number)
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "sleep":
        time.sleep(60)
