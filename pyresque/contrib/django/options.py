"""The OPTIONS of the backend, checked."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.db import DEFAULT_DB_ALIAS

from pyresque.plugins.status import TRACKED_FOR

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The largest value that a task may return unless OPTIONS say otherwise, in bytes of JSON.
LIMIT: Final = 2**20

#: What stands in a queue's name for the ``queue_name`` of the task.
QUEUE: Final = "{queue}"


class BackendOptions:
    """What OPTIONS say; ``faults``: what is wrong with them. A wrong option counts as not given.

    ``priorities``: a dict from the least priority to the queue that it means, such as ``{10: "{queue}_high", -100: "{queue}_low"}``; a
    priority below them all means the task's own queue. ``result_ttl``: None keeps results for ever. ``on_commit``: True, or the alias
    of the database whose transaction counts.
    """

    NAMES: ClassVar = ("priorities", "result_ttl", "result_limit", "on_commit")

    def __init__(self, given: object) -> None:
        self.faults: list[str] = []
        options: Mapping[str, Any] = given if isinstance(given, dict) else {}
        if options is not given:
            self.faults.append(f"{given!r} is no dict of options")
        for name in options:
            if name not in self.NAMES:
                near = get_close_matches(str(name), self.NAMES, n=1)
                hint = f" (did you mean {near[0]}?)" if near else ""
                self.faults.append(f"{name}: there is no such option{hint}")
        self.priorities = self._priorities(options.get("priorities", {}))
        self.result_ttl = self._number(options, "result_ttl", TRACKED_FOR, or_none=True)
        self.result_limit = self._number(options, "result_limit", LIMIT) or LIMIT
        self.on_commit = self._alias(options.get("on_commit", False))

    def queue(self, queue_name: str, priority: int) -> str:
        """Return the queue of a task."""
        for least, queue in self.priorities:
            if priority >= least:
                return queue.replace(QUEUE, queue_name)
        return queue_name

    def _priorities(self, given: object) -> list[tuple[int, str]]:
        """Return least priorities with their queues, the highest first."""
        if not isinstance(given, dict):
            self.faults.append(f"priorities: {given!r} is no dict from priorities to queues")
            return []
        wrong = [
            f"priorities: {least!r}: {queue!r} is no whole number with the name of a queue"
            for least, queue in given.items()
            if type(least) is not int or not isinstance(queue, str) or not queue
        ]
        self.faults += wrong
        return [] if wrong else sorted(given.items(), reverse=True)

    def _number(
        self, options: Mapping[str, Any], name: str, default: int, *, or_none: bool = False
    ) -> int | None:
        given = options.get(name, default)
        if (given is None and or_none) or (type(given) is int and given > 0):
            return given
        self.faults.append(
            f"{name}: {given!r} is no whole number above 0{', nor None' if or_none else ''}"
        )
        return default

    def _alias(self, given: object) -> str | None:
        """Return the alias of the database whose commit is waited for; None: no commit is."""
        if isinstance(given, str) and given:
            return given
        if not isinstance(given, bool):
            self.faults.append(
                f"on_commit: {given!r} is neither a bool nor the alias of a database"
            )
        return DEFAULT_DB_ALIAS if given is True else None
