"""Plugins of a job: what a Ruby plugin mixes into a class, here an object given at registration. Light: the fork server loads it.

Theory of operation. A plugin of Ruby's is a module of hooks, found among the class's own hooks and run with them in the order of
their names. A ``Plugin`` here has methods with the same names, each ``async def`` and an operation (``ops.py``): it awaits commands
to Redis. ``PluginHooks`` (``job/plugin_hooks.py``) finds them beside the target's own. A method of the class with the same name replaces the plugin's, as in
Ruby.

A hook needs keys, clock and codec of one Core, and the job. ``Registry.bound_to_job`` therefore makes a copy of the JobClass for one job,
with a ``PluginJob`` in its slot ``plugin_job``; ``hooks.call`` gives that to the plugin's method. A class without plugins is never copied.

Beside the hooks a plugin has moments, in which Ruby's plugins replace methods of Resque itself:

=================  ==========================================================================================================
``args_sent``      replaces the arguments that the payload gets, at enqueue and when the scheduler moves the job (Ruby: ``scheduled``)
``args_received``  takes back what ``args_sent`` did to them, when the job is performed, or compared with a caller's arguments
``mark``           names a key that is set in the step that pushes the job; if it is set already, the job is not pushed
``refused``        the job was not pushed after all, although before_enqueue hooks have run
``gone``           a delayed job that was to be moved is not there any more: another process has moved or removed it
``barred_by``      names counters; while one holds 0 or less, a worker that takes the job puts it back, and looks at the next one
``taken``          the job has left its queue, before anything of it runs: in the worker, or in ``reserve``
``returned``       a job that was taken is back in its queue unperformed, or is redelivered after its process died
``lost``           the job's process or worker has died: before its failure hooks run
``dequeued``       a job is about to be removed from its queue by ``dequeue`` or ``destroy``
``queue_removed``  a queue is about to be removed with all that it holds
=================  ==========================================================================================================

What a plugin writes at a job's end, and must happen once, waits for the step that finishes the job (``job_end.py``).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, ClassVar, TypeAlias, TypeVar

    from pyresque.job.direct import Shortcut
    from pyresque.job.job import Job
    from pyresque.job.job_class import JobClass
    from pyresque.job.job_end import JobEnd
    from pyresque.job.plugin_context import PluginContext
    from pyresque.ops import Op
    from pyresque.store.marks import Mark

    T = TypeVar("T")

    #: What is inside an around hook: the next hook, or the work. Returns whether the work was done, and the value returned.
    Inner: TypeAlias = Callable[[], Op[tuple[bool, Any]]]


#: Types of arguments that a job cannot change.
UNCHANGING = frozenset((str, int, float, bool, type(None)))


class TrackingId(str):
    """The id that ``args_sent`` put before a payload's arguments; empty if it has none. A job that is enqueued with one keeps it."""

    __slots__ = ()


