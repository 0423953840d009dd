"""activejob-uniqueness: equal active jobs are not enqueued, or not performed, at a time (``unique :until_executed``).

Keys, outside the namespace: ``activejob_uniqueness:<class>:<MD5 of the arguments' JSON>``, or ``...:no_arguments`` where no argument is true,
hold a UUID and expire after ``lock_ttl``. ``<class>`` is underscored: ``mailing/daily_html_job``. ``until_and_while_executing`` has a
second key, with ``:runtime`` behind the first one.

Moments, in the job wrapper (``activejob/wrapper.py``):

===========================  ===========================================================================
``until_executing``          taken at enqueue, also for later; deleted before the job is performed
``until_executed``           taken at enqueue; deleted after the job, however it ends, unless it is retried
``until_expired``            taken at enqueue; never deleted
``until_and_while_executing``  as ``until_executing``; the runtime key is there while the job is performed
``while_executing``          the key is there while the job is performed
===========================  ===========================================================================

Where Ruby leaves a key for a day, this plugin deletes it: after a failure, a discard, a kill, a veto, a dequeue. A retry of a job that is
``until_executed`` or ``until_expired`` is no conflict with its own key, as it is in Ruby.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeVar, get_args

from pyresque.activejob import ruby_messages
from pyresque.activejob.arguments import deserialize
from pyresque.activejob.values import Symbol
from pyresque.errors import JobNotUnique, JobOptionError, PyresqueError
from pyresque.job.plugin import and_then
from pyresque.lightweight import md5_hex
from pyresque.ops import Call
from pyresque.plugins.options import (
    PluginKeyError,
    flag,
    function,
    key_text,
    redis_urls,
    seconds,
    text,
)
from pyresque.ruby.dialect import Dialect
from pyresque.ruby.json import encode
from pyresque.ruby.names import underscore
from pyresque.store.keys import uniqueness_lock
from pyresque.store.queues import to_bytes
from pyresque.store.tokens import release_tokens, retake_token, take_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import timedelta

    from pyresque.activejob.envelope import Envelope
    from pyresque.activejob.wrapper import JobWrapper
    from pyresque.ops import Op

T = TypeVar("T")

StrategyName = Literal[
    "until_executing",
    "until_executed",
    "until_expired",
    "until_and_while_executing",
    "while_executing",
]

#: Seconds after which a lock expires.
LOCK_TTL: Final = 24 * 3600

log = logging.getLogger("pyresque")


class _Strategy(NamedTuple):
    """Whether a lock is taken at enqueue, and deleted before or after the job; and whether one is held while it is performed."""

    enqueue: bool = True
    before: bool = False
    after: bool = False
    runtime: bool = False


_STRATEGIES: Final = {
    "until_executing": _Strategy(before=True),
    "until_executed": _Strategy(after=True),
    "until_expired": _Strategy(),
    "until_and_while_executing": _Strategy(before=True, runtime=True),
    "while_executing": _Strategy(enqueue=False, runtime=True),
}


class Uniqueness:
    """activejob-uniqueness, for ``active_job(unique=...)``. ``unique="until_executed"`` is short for one with Ruby's defaults.

    ``lock_ttl``, ``runtime_lock_ttl``: seconds after which a key expires; by default a day, and as ``lock_ttl``. ``on_conflict``: what an
    enqueue does whose key is taken: ``"raise"`` JobNotUnique, ``"log"`` and answer None, or call a function of the Envelope and answer None.
    ``on_runtime_conflict``: what a job does whose runtime key is taken; by default as ``on_conflict``. ``lock_prefix`` stands before every
    key. ``lock_key``, ``runtime_lock_key``: functions of the arguments, as the payload holds them, that return a whole key.
    ``lock_key_arguments``: one that returns the list of those that count. ``digest_method``: a function of bytes that returns the digest in
    place of MD5's. ``escape_html=False`` where Rails has ``escape_html_entities_in_json`` off. ``redlock_servers``: URLs of the Redis
    servers that hold the keys; by default the one that holds the jobs.
    """

    gem = "activejob-uniqueness"

    def __init__(
        self,
        strategy: StrategyName,
        *,
        lock_ttl: timedelta | float = LOCK_TTL,
        runtime_lock_ttl: timedelta | float | None = None,
        on_conflict: Literal["raise", "log"] | Callable[[Envelope], object] = "raise",
        on_runtime_conflict: Literal["raise", "log"] | Callable[[Envelope], object] | None = None,
        lock_prefix: str = "activejob_uniqueness",
        lock_key: Callable[..., str] | None = None,
        runtime_lock_key: Callable[..., str] | None = None,
        lock_key_arguments: Callable[..., Sequence[object]] | None = None,
        digest_method: Callable[[bytes], str] | None = None,
        escape_html: bool = True,
        redlock_servers: Iterable[str] = (),
    ) -> None:
        """Raises JobOptionError."""
        if strategy not in tuple(_STRATEGIES):  # it may have no hash
            known = ", ".join(get_args(StrategyName))
            raise JobOptionError(
                f"unique={strategy!r}: there is no such strategy; write one of {known}"
            )
        self.name, self.strategy = strategy, _STRATEGIES[strategy]
        self.lock_ttl = _ttl("lock_ttl", lock_ttl)
        self.runtime_lock_ttl = (
            self.lock_ttl
            if runtime_lock_ttl is None
            else _ttl("runtime_lock_ttl", runtime_lock_ttl)
        )
        self.on_conflict = _action("on_conflict", on_conflict)
        self.on_runtime_conflict = _action(
            "on_runtime_conflict",
            on_conflict if on_runtime_conflict is None else on_runtime_conflict,
        )
        self.lock_prefix = text("lock_prefix", lock_prefix)
        self.lock_key = function("lock_key", lock_key)
        self.runtime_lock_key = function("runtime_lock_key", runtime_lock_key)
        self.lock_key_arguments = function("lock_key_arguments", lock_key_arguments)
        self.digest_method = function("digest_method", digest_method)
        self.escape_html = flag("escape_html", escape_html)
        self.servers = redis_urls("redlock_servers", redlock_servers)

    def __repr__(self) -> str:
        return f"Uniqueness({self.name!r})"

    # -- keys

    def key(self, job_class: str, arguments: object) -> str:
        """Return the key of a job, from its arguments as the payload holds them. Raises PluginKeyError."""
        listed = arguments if isinstance(arguments, list) else []
        if self.lock_key is not None:
            return key_text("lock_key", self.lock_key, *listed)
        if self.lock_key_arguments is not None:
            listed = self._counting(listed)
        any_true = any(one is not None and one is not False for one in listed)
        part = self._digest(listed) if any_true else "no_arguments"
        return uniqueness_lock(self.lock_prefix, underscore(job_class), part)

    def runtime_key(self, job_class: str, arguments: object) -> str:
        """Return the key that is there while a job is performed. Raises PluginKeyError."""
        if self.strategy.enqueue and self.runtime_lock_key is not None:
            listed = arguments if isinstance(arguments, list) else []
            return key_text("runtime_lock_key", self.runtime_lock_key, *listed)
        key = self.key(job_class, arguments)
        return f"{key}:runtime" if self.strategy.enqueue else key

    def _counting(self, listed: list[Any]) -> list[Any]:
        try:
            found = self.lock_key_arguments(*listed)
        except Exception as error:
            raise PluginKeyError(
                f"the function lock_key_arguments= raised {type(error).__name__}: {error}"
            ) from error
        if not isinstance(found, (list, tuple)):
            raise PluginKeyError(
                f"the function lock_key_arguments= returned {found!r}: it must return a list of arguments"
            )
        return list(found)

    def _digest(self, arguments: list[Any]) -> str:
        dialect = Dialect.JSON_GEM_ACTIVESUPPORT if self.escape_html else Dialect.JSON_GEM
        text = encode(arguments, dialect=dialect)
        for separator in ("\u2028", "\u2029"):
            text = text.replace(separator.encode(), f"\\u{ord(separator):x}".encode())
        if self.digest_method is None:
            return md5_hex(text)
        return key_text("digest_method", self.digest_method, text)

    # -- enqueueing

    async def lock(self, wrapper: JobWrapper, envelope: Envelope) -> bool:
        """Take the lock of a job that is being enqueued; False, if it is held, and ``on_conflict`` raises nothing."""
        if not self.strategy.enqueue:
            return True
        key = self.key(envelope.job_class, envelope.arguments)
        if await self.take(wrapper, envelope, key, self.lock_ttl):
            return True
        await self.conflict(wrapper, envelope, key, self.on_conflict)
        return False

    async def lock_again(self, wrapper: JobWrapper, envelope: Envelope) -> bool:
        """Take the lock of a job that is retried. A lock that the job still holds lasts its whole time again."""
        if self.strategy.before:
            return await self.lock(wrapper, envelope)
        if self.strategy.after:
            key = to_bytes(self.key(envelope.job_class, envelope.arguments))
            await retake_token(self.servers, key, wrapper.new_id(), self.lock_ttl)
        return True

    async def unlock(self, envelope: Envelope) -> None:
        """Delete the lock of a job that is not enqueued after all."""
        if self.strategy.enqueue:
            await self.release(envelope, self.key(envelope.job_class, envelope.arguments))

    async def around_enqueue(
        self, wrapper: JobWrapper, envelope: Envelope, push: Callable[[], Op[T | None]]
    ) -> T | None:
        """Take the lock, then push the job. Where nothing is pushed, delete the lock."""
        if not await self.lock(wrapper, envelope):
            return None
        try:
            pushed = await push()
        except GeneratorExit:
            raise
        except BaseException:
            await self.unlock(envelope)
            raise
        if pushed is None:
            await self.unlock(envelope)
        return pushed

    async def take(
        self, wrapper: JobWrapper, envelope: Envelope, key: str, ttl: int, what: str = ""
    ) -> bool:
        """Take a lock; return whether it was free. ``what`` is ``"runtime "`` for a runtime lock."""
        taken = await take_token(self.servers, to_bytes(key), wrapper.new_id(), ttl)
        if taken and log.isEnabledFor(logging.DEBUG):
            log.debug(
                "Locked %s%s%s", what, _named(envelope, key), _with_arguments(wrapper, envelope)
            )
        return taken

    async def release(self, envelope: Envelope, key: str, what: str = "") -> None:
        """Delete a lock, whoever holds it: the gem knows no owner."""
        await release_tokens(self.servers, [to_bytes(key)])
        log.debug("Unlocked %s%s", what, _named(envelope, key))

    async def conflict(
        self, wrapper: JobWrapper, envelope: Envelope, key: str, action: Any, what: str = ""
    ) -> None:
        """Do what the options say about a lock that is held. Raises JobNotUnique."""
        named = _named(envelope, key)
        if action == "raise":
            shown = ruby_messages.inspect(_shown(wrapper, envelope))
            raise JobNotUnique(f"Not unique {what}{named} {shown}")
        if action == "log":
            log.info("Not unique %s%s%s", what, named, _with_arguments(wrapper, envelope))
            return
        await Call(partial(action, envelope), offload=True)

    # -- performing

    def attempt(self, wrapper: JobWrapper, envelope: Envelope) -> Attempt:
        """Return what deletes the locks of a job that is being performed. Raises PluginKeyError."""
        return Attempt(self, wrapper, envelope)


class Attempt:
    """One attempt at a unique job: which locks it holds, and when they go."""

    def __init__(self, unique: Uniqueness, wrapper: JobWrapper, envelope: Envelope) -> None:
        self.unique = unique
        self.wrapper = wrapper
        self.envelope = envelope
        strategy = unique.strategy
        self.key = unique.key(envelope.job_class, envelope.arguments)
        #: Whether the job holds the lock of its enqueue, and lets it go at its end.
        self._holds = strategy.before or strategy.after

    async def around(self, work: Callable[[], Op[T]]) -> T | Literal[False]:
        """Do the work, with the locks that the strategy says. False, without the work, if the runtime lock is held."""
        unique, envelope = self.unique, self.envelope
        if unique.strategy.before:
            await unique.release(envelope, self.key)
            self._holds = False
        if not unique.strategy.runtime:
            return await work()
        key = unique.runtime_key(envelope.job_class, envelope.arguments)
        if await unique.take(self.wrapper, envelope, key, unique.runtime_lock_ttl, "runtime "):
            return await and_then(work(), partial(unique.release, envelope, key, "runtime "))
        await unique.conflict(self.wrapper, envelope, key, unique.on_runtime_conflict, "runtime ")
        return False

    async def end(self) -> None:
        """Let go the lock that the job still holds. That Redis is away is logged: the job has ended."""
        if not self._holds:
            return
        try:
            await self.unique.release(self.envelope, self.key)
        except PyresqueError as error:
            log.warning("the lock %s stays until it expires: %s", self.key, error)


def _shown(wrapper: JobWrapper, envelope: Envelope) -> list[Any]:
    """Return a job's arguments for a message, with GlobalIDs in place of records; those of the payload, if they make no sense."""
    serializers, version = wrapper.jobs.serializers, wrapper.app.version
    try:
        args, kwargs = deserialize(envelope.arguments, {}, serializers, version=version)
    except PyresqueError:
        return envelope.arguments if isinstance(envelope.arguments, list) else []
    return [*args, {Symbol(name): value for name, value in kwargs.items()}] if kwargs else [*args]


def _named(envelope: Envelope, key: str) -> str:
    return f"{envelope.job_class} (Job ID: {envelope.job_id}) (Lock key: {key})"


def _with_arguments(wrapper: JobWrapper, envelope: Envelope) -> str:
    shown = _shown(wrapper, envelope)
    if not any(one is not None and one is not False for one in shown):
        return ""
    return f" with arguments: {', '.join(map(ruby_messages.inspect, shown))}"


def _ttl(name: str, given: object) -> int:
    """Return milliseconds, of whole seconds as in Ruby. Raises JobOptionError."""
    ttl = seconds(name, given) or 0
    if ttl <= 0:
        raise JobOptionError(f"{name}={given!r}: a lock must last a second at least")
    return ttl * 1000


def _action(name: str, given: object) -> Any:
    if not callable(given) and (not isinstance(given, str) or given not in {"raise", "log"}):
        raise JobOptionError(
            f"{name}={given!r}: give 'raise', 'log', or a function of the Envelope"
        )
    return given
