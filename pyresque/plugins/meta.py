"""resque-meta: data about a job, from its enqueueing to its end (``extend Resque::Plugins::Meta``).

Key: ``meta:<id>`` holds a JSON object: ``meta_id``, ``job_class``, ``enqueued_at``, then ``started_at``, ``succeeded``, ``finished_at``, and
what the application adds. It expires a day after the job's end. The id is the job's first argument, which the job gets, too.

Moments: written by ``Meta.enqueue`` before the job is pushed (Ruby: ``SomeJob.enqueue``; ``Resque.enqueue`` writes none). The times are
added before perform, after it, and after a failure, of a killed job too.

Where Ruby leaves the data without an end, and so for ever, this plugin does not: after DontPerform of another hook, a refused enqueue,
a dequeue.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from pyresque.errors import DecodeError
from pyresque.job.plugin import Plugin
from pyresque.lightweight import random_hex
from pyresque.ops import Command
from pyresque.plugins.options import function, key_text, seconds
from pyresque.ruby.time import iso8601, parse_time
from pyresque.store.queues import to_bytes
from pyresque.store.wrong_keys import WrongKeyLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from pyresque.job.plugin import PluginJob
    from pyresque.job.plugin_context import PluginContext

#: Seconds after its end for which a job's data are kept.
EXPIRE_META_IN: Final = 24 * 3600


class Meta(Plugin):
    """resque-meta. ``expire_meta_in``: seconds for which the data are kept after the job's end; 0: for ever.

    ``before_finish_expire_in``: seconds for which they are kept from its enqueueing while it has not ended; 0: for ever. ``meta_id``: a
    function of the arguments that returns the id (Ruby: the methods of these names).

    >>> meta = Meta()
    >>> resque.declare("NotedJob", queue="work", plugins=[meta])
    >>> meta_id = resque.run(meta.enqueue(resque, "NotedJob", "x"))
    """

    gem = "resque-meta"

    def __init__(
        self,
        *,
        expire_meta_in: timedelta | float | None = EXPIRE_META_IN,
        before_finish_expire_in: timedelta | float | None = None,
        meta_id: Callable[..., str] | None = None,
    ) -> None:
        """Raises JobOptionError."""
        self.expire_meta_in = seconds("expire_meta_in", expire_meta_in) or 0
        self.before_finish_expire_in = (
            seconds("before_finish_expire_in", before_finish_expire_in) or 0
        )
        self.meta_id = function("meta_id", meta_id)

    # -- for the application: resque.run(...), which an AsyncResque awaits

    async def enqueue(self, resque: Any, target: Any, /, *args: Any) -> str | None:
        """Write the data of a new job, and enqueue it; return its id, or None if a hook kept it out. Raises PluginKeyError."""
        core, name = resque.core, resque.core.registry.describe(target).name
        context = core.registry.plugin_context()
        given = random_hex(20) if self.meta_id is None else key_text("meta_id", self.meta_id, *args)
        data = {"meta_id": given, "job_class": name, "enqueued_at": _now(context)}
        await self._save(context, data)
        try:
            enqueued = await core.jobs.enqueue(target, given, *args)
        except GeneratorExit:
            raise
        except BaseException:
            await Command(("DEL", _key(context, given)))
            raise
        if not enqueued:
            await Command(("DEL", _key(context, given)))
            return None
        return given

    async def get(self, resque: Any, target: Any, meta_id: str, /) -> dict[str, Any] | None:
        """Return the data of a job by its id; None if there are none, or they are another class's."""
        registry = resque.core.registry
        return await _data(registry.plugin_context(), registry.describe(target).name, meta_id)

    async def update(self, resque: Any, target: Any, meta_id: str, /, **values: Any) -> bool:
        """Add values to the data of a job; return whether there were any."""
        data = await self.get(resque, target, meta_id)
        if data is None:
            return False
        await self._save(resque.core.registry.plugin_context(), {**data, **values})
        return True

    # -- hooks

    async def before_perform_meta(self, job: PluginJob) -> None:
        """Write when the job started."""
        data = await self._of(job)
        if data is not None:
            await self._save(job.context, {**data, "started_at": _now(job.context)})

    async def after_perform_meta(self, job: PluginJob) -> None:
        """Write when the job ended, and that it did well unless it said otherwise itself."""
        job.state[self] = True
        data = await self._of(job)
        if data is not None:
            data.setdefault("succeeded", True)
            await self._save(job.context, {**data, "finished_at": _now(job.context)})

    async def on_failure_meta(self, job: PluginJob, error: BaseException) -> None:
        """Write when the job failed."""
        await self._fail(job)

    async def always_meta(self, job: PluginJob) -> None:
        """Write that a hook has left the job undone. Ruby leaves the data without an end."""
        if not job.state.get(self):
            await self._fail(job)

    async def dequeued(self, job: PluginJob) -> None:
        """Delete the data of a job that is removed from its queue. Ruby leaves them."""
        if await self._of(job) is not None:
            await Command(("DEL", _key(job.context, job.args[0])))

    async def _fail(self, job: PluginJob) -> None:
        job.state[self] = True
        data = await self._of(job)
        if data is not None:
            ended = {"succeeded": False, "finished_at": _now(job.context)}
            await self._save(job.context, {**data, **ended})

    @staticmethod
    async def _of(job: PluginJob) -> dict[str, Any] | None:
        """Return the data of a job whose first argument is an id."""
        given = job.args[0] if job.args else None
        if not isinstance(given, str):
            return None
        return await _data(job.context, job.name, given)

    async def _save(self, context: PluginContext, data: dict[str, Any]) -> None:
        """Write data, for as long as the options say. Data whose time is over are deleted."""
        now, until = int(context.clock.time()), 0
        if data.get("finished_at") and self.expire_meta_in > 0:
            until = _epoch(data["finished_at"], now) + self.expire_meta_in
        elif self.before_finish_expire_in > 0:
            until = _epoch(data.get("enqueued_at"), now) + self.before_finish_expire_in
        key = _key(context, data["meta_id"])
        if until and until <= now:
            await Command(("DEL", key))
            return
        lasting = ("EX", until - now) if until else ()
        await Command(("SET", key, context.codec.encode(data, path="meta"), *lasting))


async def _data(context: PluginContext, class_name: str, meta_id: str) -> dict[str, Any] | None:
    """Return the data under an id; None if they are another class's, or no JSON object."""
    raw = await WrongKeyLog().value_or(_got(_key(context, meta_id)), None)
    try:
        data = None if raw is None else context.codec.decode(raw)
    except DecodeError:
        return None
    if not isinstance(data, dict) or data.get("job_class") != class_name:
        return None
    return {**data, "meta_id": meta_id}


async def _got(key: bytes) -> bytes | None:
    command: Command[bytes | None] = Command(("GET", key))
    return await command


def _key(context: PluginContext, meta_id: str) -> bytes:
    return to_bytes(context.keys.meta(meta_id))


def _now(context: PluginContext) -> str:
    """Return the time as Ruby's ``iso8601(6)`` writes it: microseconds, cut."""
    microseconds = int(context.clock.time() * 1_000_000)
    at = datetime.fromtimestamp(microseconds // 1_000_000, timezone.utc)
    return iso8601(at.replace(microsecond=microseconds % 1_000_000), 6)


def _epoch(written: object, otherwise: int) -> int:
    """Return the seconds since 1970 of a time in the data; ``otherwise`` for what is none."""
    try:
        return int(parse_time(str(written), timezone.utc).timestamp())
    except (DecodeError, ValueError, OverflowError):
        return otherwise
