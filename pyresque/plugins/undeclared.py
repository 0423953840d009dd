"""Classes that are performed here without the plugin that they have in Ruby: found by the keys of that plugin, and logged once.

A look takes a bounded number of SCANs, after a worker has pruned, so that in a fleet one looks at a time; at most every five minutes,
each look from where the last one ended. It reads the heads of a few queues if a mark names no class. A user of Redis who may not SCAN gets no such warnings.
"""

from __future__ import annotations

import logging
import re
from math import inf
from typing import TYPE_CHECKING, Any, Final

from pyresque.errors import NotEncodable, RedisCommandError, RedisUnavailable, UnknownJobClass
from pyresque.job.job import read_job
from pyresque.job.plugin import PluginJob
from pyresque.lightweight import dataclass, field
from pyresque.ops import Batch, Command
from pyresque.plugins.loner import digest_of
from pyresque.printable import printable
from pyresque.ruby.names import underscore
from pyresque.store.keys import uniqueness_lock
from pyresque.store.marks import some_keys
from pyresque.store.queues import to_bytes
from pyresque.store.wrong_keys import WrongKeyLog
from pyresque.user_errors import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pyresque.activejob.registry import ActiveJobs
    from pyresque.job.job import Job
    from pyresque.job.job_class import JobClass
    from pyresque.job.registry import Registry
    from pyresque.store.keys import Keys

log = logging.getLogger("pyresque")

#: Seconds between two looks.
EVERY: Final = 300.0

#: The SCANs of the first look and of each later one, and the keys that one goes over.
FIRST, LATER, KEYS = 10, 2, 1000

#: Queues whose heads one look reads at most, and jobs of each.
QUEUES, JOBS = 20, 100

#: The first word of activejob-uniqueness' keys, unless Rails configures another one.
UNIQUE: Final = "activejob_uniqueness"

#: The parts of a key that differ, as ``rows`` writes them, and what may stand there.
PARTS = {
    "<class>": r"(?P<class_name>[A-Z]\w*(?:::[A-Z]\w*)*)",
    "<queue>": r"(?P<queue>.+)",
    "<digest>": r"(?P<digest>[0-9a-f]{32})",
    "<args>": r"\[.*\]",
    "<path>": r"(?P<path>\w+(?:/\w+)*)",
    "<any>": ".+",
    "<more>": r"(?:[:.][^:].*)?",
}


@dataclass(frozen=True, slots=True)
class Row:
    """The keys of one gem: how they look, and what is written at the registration. Without a ``line`` the gem is unsupported."""

    gem: str
    key: str
    line: str
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        """Compile the pattern."""
        pattern = re.escape(self.key)
        for part, may_be in PARTS.items():
            pattern = pattern.replace(part, may_be)
        object.__setattr__(self, "pattern", re.compile(pattern, re.DOTALL))

    @property
    def start(self) -> str:
        """What all of the keys begin with."""
        return self.key.partition("<")[0]


