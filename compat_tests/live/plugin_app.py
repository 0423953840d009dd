"""The Python half of the classes that ``test_ruby_plugins.py`` gives plugins in both languages."""

from __future__ import annotations

import os
import signal
import time

from pyresque import Resque
from pyresque.plugins import Lock, LockTimeout, Loner, Plugin, Restriction, Retry, Solo

MANY = 1000 if os.environ.get("PYRESQUE_REQUIRE_RUBY") == "1" else 60

resque = Resque()

PLUGINS: dict[str, Plugin] = {
    "resque-loner": Loner(),
    "resque_solo": Solo(),
    "resque-lock": Lock(),
    "resque-lock-timeout": LockTimeout(loner=True),
    "resque-retry": Retry(limit=3),
    "resque-restriction": Restriction(per_year=MANY // 2, concurrent=3),
}


@resque.job("Plugged", queue="low", plugins=[PLUGINS[os.environ["LIVE_PLUGIN"]]])
def plugged(number: int, what: str, more: object = None) -> None:
    """End as asked."""
    if what == "fail":
        raise ValueError(number)
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "sleep":
        time.sleep(60)
