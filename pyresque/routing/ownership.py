"""Which jobs on a shared queue are a worker's own: those of classes that are registered here and not routed to Ruby.

The rules of the table in Redis stand above those of the setting ``routes``. A class that no rule matches is the worker's own if it
is registered.

Rule: what cannot be read stays for Ruby. That is a payload that is no object, one without a class's name, and any job while the
routing table cannot be read and never could.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pyresque.activejob.registry import WRAPPER
from pyresque.errors import RoutingError
from pyresque.job.job import read_job
from pyresque.printable import printable
from pyresque.routing.rules import ALL as EVERY, PYTHON, Routes
from pyresque.routing.share import goes_to_python, routed_class
from pyresque.ruby.names import constant_path
from pyresque.store.selection import WRONG_TABLE, table_mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyresque.activejob.registry import ActiveJobs
    from pyresque.job.job import Codec, Job
    from pyresque.job.registry import Registry

log = logging.getLogger("pyresque")

#: How a payload begins, in the JSON that Ruby and Rails write, up to the class's name.
PLAIN = b'{"class":"'
ACTIVE = f'{{"class":"{WRAPPER}","args":[{{"job_class":"'.encode()

#: Names of classes that are remembered, at most, and the bytes of the longest one: both come from payloads.
MOST_NAMES, LONGEST_NAME = 10_000, 300

#: So many beginnings of others' payloads are compared at once, which is quicker for a few.
AT_ONCE = 16

#: Of a class no job is ours; this one is not; this one is; all are.
NONE, NOT_THIS, THIS, ALL = range(4)


def is_registered(registry: Registry, active_jobs: ActiveJobs, name: str) -> bool:
    """Whether code is registered for a class of Ruby's or for an ActiveJob."""
    if active_jobs.find(name) is not None:
        return True
    return registry.knows(name) and registry.find(name).performs


class Ownership:
    """The jobs of one worker. ``own``: rules of the setting, each as ``Report=python``. Raises RoutingError for what is no rule."""

    def __init__(
        self, registry: Registry, active_jobs: ActiveJobs, codec: Codec, own: Iterable[str] = ()
    ) -> None:
        self.registry = registry
        self.active_jobs = active_jobs
        self.codec = codec
        parts = (one.partition("=") for one in own)
        self._own = Routes.from_settings({match: target for match, _, target in parts})
        self._routes = self._own
        #: By which table jobs are chosen now, for the script that takes them.
        self.mark = ""
        #: Whether any table was read; while none was, a rule that nobody here knows may forbid any class.
        self.known = False
        #: Beginnings of payloads: none of their jobs are ours; or all are that are of this class.
        self._others: set[bytes] = set()
        self._first_others: tuple[bytes, ...] = ()  # some of them, with the quote behind
        self._ours: dict[bytes, str] = {}
        self._told: set[str] = set()

    # -- the table

    def read_table(self, raw: bytes | RoutingError | None) -> bool:
        """Choose by this text of the table from now on; whether that changes anything.

        A table that cannot be read is logged, and jobs are chosen by the last one that could. ``raw``: an error if the key holds no string.
        """
        mark = WRONG_TABLE if isinstance(raw, RoutingError) else table_mark(raw)
        if mark == self.mark and (self.known or isinstance(raw, RoutingError)):
            return False
        self.mark = mark
        try:
            if isinstance(raw, RoutingError):
                raise raw
            table = Routes.decode(raw)
        except RoutingError as error:
            self._say(
                f"the routing table in Redis cannot be read: {error}; "
                + ("the last one that could be read goes on" if self.known else "no job is taken")
                + ". Show it with `pyresque migrate route show`, mend it with `pyresque migrate route rollback`"
            )
            return self.known
        self.known = True
        self._routes = table.above(self._own)
        self._others.clear()
        self._first_others = ()
        self._ours.clear()
        for rule in self._routes.rules:
            exact = not rule.is_pattern
            if exact and rule.python_percent and not self._is_registered(rule.match):
                self._tell_of_missing(rule.match)
        return True

    # -- the jobs

    def choose(self, queue: str, payloads: Sequence[bytes]) -> list[tuple[int, bytes, Job]]:
        """The jobs that are ours, each with its place among these payloads and its bytes."""
        found, others = [], self._first_others
        for at, raw in enumerate(payloads):
            if raw.startswith(others):
                continue
            job = self.owned(queue, raw)
            if job is not None:
                found.append((at, raw, job))
                continue
            others = self._first_others
        return found

    def owned(self, queue: str, raw: bytes) -> Job | None:
        """The job of a payload that is ours; None for another's."""
        # What is remembered by its first bytes is never ours; all that may be ours is read as a whole.
        begin = len(PLAIN)
        begins = raw[: raw.find(b'"', begin, begin + LONGEST_NAME)]
        if begins in self._others:
            return None
        if raw.startswith(ACTIVE):
            begin = len(ACTIVE)
            begins = raw[: raw.find(b'"', begin, begin + LONGEST_NAME)]
            if begins in self._others:
                return None
        if not self.known:
            return None
        job = read_job(self.codec, queue, raw)
        known = self._ours.get(begins)
        if known is not None and known == _name(job, begin):
            return job
        verdict = self._judge(job)
        if verdict in (NONE, ALL) and _is_named(job, begins, begin):
            if verdict is ALL:  # a registered name: a queue cannot bring others
                self._ours[begins] = _name(job, begin)
            elif len(self._others) < MOST_NAMES:
                self._others.add(begins)
                if len(self._first_others) < AT_ONCE:
                    self._first_others += (begins + b'"',)
        return job if verdict >= THIS else None

    def _judge(self, job: Job) -> int:
        """Whether a job is ours, and whether that depends on its class alone."""
        payload = job.payload
        name = routed_class(payload)
        if job.fault is not None or not name:
            return NOT_THIS
        rule = self._routes.rule_of(name)
        if rule is not None and not rule.python_percent:
            return NONE
        entry = self.registry.entry_of(job)
        if entry is None or not entry.performs:
            if rule is not None:
                self._tell_of_missing(name)
            return NONE
        if rule is None or rule.python_percent == EVERY:
            return ALL
        return THIS if goes_to_python(self._routes, self.codec, payload) else NOT_THIS

    def _is_registered(self, name: str) -> bool:
        return is_registered(self.registry, self.active_jobs, name)

    def _tell_of_missing(self, name: str) -> None:
        self._say(
            f"the class {printable(name)} is routed to {PYTHON}, but is not registered here: this worker leaves its jobs where they are"
        )

    def _say(self, text: str) -> None:
        """Log a warning, once."""
        if text not in self._told and len(self._told) < MOST_NAMES:
            self._told.add(text)
            log.warning("%s", text)


def _is_named(job: Job, begins: bytes, begin: int) -> bool:
    """Whether a payload begins with the name of its class, from ``begin`` on, and no later pair names another one."""
    if not begins.startswith(PLAIN) or len(begins) > begin + LONGEST_NAME:
        return False
    name = routed_class(job.payload)
    if name == WRAPPER:  # it holds no job that can be read; that says nothing of others
        return False
    return constant_path(begins[begin:].decode("utf-8", "replace")) == name


def _name(job: Job, begin: int) -> str:
    """The name of a job's class where payloads that begin alike are told apart: another job may have a second pair of the same key."""
    return job.class_name if begin == len(PLAIN) else routed_class(job.payload)
