"""resque-status: a job's status and progress can be looked at, and the job can be cancelled (``include Resque::Plugins::Status``).

Keys: ``status:<uuid>`` holds a JSON object, ``_statuses`` lists the uuids by the time of enqueueing, ``_kill`` holds the uuids of jobs
that are to end at their next step. The payload is ``[uuid, {options}]``; a job gets the options as keyword arguments, never the uuid.

Moments: the status is written before the job is pushed, and removed if it is not pushed; the scheduler makes ``[uuid, options]`` of a
delayed or recurring job's ``[options]``, as Ruby's does where the class responds to ``scheduled``. The job is working when its code
begins, and completed, failed or killed when that ends.

Where Ruby leaves a status queued or working for ever, this plugin does not: after a before_perform hook that raised or said
DontPerform, after a killed process or a pruned worker, after dequeue. A job that was cancelled before it began is not performed. The
mark of a job that took no further step is deleted when the job ends. An id leaves the list only when its status has gone.
"""

from __future__ import annotations

import logging
import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from pyresque.errors import JobArgumentError, JobKilled, JobOptionError
from pyresque.job.job_status import COMPLETED, FAILED
from pyresque.job.plugin import Plugin, TrackingId
from pyresque.job.tracked import TrackedJob
from pyresque.lightweight import random_hex
from pyresque.ops import Call
from pyresque.plugins.history import whole
from pyresque.plugins.options import PluginKeyError, function, key_text, ruby_version, seconds
from pyresque.plugins.spellings import spelling
from pyresque.store.statuses import StatusTable
from pyresque.user_errors import as_raised, is_a, text_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from pyresque.job.plugin import Inner, PluginJob
    from pyresque.job.plugin_context import PluginContext

log = logging.getLogger("pyresque")

#: The largest returned value that is kept, in bytes of JSON.
RESULT_LIMIT: Final = 65_536

#: Seconds that the status of a job with ``tracked=True`` lives after it was written.
TRACKED_FOR: Final = 86_400

#: What ``uuid`` makes.
_UUID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def uuid() -> str:
    """Return 32 random hexadecimal digits, as Ruby's ``generate_uuid``."""
    return random_hex(16)


def tracked_in(context: PluginContext, job_id: str, name: str, ttl: int | None) -> TrackedJob:
    """Return the status of a job of one Core."""
    return TrackedJob(StatusTable(context.keys), context.codec, context.clock, job_id, name, ttl)


