"""resque-retry: a job that failed is enqueued again, at once or later (``extend Resque::Plugins::Retry``, ``ExponentialBackoff``).

Keys: ``resque-retry:<class>:<SHA1 of the arguments joined by ->`` holds the number of the attempt, 0 for the first one; without
arguments the class alone names it. ``failure-<that name>`` holds the failure of a job that is retried later, where ``suppress`` keeps
it out of the failed list, for twice the delay.

Moments: before_perform counts; after_perform deletes the counter; on_failure retries, or gives up and deletes the counter. After a job
whose process died the worker does so, or whoever prunes the worker: it reads the counter as it stands.

But for the count all of that is written in the step that finishes the job (``job/job_end.py``): a job whose worker is killed before is
undecided, and is neither retried twice nor counted anew. Ruby writes it before, and does both.

Where Ruby leaves a counter behind, or loses the job, this plugin does not: after DontPerform, where a callback raises, where the job
changes its arguments or is retried with others (the count goes on), where a before_enqueue hook refuses the retry (the failure is
recorded), where the class has no queue of its own (the job's is taken), and where the counter is not a number (it begins anew).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from pyresque.errors import DirtyExit, JobOptionError
from pyresque.job.direct import Shortcut
from pyresque.job.plugin import Plugin
from pyresque.lightweight import random_fraction, sha1_hex
from pyresque.ops import Call, Sleep
from pyresque.plugins.delays import Delays
from pyresque.plugins.options import flag, function, key_text, kinds, pause, ruby_version, seconds
from pyresque.plugins.spellings import joined
from pyresque.store import attempts
from pyresque.store.queues import to_bytes
from pyresque.user_errors import as_raised, is_a, note_retried

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import timedelta

    from pyresque.job.plugin import PluginJob

    Delay = timedelta | float | Sequence[float]

    #: The short form's waits.
    Backoff = Literal["exponential"] | Delay

#: In the state of a PluginJob: the number of the attempt, or DECIDED.
DECIDED = object()


class Retry(Plugin):
    """resque-retry: a job that failed is enqueued again.

    ``limit``: how often a job is retried; -1: without end; by default the number of delays, or 1. ``delay``: seconds, or a list with
    an entry for each attempt (the last one repeats), or either of these by exception class, or a function of the error and the
    arguments. ``backoff="exponential"``: 0 s, 1 min, 10 min, 1 h, 3 h, 6 h. ``jitter``: the delay is multiplied by a random number
    between these two.

    ``retry_on``: these exception classes alone; ``give_up_on``: all but these; ``ignore``: exactly these do not count as an attempt.
    ``check``: functions of the error and the arguments; if one is true, the job is retried although its exception says no.
    ``on_retry`` and ``on_give_up`` are functions of the error and the arguments.

    ``identifier``: a function of the arguments that returns what the counter is named by. ``args``: a function of the error and the
    arguments that returns the next attempt's. ``queue``: the retry's queue, or a function of the error and the arguments; by default
    the class's. ``delegate``: another class that is enqueued in place of the job. ``expire``: seconds that a counter outlives the
    delay. ``suppress``: failures reach the failed list only when the job is given up. ``sleep``: seconds that the worker sleeps
    after each retry. ``ruby``: whose inspect spells hashes, "3.3" or "3.4".

    >>> resque.job("Import", queue="imports", plugins=[Retry(limit=3, delay=60)])
    """

    gem = "resque-retry"

    def __init__(
        self,
        *,
        limit: int | None = None,
        delay: Delay | Mapping[type[BaseException], Delay] | Callable[..., float] | None = None,
        backoff: Literal["exponential"] | None = None,
        jitter: tuple[float, float] | None = None,
        retry_on: Iterable[type[BaseException]] | None = None,
        give_up_on: Iterable[type[BaseException]] | None = None,
        ignore: Iterable[type[BaseException]] = (),
        check: Callable[..., object] | Iterable[Callable[..., object]] = (),
        on_retry: Callable[..., object] | Iterable[Callable[..., object]] = (),
        on_give_up: Callable[..., object] | Iterable[Callable[..., object]] = (),
        identifier: Callable[..., str | None] | None = None,
        args: Callable[..., Sequence[Any]] | None = None,
        queue: str | Callable[..., str | None] | None = None,
        delegate: str | type[Any] | Callable[..., Any] | None = None,
        expire: timedelta | float | None = None,
        suppress: bool = False,
        sleep: timedelta | float = 0,
        ruby: Literal["3.3", "3.4"] = "3.3",
        random: Callable[[], float] = random_fraction,
    ) -> None:
        """Raises JobOptionError."""
        self.delays = Delays(delay, backoff, jitter, random)
        self.retry_on = None if retry_on is None else kinds("retry_on", retry_on)
        self.give_up_on = None if give_up_on is None else kinds("give_up_on", give_up_on)
        if self.delays.by_error is not None:
            if self.retry_on is not None:
                raise JobOptionError(
                    "delay by exception class says which to retry: leave retry_on= out"
                )
            self.retry_on = tuple(self.delays.by_error)
        if self.retry_on is not None and self.give_up_on is not None:
            raise JobOptionError("retry_on= and give_up_on= exclude each other: give one of them")
        if limit is None:
            limit = self.delays.most
        if isinstance(limit, bool) or not isinstance(limit, int):
            raise JobOptionError(f"limit={limit!r} is no whole number; -1 retries without end")
        self.limit = limit
        self.ignore = kinds("ignore", ignore)
        self.checks = _functions("check", check)
        self.on_retry = _functions("on_retry", on_retry)
        self.on_give_up = _functions("on_give_up", on_give_up)
        self.identifier = function("identifier", identifier)
        self.args = function("args", args)
        if queue is not None and not isinstance(queue, str) and not callable(queue):
            raise JobOptionError(f"queue={queue!r} is no name of a queue, and no function")
        self.queue = queue
        if delegate is not None and not isinstance(delegate, str) and not callable(delegate):
            raise JobOptionError(f"delegate={delegate!r} is no job: give a class, or its name")
        self.delegate = delegate
        self.expire = seconds("expire", expire)
        self.suppress = flag("suppress", suppress)
        self.sleep = pause("sleep", sleep)
        self.ruby = ruby_version(ruby)

    # -- keys

    def name(self, job: PluginJob, args: Sequence[Any]) -> str:
        """Return what follows ``resque-retry:`` in the counter's key. Raises PluginKeyError."""
        if self.identifier is None:
            return counter_name(job.name, joined(args, self.ruby))
        identifier = key_text("identifier", self.identifier, *args, may_be_none=True)
        return _squeezed(job.name, identifier)

    def key(self, job: PluginJob, args: Sequence[Any] | None = None) -> bytes:
        """Return the key of the counter of a job, or of it with other arguments. Raises PluginKeyError."""
        name = self.name(job, job.payload_args if args is None else args)
        return to_bytes(job.context.keys.retry_counter(name))

    def _kept_key(self, job: PluginJob) -> bytes:
        return to_bytes(job.context.keys.retry_failure(self.name(job, job.payload_args)))

    def shortcut(self, job: PluginJob) -> Shortcut | None:
        """Return how an attempt that succeeds is counted; None where the counter expires, or a function names it."""
        if self.identifier is not None or self.expire is not None or job.context.jobs.inline:
            return None
        key = self.key(job)
        return Shortcut(attempts.counting(key), [("DEL", key)])

    # -- hooks

    async def before_perform_retry(self, job: PluginJob) -> None:
        """Count the attempt."""
        if job.context.jobs.inline:
            return
        key = self.key(job)
        number = job.state[self] = await attempts.count(key)
        if self.expire is not None:
            await attempts.expire(key, int(self.delays.usual(number)) + self.expire)

    async def after_perform_retry(self, job: PluginJob) -> None:
        """Delete the counter: the job is done."""
        if not job.context.jobs.inline:
            job.state[self] = DECIDED
            await attempts.delete(self.key(job))

    async def always_retry(self, job: PluginJob) -> None:
        """Delete the counter of a job that a before_perform hook left undone. Ruby leaves it."""
        if job.state.get(self, DECIDED) is not DECIDED:
            await attempts.delete(self.key(job))

    async def on_failure_retry(self, job: PluginJob, error: BaseException) -> None:
        """Retry the job, or give it up."""
        number = job.state.get(self)
        if job.context.jobs.inline or number is DECIDED:
            return
        error, key = as_raised(error), self.key(job)
        job.state[self] = DECIDED
        if number is None:
            number = await self._read(key, error)
        if type(error) in self.ignore:
            await attempts.uncount(key)
            number -= 1
        retried = await self._wants(error, number, job.args) and await self._retried(
            job, error, number
        )
        note_retried(error, retried=retried)
        if not retried:
            await self._give_up(job, error)

    async def _read(self, key: bytes, error: BaseException) -> int:
        """Return the number of the attempt where this process has counted none."""
        found = await attempts.attempt(key)
        if found is not None:
            return found
        if not is_a(error, (DirtyExit,)):
            return 0
        await attempts.begin(key)
        return -1

    async def _wants(self, error: BaseException, number: int, args: Sequence[Any]) -> bool:
        if self.limit == 0 or 0 < self.limit <= number:
            return False
        if self.retry_on is None and (self.give_up_on is None or not is_a(error, self.give_up_on)):
            return True
        if self.retry_on is not None and is_a(error, self.retry_on):
            return True
        for check in self.checks:
            if await Call(partial(check, error, *args), offload=True):
                return True
        return False

    async def _retried(self, job: PluginJob, error: BaseException, number: int) -> bool:
        """Enqueue the job again; False if a hook or a middleware refused it."""
        try:
            delay = await self.delays.after(error, number, job.args)
            for callback in self.on_retry:
                await Call(partial(callback, error, *job.args), offload=True)
            args = await self._next_args(job, error)
            if self.delegate is None and self.key(job, args) != self.key(job):
                await attempts.carry_over(self.key(job), self.key(job, args), number)
            enqueued = await self._enqueue(job, delay, error, args)
        except GeneratorExit:
            raise
        except BaseException:
            await attempts.delete(self.key(job))
            raise
        if enqueued is not None:
            await self._note(job, self.key(job, args), delay)
        return enqueued is not None

    async def _next_args(self, job: PluginJob, error: BaseException) -> list[Any]:
        """Return the arguments of the next attempt."""
        if self.args is None:
            return job.payload_args
        found: object = await Call(partial(self.args, error, *job.args), offload=True)
        if not isinstance(found, (list, tuple)):
            raise JobOptionError(
                f"the function args= returned {found!r}: it must return a list of arguments"
            )
        return list(found)

    async def _note(self, job: PluginJob, key: bytes, delay: float) -> None:
        """Write down that the job is retried: its counter, and the place of its failure."""
        if self.delegate is not None:
            await attempts.delete(self.key(job))
        else:
            await attempts.begin(key, None if self.expire is None else int(delay) + self.expire)
            if self.suppress and job.end is not None:
                job.end.keep_failure(self._kept_key(job), 2 * int(delay))
        if job.end is not None:
            # If Redis refuses the push, the job is given up.
            job.end.instead += [("DEL", self.key(job)), ("DEL", key)]
        if self.sleep > 0:
            await Sleep(self.sleep)

    async def _enqueue(
        self, job: PluginJob, delay: float, error: BaseException, args: Sequence[Any]
    ) -> Any:
        target = job.name if self.delegate is None else self.delegate
        queue = self.queue
        if callable(queue):
            queue = await Call(partial(queue, error, *job.args), offload=True)
        if queue is None and self.delegate is None:
            queue = job.entry.queue or job.queue
        if delay <= 0:
            return await job.context.jobs.enqueue_to(queue, target, *args)
        delayed = job.context.delayed
        if queue is None:
            return await delayed.enqueue_in(int(delay), target, *args)
        return await delayed.enqueue_in_with_queue(queue, int(delay), target, *args)

    async def _give_up(self, job: PluginJob, error: BaseException) -> None:
        try:
            for callback in self.on_give_up:
                await Call(partial(callback, error, *job.args), offload=True)
        finally:
            job.state[self] = DECIDED
        await attempts.delete(self.key(job), *([self._kept_key(job)] if self.suppress else ()))


def counter_name(class_name: str, text: str) -> str:
    """Return the name of a counter, without ``resque-retry:``, from the arguments joined by ``-``."""
    digest = sha1_hex(text.encode("utf-8", "surrogateescape")) if text else None
    return _squeezed(class_name, digest)


def _squeezed(class_name: str, identifier: str | None) -> str:
    named = class_name if identifier is None else f"{class_name}:{identifier}"
    return "".join(named.split())


def retry_for(retries: int | None, backoff: Backoff | None) -> Retry:
    """Return the plugin for the short form ``retries=3, backoff="exponential"``. Raises JobOptionError."""
    if isinstance(backoff, str):
        if backoff != "exponential":
            raise JobOptionError(
                f"backoff={backoff!r} is unknown: give 'exponential', seconds, or a list of seconds"
            )
        return Retry(limit=retries, backoff="exponential")
    return Retry(limit=retries, delay=backoff)


def _functions(name: str, given: Any) -> tuple[Callable[..., object], ...]:
    if not callable(given) and not hasattr(type(given), "__iter__"):
        raise JobOptionError(f"{name}={given!r} is no function, and no list of functions")
    found = (given,) if callable(given) else tuple(given)
    for one in found:
        function(name, one)
    return found