def rows(keys: Keys) -> tuple[Row, ...]:
    """Return what is looked for: a gem with two kinds of keys has two rows."""
    return (
        Row("resque-loner", keys.loner("<queue>", "<digest>"), "Loner()"),
        Row("resque_solo", keys.solo("<queue>", "<digest>"), "Solo()"),
        Row("resque-lock", keys.lock("<class>", "<args>"), "Lock()"),
        Row(
            "resque-lock-timeout",
            keys.of(keys.lock_timeout("<class><more>", None)),
            "LockTimeout()",
        ),
        Row(
            "resque-lock-timeout",
            keys.lock_timeout_loner(keys.lock_timeout("<class><more>", None)),
            "LockTimeout(loner=True)",
        ),
        Row("resque-queue-lock", keys.queue_lock("<class>", "<args>"), "QueueLock()"),
        Row("resque-lonely_job", keys.lonely_job("<queue>"), "LonelyJob()"),
        Row("resque-workers-lock", keys.workers_lock("<class>-<args>"), "WorkersLock()"),
        Row("resque-restriction", keys.restriction("<class><more>"), "Restriction(per_hour=...)"),
        Row("resque-retry", keys.retry_counter("<class><more>"), "Retry()"),
        Row("resque-retry", keys.retry_failure("<class><more>"), "Retry(suppress=True)"),
        Row("resque-status", keys.status("<digest>"), "Status()"),
        Row("activejob-uniqueness", uniqueness_lock(UNIQUE, "<path>", "<any>"), "until_executed"),
        Row("resque-concurrent-restriction", keys.concurrent("<class><more>"), ""),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """A key of a gem, with the parts that it names."""

    row: Row
    key: str
    parts: dict[str, str]


class UndeclaredPlugins:
    """Looks for the keys of plugins that the classes of one worker lack. ``takes``: whether the worker takes from a queue."""

    def __init__(
        self, registry: Registry, active_jobs: ActiveJobs, takes: Callable[[str], bool]
    ) -> None:
        context = registry.plugin_context()
        self.registry = registry
        self.active_jobs = active_jobs
        self.takes = takes
        self.keys, self.codec, self.clock = context.keys, context.codec, context.clock
        self.rows = rows(self.keys)
        self._starts = tuple({row.start for row in self.rows})
        #: The cursors of the namespace's keys, and of those that lie outside of it.
        self._cursors = {self.keys.of(""): b"0", uniqueness_lock(UNIQUE): b"0"}
        self._scans = FIRST
        self._due_at = -inf
        self._allowed = False
        self._said: set[tuple[str, str]] = set()

    def due_in(self) -> float:
        """Seconds until the next look; infinity while it is not our turn, or if the user may not SCAN."""
        return self._due_at - self.clock.monotonic() if self._allowed else inf

    def allow(self) -> None:
        """It is our turn: this worker has pruned, which only one does in each heartbeat interval."""
        self._allowed = True

    async def look_if_due(self) -> None:
        """Look if it is our turn and the last look was five minutes ago; log each class and gem once. No error of Redis ends a worker."""
        if self.due_in() > 0:
            return
        self._allowed = False
        self._due_at = self.clock.monotonic() + EVERY
        try:
            await self.look()
        except RedisUnavailable as error:
            log.debug("no look for keys of plugins this time: %s", error)
        except RedisCommandError as error:
            log.debug("no look for keys of plugins: %s", error)
            self._due_at = inf
        except Exception as error:  # noqa: BLE001 - a class's own queue() and foreign payloads may raise anything
            log.debug("no look for keys of plugins this time: %s", text_of(error))

    async def look(self) -> None:
        """Scan the next keys; log what is found."""
        found = [one for key in await self._scan() if (one := self._read(key)) is not None]
        for one in found:
            name = one.parts.get("class_name")
            if name is not None:
                self._say(self._performed(name), one)
            elif "path" in one.parts:
                self._say_of_active_job(one)
            elif "digest" not in one.parts:
                self._say_of_queue(one)
        marked = [one for one in found if "digest" in one.parts]
        if marked:
            await self._look_into_queues(marked)

    async def _scan(self) -> list[str]:
        """Return the keys of the next SCANs that begin as one of a plugin does."""
        found: list[str] = []
        for prefix in self._cursors:
            if prefix == self.keys.of("") or any(self._plain_active_jobs()):
                for _ in range(self._scans):
                    cursor, names = await some_keys(self._cursors[prefix], prefix, KEYS)
                    self._cursors[prefix] = cursor
                    found += [key for key in names if key.startswith(self._starts)]
                    if cursor == b"0":
                        break
        self._scans = LATER
        return found

    def _plain_active_jobs(self) -> Iterator[JobClass]:
        """Yield the active jobs that this worker performs and that are not unique."""
        for entry in self.active_jobs.entries():
            queue = entry.queue
            if entry.name not in self.active_jobs.unique and (queue is None or self.takes(queue)):
                yield entry

    def _read(self, key: str) -> _Found | None:
        for row in self.rows:
            match = row.pattern.fullmatch(key)
            if match is not None:
                return _Found(row, key, match.groupdict())
        return None

    # -- whose mark it is

    def _performed(self, name: str) -> JobClass | None:
        """Return the class of that name if this worker performs it."""
        try:
            entry = self.registry.find(name)
        except UnknownJobClass:
            return None
        queue = entry.queue
        ours = entry.performs and (queue is None or self.takes(queue))
        return entry if ours else None

    def _of_queue(self, queue: str) -> list[JobClass]:
        return [one for one in self.registry if one.performs and one.queue == queue]

    def _say_of_queue(self, one: _Found) -> None:
        """Warn of a mark that bears the name of a queue alone, unless one class of that queue has the plugin."""
        queue = one.parts["queue"]
        entries = self._of_queue(queue) if self.takes(queue) else []
        if not any(registered_with(entry, one.row.gem) for entry in entries):
            for entry in entries:
                self._say(entry, one)

    async def _look_into_queues(self, marked: Iterable[_Found]) -> None:
        """Find the jobs that wait in their queues under these marks, or whose first argument is the id of a status."""
        marks: dict[tuple[str | None, str], _Found] = {}
        for one in marked:
            marks[one.parts.get("queue"), one.parts["digest"]] = one
        named = dict.fromkeys(queue for queue, _ in marks if queue is not None)
        if any(queue is None for queue, _ in marks):
            named |= dict.fromkeys(one.queue for one in self.registry if one.performs and one.queue)
        queues = list(filter(self.takes, named))[:QUEUES]
        if not queues:
            return
        commands: tuple[Command[Any], ...] = tuple(
            Command(("LRANGE", to_bytes(self.keys.queue(queue)), 0, JOBS - 1), list)
            for queue in queues
        )
        heads = WrongKeyLog().replies_or(await Batch(commands, lenient=True), [])
        for queue, raws in zip(queues, heads, strict=True):
            for job in (read_job(self.codec, queue, raw) for raw in raws):
                entry = None if job.fault is not None else self._performed(job.class_name)
                if entry is not None:
                    for where, digest in ((queue, self._digest(entry, job)), (None, _id(job))):
                        found = marks.get((where, digest))
                        if found is not None:
                            self._say(entry, found)

    def _digest(self, entry: JobClass, job: Job) -> str:
        """Return the digest of a job; empty if it has none: the arguments are no JSON."""
        context = self.registry.plugin_context()
        try:
            return digest_of(PluginJob(context, entry, job.queue, job=job))
        except (NotEncodable, TypeError):
            return ""

    # -- telling

    def _say(self, entry: JobClass | None, one: _Found) -> None:
        """Log that a class lacks a plugin."""
        gem, line = one.row.gem, one.row.line
        if entry is None or registered_with(entry, gem):
            return
        if line:
            self._warn(entry, one, f'@resque.job("{entry.name}", ..., plugins=[{line}])')
        elif self._is_new(entry, gem):
            log.warning(
                "%s has the plugin of %s in Ruby: Redis has a key of that, %s. pyresque does not support it: its limits are not kept here",
                *(entry.name, gem, printable(one.key)),
            )

    def _say_of_active_job(self, one: _Found) -> None:
        """Log that an active job lacks ``unique=``."""
        for entry in self._plain_active_jobs():
            if underscore(entry.name) == one.parts["path"]:
                line = f'@resque.active_job("{entry.name}", ..., unique="{one.row.line}")'
                self._warn(entry, one, f"{line}, or the strategy that it has in Ruby")

    def _warn(self, entry: JobClass, one: _Found, line: str) -> None:
        if self._is_new(entry, one.row.gem):
            log.warning(
                "%s is registered without the plugin of %s, but Redis has a key of that: %s. Write %s; docs/plugins.md says what happens without",
                *(entry.name, one.row.gem, printable(one.key), line),
            )

    def _is_new(self, entry: JobClass, gem: str) -> bool:
        """Return whether this was not said yet of that class and gem."""
        said = (entry.name, gem) in self._said
        self._said.add((entry.name, gem))
        return not said


def registered_with(entry: JobClass, gem: str) -> bool:
    """Return whether a class has the plugin of a gem."""
    return any(plugin.gem == gem for plugin in entry.plugins)


def _id(job: Job) -> str:
    """Return the first argument of a job, if that may be the id of a status."""
    args = job.args
    return args[0] if args and isinstance(args[0], str) else ""
