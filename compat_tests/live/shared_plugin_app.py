"""The Python half of the classes that ``test_ruby_shared_plugins.py`` gives plugins in both languages."""

from __future__ import annotations

import json
import os

from compat_tests.live.plugin_table import CLASSES
from pyresque import Resque
from pyresque.plugins import Restriction

NAME = os.environ["LIVE_PLUGIN"]
PLUGIN = Restriction(concurrent=3) if NAME == "resque-restriction" else CLASSES[NAME][2]

resque = Resque()
plain = Resque(namespace="live")


@resque.job("PythonsOwn", queue="low", plugins=[PLUGIN])
def pythons_own(number: int, what: str) -> None:
    """Note that it was performed, and end as asked."""
    plain.redis.rpush("performed", json.dumps(["python", "PythonsOwn", number]))
    if what == "fail":
        raise ValueError(number)


resque.declare("RubysOwn", queue="low", plugins=[PLUGIN])
