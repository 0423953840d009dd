"""Which queues a worker takes from, in which order: names, globs and ``!skip`` (Ruby: ``Worker#queues``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.errors import NoQueueError
from pyresque.lightweight import dataclass, field
from pyresque.ruby.fnmatch import fnmatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WILDCARDS = "*?{}[]"


@dataclass(frozen=True, slots=True)
class QueueList:
    """The patterns as given, in order, and those to skip."""

    patterns: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    #: Whether the queues must be looked up: a glob, or anything to skip, makes every name a pattern.
    dynamic: bool = field(init=False)

    def __post_init__(self) -> None:
        """Find out once whether the queues must be looked up."""
        globs = any(char in WILDCARDS for name in self.patterns for char in name)
        object.__setattr__(self, "dynamic", bool(self.skipped) or globs)

    @classmethod
    def parse(cls, names: Iterable[str]) -> QueueList:
        """Make a list from names, which are trimmed; ``!name`` is a pattern to skip. Raises NoQueueError if no other name is left."""
        given = [name.strip() for name in names]
        patterns = tuple(name for name in given if not name.startswith("!"))
        if not any(patterns):
            msg = "Please give each worker at least one queue."
            raise NoQueueError(msg)
        return cls(patterns, tuple(name[1:] for name in given if name.startswith("!")))

    @property
    def takes_all(self) -> bool:
        """Whether one pattern is a bare ``*``."""
        return "*" in self.patterns

    def takes(self, queue: str) -> bool:
        """Whether a worker of these queues takes from that one."""
        return queue in self.matching([queue])

    def matching(self, known: Sequence[str]) -> tuple[str, ...]:
        """The queues to ask, in order: as given, or of the known ones those that match, each once."""
        if not self.dynamic:
            return self.patterns
        found = {
            queue: None
            for pattern in self.patterns
            for queue in sorted(known)
            if fnmatch(pattern, queue) and not any(fnmatch(skip, queue) for skip in self.skipped)
        }
        return tuple(found)

    def __str__(self) -> str:
        """Return the list as a worker's id has it: without the patterns to skip."""
        return ",".join(self.patterns)
