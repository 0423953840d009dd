"""What Resque and its plugins keep under which key: the type, and whether the key ends by itself. A table; the first row that fits counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyresque.plugins.undeclared import UNIQUE
from pyresque.store.keys import uniqueness_lock

if TYPE_CHECKING:
    from pyresque.store.keys import Keys

#: Seconds that the mending command gives to keys that never end: a scheduler's and a worker's own times, or a day.
SHORT: Final = 180
DAY: Final = 24 * 3600

_DIGITS: Final = re.compile(r"\d+")
_RECORD: Final = re.compile(r".+:\d+:.+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class KeyRule:
    """Keys that begin with ``start``, or are it: their type, and the seconds that one is to live at most (None: for ever).

    ``rest``: how what follows must look.
    """

    start: str
    type: str
    ends: int | None = None
    whole: bool = False
    rest: re.Pattern[str] | None = None

    def fits(self, key: str) -> bool:
        """Whether a key is one of these."""
        if self.whole:
            return key == self.start
        return key.startswith(self.start) and (
            self.rest is None or self.rest.fullmatch(key, len(self.start)) is not None
        )


def rules(keys: Keys) -> tuple[KeyRule, ...]:
    """Return the rules of one namespace."""
    whole = {
        "set": (
            *(keys.queues, keys.workers, keys.failed_queues, keys.schedules_changed),
            *(keys.status_kills, keys.moved_queues),
        ),
        "hash": (
            *(keys.heartbeats, keys.schedules, keys.last_enqueued_at, keys.lost_jobs),
            keys.performed_last,
        ),
        "list": (keys.failed(), keys.failed_aside, keys.history, keys.routes_log),
        "zset": (keys.delayed_schedule, keys.statuses),
        "string": (keys.pause, keys.pause_all_queues, keys.routes),
    }
    return (
        *(KeyRule(key, kind, whole=True) for kind, some in whole.items() for key in some),
        KeyRule(keys.pruning, "string", SHORT, whole=True),
        KeyRule(keys.node_leader_lock, "string", SHORT, whole=True),
        KeyRule(keys.queue(""), "list"),
        KeyRule(keys.delayed(""), "list", rest=_DIGITS),
        KeyRule(keys.worker(""), "string", rest=_RECORD),
        KeyRule(keys.stat(""), "string"),
        KeyRule(keys.timestamps(b"").decode(), "set"),
        KeyRule(keys.retry_counter(""), "string"),
        KeyRule(keys.retry_failure(""), "string", DAY),
        KeyRule(keys.loner("", "").partition(":queue:")[0], "string"),
        KeyRule(keys.solo("", "").partition(":queue:")[0], "string"),
        KeyRule(keys.lonely_job(""), "string"),
        KeyRule(keys.workers_lock(""), "string", SHORT),
        KeyRule(keys.redeliveries("", b"").rpartition("::")[0] + ":", "string", DAY),
        KeyRule(keys.mover(""), "string", SHORT),
        KeyRule(uniqueness_lock(UNIQUE), "string", DAY),
    )
