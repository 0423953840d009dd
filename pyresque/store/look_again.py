"""Ends loops that look at something and change it in a second step, if it is still the same; else they look again.

Each failure but the last is another process's success, so with Redis such a loop is short. What is no Redis, or a proxy that carries
no script out, may say for ever that it is not the same.
"""

from __future__ import annotations

from pyresque.errors import UnexpectedReply

#: Attempts in vain: a hundred processes that all want the same element do not come near it.
MOST = 2000


class Attempts:
    """Counts the attempts of one loop that were in vain. ``what``: what is changed, for the message."""

    __slots__ = ("_left", "_what")

    def __init__(self, what: str) -> None:
        self._what = what
        self._left = MOST

    def failed(self) -> None:
        """Note that it was another one when it was to be changed. Raises UnexpectedReply after MOST attempts."""
        self._left -= 1
        if self._left <= 0:
            raise UnexpectedReply(
                f"{MOST} times Redis gave {self._what} and then said that it is another one: see that the URL leads to a Redis "
                "server, and that a proxy in front of it carries scripts out"
            )
