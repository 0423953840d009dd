"""Marks of Ruby's plugins: keys in Redis, and first arguments, that say which plugin a class has there, and what to write here.

``plugins/undeclared.py`` knows how the keys of each gem look. A key names a class, or a queue, or the digest of a job; the digest
is compared with those of the jobs that the inventory reads.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyresque.activejob.registry import job_hash
from pyresque.errors import NotEncodable, RedisCommandError
from pyresque.job.job_class import JobClass
from pyresque.job.plugin import PluginJob
from pyresque.plugins.loner import digest_of
from pyresque.plugins.undeclared import UNIQUE, Row, rows
from pyresque.ruby.names import underscore
from pyresque.store.keys import uniqueness_lock
from pyresque.store.marks import some_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.job.job import Job
    from pyresque.job.plugin_context import PluginContext
    from pyresque.migrate.seen import ClassSeen, ClassTable
    from pyresque.ops import Op

#: Keys of the server that one step of the scan goes over.
STEP: Final = 1000

#: Digests and ids of keys that are kept for the comparison with jobs, and names of queues and paths.
MOST_DIGESTS: Final = 100_000
MOST_NAMES: Final = 1000

#: A first argument as resque-status and resque-meta make it.
_STATUS_ID: Final = re.compile(r"[0-9a-f]{32}")
_META_ID: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(slots=True)
class Mark:
    """A gem that a class seems to have in Ruby: how often it was seen, what is written here, and by what it is known."""

    gem: str
    line: str
    known_by: str
    seen: int = 1
    certain: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return the mark as JSON."""
        return {
            "gem": self.gem,
            "write": self.line or None,
            "known_by": self.known_by,
            "seen": self.seen,
            "certain": self.certain,
        }


