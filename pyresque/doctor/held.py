"""Marks, locks and counters of plugins, each compared with the jobs that it could belong to.

A key that no job that was read belongs to is without a job, if all places were read whole where its job could be. The scan finds the
keys before the jobs are read. A second look at the jobs makes sure, because jobs move meanwhile from place to place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyresque.activejob.registry import job_hash
from pyresque.errors import NotEncodable
from pyresque.job.job_class import JobClass
from pyresque.job.plugin import PluginJob
from pyresque.plugins.loner import digest_of
from pyresque.plugins.options import PluginKeyError
from pyresque.plugins.spellings import spelling
from pyresque.plugins.undeclared import UNIQUE, registered_with, rows
from pyresque.ruby.names import underscore
from pyresque.store.keys import uniqueness_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pyresque.core import Core
    from pyresque.job.job import Job

#: The gem whose locks stand outside the namespace.
UNIQUENESS: Final = "activejob-uniqueness"

#: How the id of a status looks that stands before a tracked job's arguments.
_STATUS_ID: Final = re.compile("[0-9a-f]{32}")

#: How the digest of a retry counter looks.
_SHA1: Final = re.compile("[0-9a-f]{40}")

#: Keys that are compared at most.
MOST: Final = 20_000

WORKING: Final = frozenset({"working"})
#: A worker releases what a queued job holds only after it has taken the job.
QUEUED: Final = frozenset({"queued", "moved", "working"})
ANYWHERE: Final = QUEUED | {"delayed"}


#: What differs between texts and symbols in Ruby's inspect, and between its versions.
_SPELLING: Final = re.compile(r'=>|[:"\s]')


def _bare(key: str) -> str:
    """Return a key without what may be spelled in two ways."""
    return _SPELLING.sub("", key)


@dataclass(frozen=True, slots=True)
class Holder:
    """How the keys of a gem follow from a job: ``places`` of the job, and the keys that a job may have there.

    ``timed``: the value is the time at which the key is void.
    """

    gem: str
    start: str
    what: str
    places: frozenset[str]
    keys_of: Callable[[Job], Iterable[str]]
    timed: bool = False


class HeldKeys:
    """The keys of plugins that are there, until the job of each is found."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.keys = core.keys
        self._context = core.registry.plugin_context()
        self._rows = rows(core.keys)
        self._starts = tuple({row.start for row in self._rows})
        self._holders = {(one.gem, one.start): one for one in self._table()}
        #: Each key with what holds it; those whose job is found leave.
        self.left: dict[str, Holder] = {}
        #: Those that may be kept on purpose: locks of a class whose strategy is not known, perhaps until_expired.
        self.perhaps: set[str] = set()
        self.cut = False
        self._sought: dict[tuple[str, str], Holder] = {}
        self._of_class: dict[tuple[str, str], list[str]] = {}
        self._alike: dict[str, list[str]] = {}

    def _table(self) -> tuple[Holder, ...]:
        keys = self.keys
        timeout, loner_lock = keys.of("lock:"), keys.lock_timeout_loner("lock:")
        loner, solo = (of("<", "").partition("<")[0] for of in (keys.loner, keys.solo))
        retry, unique = keys.retry_counter(""), uniqueness_lock(UNIQUE)
        return (
            Holder("resque-loner", loner, "mark", QUEUED, self._loner),
            Holder("resque_solo", solo, "mark", QUEUED, self._solo),
            Holder("resque-queue-lock", keys.of("queuelock:"), "lock", QUEUED, self._queue_lock),
            Holder("resque-lock", keys.of("lock:"), "lock", QUEUED, self._lock, timed=True),
            Holder("resque-lock-timeout", timeout, "lock", WORKING, self._same_class, timed=True),
            Holder(
                "resque-lock-timeout",
                loner_lock,
                "lock",
                QUEUED,
                self._loner_lock,
                timed=True,
            ),
            Holder(
                "resque-lonely_job", keys.lonely_job(""), "lock", WORKING, self._lonely, timed=True
            ),
            Holder(
                "resque-workers-lock", keys.workers_lock(""), "lock", WORKING, self._workers_lock
            ),
            Holder("resque-retry", retry, "retry counter", ANYWHERE, self._counters),
            Holder(UNIQUENESS, unique, "lock", ANYWHERE, self._unique_locks),
        )

    # -- collecting

    def note(self, key: str) -> None:
        """Keep a key that a job holds."""
        if not key.startswith(self._starts):
            return
        for row in self._rows:
            match = row.pattern.fullmatch(key)
            if match is None:
                continue
            parts = match.groupdict()
            holder = self._holders.get((row.gem, row.start))
            if holder is not None and self._can_be_compared(holder, key, parts):
                self._keep(holder, key, parts.get("class_name") or parts.get("path") or "")
            return

    def _keep(self, holder: Holder, key: str, name: str) -> None:
        if len(self.left) >= MOST:
            self.cut = True
            return
        self.left[key] = holder
        self._alike.setdefault(_bare(key), []).append(key)
        self._sought[holder.gem, holder.start] = holder
        self._of_class.setdefault((holder.start, name), []).append(key)

    def _can_be_compared(self, holder: Holder, key: str, parts: dict[str, str]) -> bool:
        """Whether it follows from a job's class and arguments which key it has."""
        if holder.gem == "resque-retry":
            name = key.removeprefix(holder.start)
            tail = name.rpartition(":")[2]
            if name == parts["class_name"] or _SHA1.fullmatch(tail):
                return True
            entry = self.core.registry.with_plugins.get(parts["class_name"])
            return entry is not None and registered_with(entry, holder.gem)
        if holder.gem == UNIQUENESS:
            path = parts["path"]
            of_path = [one for name, one in self._unique.items() if underscore(name) == path]
            if not of_path:
                self.perhaps.add(key)
            return not any(one.name == "until_expired" for one in of_path)
        return True

    @property
    def _unique(self) -> dict[str, Any]:
        found: dict[str, Any] = self.core.active_job_classes.unique
        return found

    # -- comparing

    def look_at(self, job: Job, place: str) -> None:
        """Let the keys leave that a job holds."""
        if job.fault is not None or not self.left:
            return
        for holder in self._sought.values():
            if place in holder.places:
                for key in self._keys(holder, job):
                    self.left.pop(key, None)

    @staticmethod
    def _keys(holder: Holder, job: Job) -> list[str]:
        try:
            return list(holder.keys_of(job))
        except (NotEncodable, PluginKeyError, TypeError, ValueError, RecursionError):
            return []

    # -- the keys of a job

    def _calls(self, job: Job) -> Iterator[tuple[str, list[Any]]]:
        """Yield what keys may be made of: the class, by its registered name too, and the arguments, of a tracked job the caller's too."""
        names = [job.class_name]
        if self.core.registry.knows(job.class_name):
            names.append(self.core.registry.find(job.class_name).name)
        args = list(job.args)
        made = [args]
        if args and isinstance(args[0], str) and _STATUS_ID.fullmatch(args[0]):
            made.append(args[1:])
        for name in dict.fromkeys(names):
            yield from ((name, one) for one in made)

    def _digests(self, job: Job) -> Iterator[str]:
        for name, args in self._calls(job):
            entry = JobClass(name, job.queue, None)
            yield digest_of(PluginJob(self._context, entry, job.queue, args))

    def _spelled(self, job: Job, key: Callable[[str, str], str]) -> Iterator[str]:
        """Yield the keys that are alike but for what differs with Ruby's version, and with symbols in the place of texts."""
        for name, args in self._calls(job):
            yield from self._alike.get(_bare(key(name, spelling(args))), ())

    def _loner(self, job: Job) -> Iterable[str]:
        return (self.keys.loner(job.queue, one) for one in self._digests(job))

    def _solo(self, job: Job) -> Iterable[str]:
        return (self.keys.solo(job.queue, one) for one in self._digests(job))

    def _lock(self, job: Job) -> Iterable[str]:
        return self._spelled(job, self.keys.lock)

    def _queue_lock(self, job: Job) -> Iterable[str]:
        return self._spelled(job, self.keys.queue_lock)

    def _workers_lock(self, job: Job) -> Iterable[str]:
        return self._spelled(job, lambda name, args: self.keys.workers_lock(f"{name}-{args}"))

    def _lonely(self, job: Job) -> Iterable[str]:
        return (self.keys.lonely_job(job.queue),)

    def _same_class(self, job: Job) -> Iterable[str]:
        """Return the locks of a job's class: an identifier of the class may stand in the place of the arguments."""
        return self._of_class.get((self.keys.of("lock:"), job.class_name), ())

    def _loner_lock(self, job: Job) -> Iterable[str]:
        return self._of_class.get((self.keys.lock_timeout_loner("lock:"), job.class_name), ())

    def _counters(self, job: Job) -> Iterable[str]:
        """Return the counters of a job; of one with a hash all of its class, as symbols in it make other digests."""
        yield from map(self.keys.retry_counter, self.core.retries.counter_names(job))
        if any(isinstance(one, (dict, list)) for one in job.args):
            yield from self._of_class.get((self.keys.retry_counter(""), job.class_name), ())

    def _unique_locks(self, job: Job) -> Iterable[str]:
        """Return the locks of an active job; of one that is not registered all of its class, as the arguments that count are not known."""
        found: Any = job_hash(job.payload)
        if found is None:
            return ()
        name = found["job_class"].removeprefix("::")
        unique = self._unique.get(name)
        if unique is None:
            return self._of_class.get((uniqueness_lock(UNIQUE), underscore(name)), ())
        key, runtime = (of(name, found.get("arguments")) for of in (unique.key, unique.runtime_key))
        return (key, runtime)