class PluginJob:
    """One job as its plugins see it. ``queue`` is the queue it is in, or goes to; ``state`` is what plugins keep between its hooks."""

    __slots__ = (
        "_args",
        "_payload_args",
        "context",
        "end",
        "entry",
        "given",
        "job",
        "queue",
        "since",
        "state",
        "to_queue",
    )

    def __init__(
        self,
        context: PluginContext,
        entry: JobClass,
        queue: str,
        given: Sequence[Any] = (),
        job: Job | None = None,
        *,
        to_queue: bool = False,
    ) -> None:
        #: Whether the verb named the queue: ``enqueue_to``, or the scheduler.
        self.to_queue = to_queue
        self.context = context
        self.entry = entry
        self.queue = queue
        #: What waits for the end of a job that is performed; None while it is enqueued.
        self.end: JobEnd | None = None
        #: When the job began, in seconds since 1970, where its process has died; else 0.
        self.since = 0
        #: The job as it was found in its queue; None while it is enqueued.
        self.job = job
        self.state: dict[object, Any] = {}
        #: The arguments that the verb sends, while it is enqueued.
        self.given = given
        self._args: list[Any] | None = None
        self._payload_args: list[Any] | None = None

    @property
    def name(self) -> str:
        """The class's Ruby name."""
        return self.entry.name

    @property
    def args(self) -> list[Any]:
        """The caller's arguments as Ruby reads them from the payload, without what ``args_sent`` has put before them.

        A job that changes its own arguments does not change these.
        """
        if self._args is None:
            found = self.payload_args
            self._args = found[1:] if found and isinstance(found[0], TrackingId) else found
        return self._args

    @property
    def payload_args(self) -> list[Any]:
        """The arguments of the payload, with a TrackingId if ``args_sent`` puts one before them: to enqueue the job again with."""
        if self._payload_args is None:
            if self.job is None:
                found = self._as_read(self.given)
                if found and isinstance(self.given[0], TrackingId):
                    found[0] = TrackingId(found[0])
            else:
                found = _with_tracking_id(self.entry.plugins, self._found_args(self.job))
            self._payload_args = found
        return self._payload_args

    def _found_args(self, job: Job) -> list[Any]:
        """Return the arguments of a payload that was found, which the job has not changed."""
        found = list(job.args)
        if UNCHANGING.issuperset(map(type, found)):
            return found
        from pyresque.job.job import read_job  # noqa: PLC0415 - the fork server reads no payloads

        return list(read_job(self.context.codec, self.queue, job.raw).args)

    def send(self, args: Sequence[Any]) -> None:
        """Note the arguments that the payload gets."""
        self._args, found = None, self._as_read(args)
        self._payload_args = _with_tracking_id(self.entry.plugins, found)

    def _as_read(self, args: Sequence[Any]) -> list[Any]:
        codec = self.context.codec
        found: list[Any] = codec.decode(codec.encode(list(args)))
        return found


class Plugin:
    """The base of plugins. Its hooks are ``async def`` methods named as Ruby's, which get a PluginJob; all may be left out.

    ``on_failure_...`` also gets the error, ``around_perform_...`` also ``inner``, which it awaits where the work belongs:
    it returns what ``await inner()`` returned, or ``(False, None)`` where it leaves the work undone.
    """

    #: The Ruby gem that the plugin does the work of.
    gem: ClassVar[str] = ""

    #: Whether the job's arguments travel as one hash of their names (``job/sending.py``).
    by_name: ClassVar[bool] = False

    async def args_sent(self, job: PluginJob, args: list[Any]) -> list[Any]:
        """Return the arguments of the payload, for those that the caller gave. Runs before any before_enqueue hook.

        Those that begin with a TrackingId have been sent before. ``refused`` runs if the job is not pushed.
        """
        return args

    def args_received(self, args: list[Any]) -> list[Any]:
        """Return the arguments that the caller gave, from those of a payload, which may be any. Must not raise."""
        return args

    def mark(self, job: PluginJob) -> Mark | None:
        """Return the key that is set in the step that pushes the job, or None."""
        return None

    def barred_by(self, job: PluginJob) -> Sequence[bytes]:
        """Return the keys of counters: the job is not performed, and stays in its queue, while one of them holds 0 or less."""
        return ()

    def answer(self, job: PluginJob) -> bool | str:
        """Return what ``enqueue`` returns for a job that was pushed."""
        return True

    def shortcut(self, job: PluginJob) -> Shortcut | None:
        """Return all that the plugin does around a job that succeeds, if that is known beforehand and runs no code of the user's."""
        return None

    async def refused(self, job: PluginJob) -> None:
        """The job is not pushed: a hook or a middleware said no, or an error came."""

    async def gone(self, job: PluginJob) -> None:
        """The delayed job is another process's by now. Without this method ``refused`` runs."""

    async def taken(self, job: PluginJob) -> None:
        """The job has left its queue, and nothing of it has run."""

    async def returned(self, job: PluginJob) -> None:
        """The job is in its queue again after it was taken."""

    async def lost(self, job: PluginJob, error: BaseException) -> None:
        """The job's process or worker has died. May run more than once."""

    async def dequeued(self, job: PluginJob) -> None:
        """The job is about to be removed from its queue."""

    #: How many jobs of its queue a worker looks at behind a job that ``barred_by`` bars; None: all.
    max_queue_peek: int | None = None

    async def queue_removed(self, context: PluginContext, queue: str) -> None:
        """A queue is about to be removed. Runs once for each kind of plugin, whatever the queue holds."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def replaces_args(entry: JobClass | None) -> bool:
    """Whether a plugin of a class replaces the arguments of its jobs: where Ruby's class responds to ``scheduled``."""
    return entry is not None and any(has(plugin, "args_sent") for plugin in entry.plugins)