class Marks:
    """Looks for the keys of plugins by SCAN, over at most ``most`` keys of the server; None: over all."""

    def __init__(self, context: PluginContext, most: int | None) -> None:
        self.context = context
        self.most = most
        self.looked_at = 0
        self.complete = True
        #: Why keys could not be looked for; empty if they could.
        self.refused = ""
        keys = context.keys
        self.rows = (
            *rows(keys),
            Row("resque-job-stats", keys.job_stats("<class>", "<any>"), "JobStats()"),
            Row("resque-meta", keys.meta("<any>"), "Meta()"),
        )
        self._queue = keys.queue("")
        self._starts = tuple({row.start for row in self.rows})
        self._left = [keys.of(""), uniqueness_lock(UNIQUE)]
        self._cursor = b"0"
        self._classes: dict[tuple[str, str], Mark] = {}
        self._queues: dict[str, Mark] = {}
        self._paths: dict[str, Mark] = {}
        self._digests: dict[tuple[str | None, str], Row] = {}
        #: The queues of those digests; None: ids.
        self._marked: set[str | None] = set()
        self._metas: set[str] = set()
        #: Names of queues that have a key, whether they are in the set of queues or not.
        self.queues: set[str] = set()
        #: Gets the names of the keys that each step has found.
        self.also: Callable[[list[str]], Op[None]] | None = None

    async def more(self) -> bool:
        """Go over some more keys; False at the end."""
        if not self._left or self.refused:
            return False
        if self.most is not None and self.looked_at >= self.most:
            self.complete = False
            return False
        try:
            self._cursor, names = await some_keys(self._cursor, self._left[0], STEP)
        except RedisCommandError as error:
            self.refused, self.complete = str(error), False
            return False
        self.looked_at += STEP
        for key in names:
            if key.startswith(self._starts):
                self._read(key)
            elif key.startswith(self._queue) and len(self.queues) < MOST_NAMES:
                self.queues.add(key.removeprefix(self._queue))
        if self.also is not None and names:
            await self.also(names)
        if self._cursor == b"0":
            self._left.pop(0)
        return bool(self._left)

    def _read(self, key: str) -> None:
        for row in self.rows:
            match = row.pattern.fullmatch(key)
            if match is not None:
                self._note(row, key, match.groupdict())
                return

    def _note(self, row: Row, key: str, parts: dict[str, str]) -> None:
        name, queue, digest = (parts.get(part) for part in ("class_name", "queue", "digest"))
        if name is not None:
            _note(self._classes, (name, row.gem), row, key)
        elif "path" in parts:
            _note(self._paths, parts["path"], row, key)
        elif digest is not None:
            if len(self._digests) < MOST_DIGESTS:
                self._digests[queue, digest] = row
                self._marked.add(queue)
        elif queue is not None:
            _note(self._queues, queue, row, key)
        elif row.gem == "resque-meta" and len(self._metas) < MOST_DIGESTS:
            self._metas.add(key)

    # -- whose marks they are

    def look_at(self, job: Job, seen: ClassSeen) -> None:
        """Compare a job with the digests and ids of keys."""
        if job_hash(job.payload) is not None:
            return
        args = job.args
        first = args[0] if args and isinstance(args[0], str) else ""
        if first:
            self._look_at_id(first, len(args), args[-1], seen)
        for queue in (job.queue, None):
            if queue in self._marked:
                row = self._digests.get((queue, first if queue is None else self._digest(job)))
                if row is not None:
                    known = "its id" if queue is None else "its digest"
                    add(seen, Mark(row.gem, row.line, f"a key with {known}"))

    def _look_at_id(self, first: str, count: int, last: object, seen: ClassSeen) -> None:
        if first and self.context.keys.meta(first) in self._metas:
            add(seen, Mark("resque-meta", "Meta()", "a key with its id"))
        elif (
            count == len(("uuid", "options"))
            and isinstance(last, dict)
            and _STATUS_ID.fullmatch(first)
        ):
            add(
                seen,
                Mark("resque-status", "Status()", "its arguments: an id and a hash", certain=False),
            )
        elif _META_ID.fullmatch(first):
            add(seen, Mark("resque-meta", "Meta()", "its first argument", certain=False))

    def _digest(self, job: Job) -> str:
        entry = JobClass(job.class_name, job.queue, None)
        try:
            return digest_of(PluginJob(self.context, entry, job.queue, job=job))
        except (NotEncodable, TypeError, ValueError, RecursionError):
            return ""

    def give_to(self, table: ClassTable) -> list[str]:
        """Give the marks that name a class to that class; return notes about those that name a queue alone."""
        for (name, _), mark in self._classes.items():
            seen = table.classes.get(name) or table.of(name)
            if seen is not None:
                add(seen, mark)
        by_path = {underscore(name): seen for name, seen in table.classes.items()}
        notes = []
        for path, mark in self._paths.items():
            if path in by_path:
                add(by_path[path], mark)
            else:
                notes.append(f"{mark.known_by} is of {mark.gem}, but no job of its class was seen")
        for queue, mark in self._queues.items():
            of_queue = [one for one in table.classes.values() if queue in one.queues]
            if len(of_queue) == 1:
                add(of_queue[0], mark)
            else:
                notes.append(
                    f"a class of queue {queue!r} has the plugin of {mark.gem} in Ruby: there is {mark.known_by}"
                )
        return notes


def add(seen: ClassSeen, mark: Mark) -> None:
    """Add a mark to a class; one of a gem that is known already is counted. One that is certain replaces a guess."""
    known = seen.marks.get(mark.gem)
    if known is None:
        seen.marks[mark.gem] = mark
    else:
        known.seen += mark.seen
        if mark.certain and not known.certain:
            known.certain, known.known_by = True, mark.known_by
        if len(mark.line) > len(known.line):
            known.line = mark.line


def registration(seen: ClassSeen) -> str | None:
    """Return the line that registers a class with the plugins that it seems to have in Ruby; None if it has none that is supported."""
    lines = [mark.line for mark in seen.marks.values() if mark.line]
    if not lines:
        return None
    if seen.active_job:
        unique = seen.marks.get("activejob-uniqueness")
        if unique is None:
            return None
        return f'@resque.active_job({quoted(seen.name)}, ..., unique="{unique.line}")'
    return f"@resque.job({quoted(seen.name)}, ..., plugins=[{', '.join(lines)}])"


def quoted(name: str) -> str:
    """Return a class's name as it is written in Python, whatever letters it has."""
    return json.dumps(name, ensure_ascii=not name.isprintable())


def _note(marks: dict[Any, Mark], name: Any, row: Row, key: str) -> None:
    known = marks.get(name)
    if known is not None:
        known.seen += 1
    elif len(marks) < MOST_NAMES:
        marks[name] = Mark(row.gem, row.line, f"the key {key[:200]}")
