"""Who waits for a job in a queue, and how: a few workers watch the queue, the others wait to be called by one that takes a job.

A list that all of a thousand workers watch tells each of them of every job, and all but one ask in vain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.store.queues import to_bytes
from pyresque.store.scripts import script

if TYPE_CHECKING:
    from pyresque.ops import Arg
    from pyresque.store.keys import Keys

#: So many registered workers may all watch a queue.
FEW = 16

#: Watchers of a queue at a time where there are more workers.
WATCHERS = 4

#: Workers that one watcher calls at most.
CALLS = 500

#: Replies of ``entering``: wait to be called, or watch as one of WATCHERS. Any other: watch, and nobody notes it.
TO_BE_CALLED, WATCH_NOTED = 0, 2

#: The call to look for a job; any other one is to ask again how to wait.
LOOK = b"look"


class WaitingTable:
    """The commands of one process, ``member``, as they are sent on a waiting connection. Queues are given by their keys."""

    def __init__(self, keys: Keys, member: str) -> None:
        self.keys = keys
        self.member = member

    def entering(self, queue_key: str, seconds: int, *, by_text: bool = False) -> tuple[Arg, ...]:
        """The command that asks how to wait, for that many seconds; ``by_text`` for a server that does not have the script."""
        return self._called(queue_key, ("enter", seconds, FEW), by_text=by_text)

    def leaving(self, queue_key: str) -> tuple[Arg, ...]:
        """The command of one of WATCHERS that has a job now: others are called in its place, and for the jobs that are left."""
        return self._called(queue_key, ("leave", CALLS))

    def being_called(self, queue_key: str, seconds: float) -> tuple[Arg, ...]:
        """The command that waits to be called; it replies nothing after that many seconds."""
        return ("BLPOP", to_bytes(self.keys.wait_calls(queue_key)), seconds)

    def _called(
        self, queue_key: str, what: tuple[Arg, ...], *, by_text: bool = False
    ) -> tuple[Arg, ...]:
        called = script("share_waiting")
        how = ("EVAL", called.text) if by_text else ("EVALSHA", called.sha)
        keys = (
            self.keys.workers,
            to_bytes(self.keys.watchers(queue_key)),
            to_bytes(self.keys.wait_calls(queue_key)),
            to_bytes(queue_key),
        )
        return (*how, len(keys), *keys, self.member, WATCHERS, *what)


def watching(queue_key: str, seconds: float) -> tuple[Arg, ...]:
    """The command that replies as soon as the queue has a job, and leaves it as it was; it replies nothing after that many seconds."""
    key = to_bytes(queue_key)
    return ("BLMOVE", key, key, "LEFT", "LEFT", seconds)
