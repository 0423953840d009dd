"""What was seen of the bytes of payloads: those that are no jobs, and how the encoder that wrote them spells ``<``, ``>`` and ``&``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pyresque.job.job import Job

#: Broken elements that are kept.
KEPT: Final = 20

#: The letters as ActiveSupport writes them. A backslash that is escaped itself begins no escape.
_ESCAPED: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u00(?:3[ce]|26)", re.IGNORECASE)
_PLAIN: Final = re.compile(rb"[<>&]")

#: Where the payloads are whose bytes are compared: those of failed records are inside another text.
_COMPARED: Final = frozenset({"queued", "moved", "delayed"})


class Broken(NamedTuple):
    """An element that is no job; ``queue`` names its list, ``at`` the time that a delayed one waits for."""

    place: str
    queue: str
    at: float | None
    raw: bytes
    fault: str


class PayloadWatch:
    """Looks at each element that an inventory reads."""

    def __init__(self) -> None:
        self.broken: list[Broken] = []
        self.escaped = 0
        self.plain = 0
        #: One payload of either spelling.
        self.example: dict[str, bytes] = {}

    def look_at(self, job: Job, place: str, at: float | None) -> None:
        """Look at one element."""
        if job.fault is not None:
            if len(self.broken) < KEPT:
                self.broken.append(Broken(place, job.queue, at, job.raw, str(job.fault)))
        elif place in _COMPARED:
            if _ESCAPED.search(job.raw):
                self.escaped += 1
                self.example.setdefault("escaped", job.raw)
            if _PLAIN.search(job.raw):
                self.plain += 1
                self.example.setdefault("plain", job.raw)