class Status(Plugin):
    """resque-status: a job's status and progress can be looked at, and the job can be cancelled.

    ``expire_in``: how long a status lives after it was written (Ruby: ``Status::Hash.expire_in``); None: for ever. ``name``: a
    function of the options that returns what Ruby's page calls the job. ``on_success``, ``on_killed``: functions of the options;
    ``on_failure``: a function of the error, or of the message of a job that said so itself, and of the options; with it a failed job
    leaves no failed record, as in Ruby. ``result_limit``: the largest returned value that is kept, in bytes. ``ruby``: whose inspect
    spells the options in the name, "3.3" or "3.4". ``new_id``: makes a uuid.

    >>> resque.job("Report", queue="reports", plugins=[Status(expire_in=3600)])
    """

    gem = "resque-status"
    by_name = True

    def __init__(
        self,
        *,
        expire_in: timedelta | float | None = None,
        name: Callable[..., str] | None = None,
        on_success: Callable[..., object] | None = None,
        on_failure: Callable[..., object] | None = None,
        on_killed: Callable[..., object] | None = None,
        result_limit: int = RESULT_LIMIT,
        ruby: Literal["3.3", "3.4"] = "3.3",
        new_id: Callable[[], str] = uuid,
    ) -> None:
        """Raises JobOptionError."""
        self.expire_in = seconds("expire_in", expire_in)
        if self.expire_in is not None and self.expire_in <= 0:
            raise JobOptionError(f"expire_in={expire_in!r}: give a time above 0, or None for ever")
        self.name = function("name", name)
        self.on_success = function("on_success", on_success)
        self.on_failure = function("on_failure", on_failure)
        self.on_killed = function("on_killed", on_killed)
        self.result_limit = whole("result_limit", result_limit)
        self.ruby: str = ruby_version(ruby)
        self.new_id = function("new_id", new_id) or uuid

    # -- arguments

    async def args_sent(self, job: PluginJob, args: list[Any]) -> list[Any]:
        """Write the status of a new job, and put its uuid before the options. A job that has one keeps it."""
        given = str(args[0]) if args and isinstance(args[0], TrackingId) else ""
        rest = args[1:] if args and isinstance(args[0], TrackingId) else args
        if not given and len(rest) == 2 and isinstance(rest[0], str) and _UUID.fullmatch(rest[0]):  # noqa: PLR2004 - uuid and options
            given, rest = rest[0], rest[1:]
        if len(rest) > 1:
            raise JobArgumentError(
                f"{job.name} has a status: its only argument is a hash of options, not {len(rest)} arguments"
            )
        options = rest[0] if rest else {}
        tracked = self._tracked(job, given or key_text("new_id", self.new_id), options)
        if given:
            await tracked.queued_again()
            job.state[self, "again"] = tracked
        else:
            await tracked.create(options)
            job.state[self] = tracked
        return [tracked.id, options]

    def args_received(self, args: list[Any]) -> list[Any]:
        """Return the options alone. A payload whose only argument is a hash has no uuid."""
        return args if len(args) == 1 and isinstance(args[0], dict) else args[1:]

    def answer(self, job: PluginJob) -> bool | str:
        """The uuid, of which the verbs make a handle."""
        found: str = job.payload_args[0]
        return found

    async def refused(self, job: PluginJob) -> None:
        """Remove the status of a job that is not pushed. One that was queued before has a handle, which is to say that it failed."""
        again = job.state.pop((self, "again"), None)
        if again is not None:
            await again.not_queued()
        await self.gone(job)

    async def gone(self, job: PluginJob) -> None:
        """Remove the status of a delayed job that another process has moved."""
        tracked = job.state.pop(self, None)
        if tracked is not None:
            await tracked.remove()

    async def before_schedule_status(self, job: PluginJob) -> None:
        """Say that a job which is retried later is queued again."""
        given = job.payload_args if job.job is None else []
        if given and given[0] and isinstance(given[0], TrackingId):
            tracked = job.state[self, "again"] = self._tracked(job, given[0], None)
            await tracked.queued_again()

    # -- performing

    async def around_perform_status(self, job: PluginJob, inner: Inner) -> tuple[bool, Any]:
        """Perform the job between its statuses."""
        tracked = job.state[self] = self._of(job)
        if not await tracked.begin():
            job.state[self] = COMPLETED
            await self._call(self.on_killed, job)
            return False, None
        try:
            performed, value = await tracked.inside(inner())
        except GeneratorExit:
            raise
        except BaseException as error:
            if not await self._is_settled(job, tracked, as_raised(error)):
                raise
            return True, None
        if not performed:
            return False, value  # always_status says so
        before = await tracked.end(value, self.result_limit)
        job.state[self] = COMPLETED
        if before.status == FAILED:
            await self._call(self.on_failure, job, before.message)
        else:
            await self._call(self.on_success, job)
        return performed, value

    async def _is_settled(self, job: PluginJob, tracked: TrackedJob, error: BaseException) -> bool:
        """Write how a job that raised has ended; return whether that is no failure of the job's."""
        if is_a(error, (JobKilled,)):
            job.state[self] = COMPLETED
            await tracked.killed()
            await self._call(self.on_killed, job)
            return True
        await self._fail(job, tracked, error)
        if self.on_failure is None or not is_a(error, (Exception,)):
            return False
        await self._call(self.on_failure, job, error)
        return True

    async def _fail(self, job: PluginJob, tracked: TrackedJob, error: BaseException) -> None:
        """Write that the job has failed. An error of Redis is logged: it must not hide the job's."""
        job.state[self] = FAILED
        text = f"The task failed because of an error: {text_of(error)}"
        try:
            await tracked.fail(text)
        except GeneratorExit:
            raise
        except Exception:
            log.exception("the status of %s could not be written", job.name)

    async def on_failure_a_status(self, job: PluginJob, error: BaseException) -> None:
        """Say that the job has failed before or after its code ran. By its name this hook runs before Retry's."""
        if job.state.get(self) not in (COMPLETED, FAILED):
            await self._fail(job, self._of(job), as_raised(error))

    async def always_status(self, job: PluginJob) -> None:
        """Say that a hook has left the job undone: a page that polls it would never end."""
        if job.state.get(self) not in (COMPLETED, FAILED):
            job.state[self] = FAILED
            await self._of(job).fail("The task was not performed: a hook left it undone")

    # -- moments

    async def lost(self, job: PluginJob, error: BaseException) -> None:
        """Say that the job has failed. Ruby leaves it working for ever."""
        job.state[self] = FAILED
        text = f"The task failed because of an error: {text_of(error)}"
        await self._of(job).lost(text)

    async def returned(self, job: PluginJob) -> None:
        """Say that the job is queued again."""
        await self._of(job).queued_again()

    async def dequeued(self, job: PluginJob) -> None:
        """Say that the job will not be performed. Ruby leaves it queued for ever."""
        await self._of(job).removed()

    # -- its status

    def _of(self, job: PluginJob) -> TrackedJob:
        """Return the status of a job that was found in its queue; with a new uuid if it has none."""
        found = job.state.get(self)
        if isinstance(found, TrackedJob):
            return found
        given, options = self._identity(job)
        return self._tracked(
            job, job.state.setdefault((self, "id"), given or self.new_id()), options
        )

    def _identity(self, job: PluginJob) -> tuple[str, object]:
        """Return the id in a job's payload, empty if it has none, and the options."""
        given = str(job.payload_args[0]) if job.payload_args else ""
        return given, job.args[0] if job.args else {}

    def _tracked(self, job: PluginJob, job_id: str, options: object) -> TrackedJob:
        called = self._name(job, options) if job.job is not None else ""
        return tracked_in(job.context, job_id, called, self.expire_in)

    def _name(self, job: PluginJob, options: object) -> str:
        """Return what Ruby's page calls the job. A function ``name=`` that raises is logged: no job fails of it."""
        if self.name is not None:
            given = options if isinstance(options, dict) else {}
            try:
                return key_text("name", partial(self.name, **given))
            except PluginKeyError:
                log.exception("the status of %s is named by its class and options", job.name)
        inspected = "" if options in ({}, [], "") else spelling([options], self.ruby)[1:-1]
        return f"{job.name}({inspected})"

    @staticmethod
    async def _call(callback: Callable[..., object] | None, job: PluginJob, *error: object) -> None:
        if callback is not None:
            given = job.args[0] if job.args else {}
            options = given if isinstance(given, dict) else {}
            await Call(partial(callback, *error, **options), offload=True)