async def sent_args(entry: JobClass, args: list[Any]) -> list[Any]:
    """Return the arguments of the payload of a job that is enqueued, or moved, by its bound entry."""
    for plugin in entry.plugins:
        if has(plugin, "args_sent") and entry.plugin_job is not None:
            args = await plugin.args_sent(entry.plugin_job, args)
            entry.plugin_job.send(args)
    return args


def answer_of(entry: JobClass) -> bool | str:
    """Return what ``enqueue`` returns for a job that was pushed by its bound entry: True, or a plugin's answer."""
    job = entry.plugin_job
    own = [plugin.answer(job) for plugin in entry.plugins if has(plugin, "answer") and job]
    return own[0] if own else True


def received_args(plugins: Iterable[Plugin], args: list[Any]) -> list[Any]:
    """Return the arguments that the caller gave, from those of a payload."""
    for plugin in plugins:
        args = plugin.args_received(args)
    return args


def _with_tracking_id(plugins: Iterable[Plugin], args: list[Any]) -> list[Any]:
    """Return a payload's arguments; the one that ``args_sent`` has put before the others is a TrackingId."""
    for plugin in plugins:
        if has(plugin, "args_sent"):
            received = plugin.args_received(args)
            own = args[0] if len(received) < len(args) and args[0].__class__ is str else ""
            return [TrackingId(own), *received]
    return args


def tracking_id(plugins: Iterable[Plugin], args: Sequence[Any]) -> str:
    """Return the id that ``args_sent`` has put before the arguments of a payload; empty if there is none."""
    found = _with_tracking_id(plugins, list(args))
    return found[0] if found and isinstance(found[0], TrackingId) else ""


def mark_of(entry: JobClass) -> Mark | None:
    """Return the mark that must not be set where this job is pushed. ``entry`` is bound to the job (``Registry.bound_to_job``)."""
    job = entry.plugin_job
    if job is not None:
        for plugin in entry.plugins:
            mark = plugin.mark(job)
            if mark is not None:
                return mark
    return None


async def and_then(work: Op[T], after: Callable[[], Op[None]]) -> T:
    """Run ``work`` and then ``after``, also where the work raises: a ``finally`` may not await while a generator is closed."""
    try:
        result = await work
    except GeneratorExit:
        raise
    except BaseException:
        await after()
        raise
    await after()
    return result


async def or_refused(entry: JobClass, work: Op[bool]) -> bool:
    """Run what enqueues a job, by its bound entry. Where it raises, or returns False, run the plugins' ``refused``."""
    try:
        done = await work
    except GeneratorExit:
        raise
    except BaseException:
        await moment(entry, "refused")
        raise
    if not done:
        await moment(entry, "refused")
    return done


def has(plugin: Plugin, name: str) -> bool:
    """Whether a plugin has that moment."""
    return getattr(type(plugin), name) is not getattr(Plugin, name)


async def moment(
    entry: JobClass,
    name: str,
    *args: Any,
    unless: str = "",
    of: Iterable[Plugin] | None = None,
) -> None:
    """Run a moment of each plugin of a bound entry, or of some, except of plugins that have the moment ``unless``."""
    for plugin in entry.plugins if of is None else of:
        if unless and has(plugin, unless):
            continue
        if has(plugin, name):
            await getattr(plugin, name)(entry.plugin_job, *args)
