"""How near Redis is to its ``maxclients``: a waiting connection is given up before another client is refused for it."""

from __future__ import annotations

import re
from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyresque.clock import Clock
    from pyresque.ops import Arg

#: The command whose reply tells; a user of Redis who may not send it gets waiting connections until Redis refuses one.
ASKING: Final[tuple[Arg, ...]] = ("INFO", "clients")

#: Seconds between two questions; while Redis is so full that a start of many clients could fill it.
EVERY, SOON = 15.0, 2.0

#: The share of ``maxclients`` from which on waiting connections are given up, and below which they are opened again.
FULL, ROOM = 0.9, 0.8

#: The share from which on it asks every SOON seconds.
NEAR = 0.6

#: How Redis and those who offer it refuse a connection for there are too many.
REFUSALS = ("max number of clients", "max number of connections", "too many connections")


class ClientCount:
    """Asks for the number of clients from time to time. ``given_up``: too many were connected the last time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ask_at = 0.0
        self.given_up = False

    def is_due(self) -> bool:
        """Whether to ask now; then the next question is due in a while."""
        now = self._clock.monotonic()
        if now < self._ask_at:
            return False
        self._ask_at = now + EVERY
        return True

    def too_many(self, reply: object) -> str:
        """Return how full Redis is, by its reply, if waiting connections are to be given up; else an empty text."""
        if not isinstance(reply, bytes):
            self._ask_at = inf  # the user may not ask
            return ""
        found = dict(re.findall(rb"^(connected_clients|maxclients):(\d+)", reply, re.MULTILINE))
        connected, most = (
            int(found.get(name, 0)) for name in (b"connected_clients", b"maxclients")
        )
        if connected >= most * NEAR:
            self._ask_at = min(self._ask_at, self._clock.monotonic() + SOON)
        self.given_up = connected >= most * (ROOM if self.given_up else FULL) and most > 0
        return f"Redis has {connected} of {most} clients" if self.given_up else ""

    def ask_again(self) -> None:
        """Ask with the next command: connections were closed."""
        if self._ask_at < inf:
            self._ask_at = 0.0


def is_refusal(error: object) -> bool:
    """Whether Redis has refused a connection because it has too many clients."""
    return any(words in str(error).lower() for words in REFUSALS)
