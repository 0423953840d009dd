"""Which jobs are plain: to perform one is to call its function with its arguments. Every shortcut asks this module.

Add each new job option to this table. If it changes how a job runs, refuse it in ``plain_class``; if only its bookkeeping, in
``fast_entry``. Light: the fork server loads this module.

=========================================  ================================================  =========================
A job is not a plain call if               because                                           asked by
=========================================  ================================================  =========================
its class has a hook around the work       the hook must run, too                            ``plain_class``
a look at its hooks raises an error        that is the job's failure                         ``plain_class``
its class has plugins                      their moments are operations, with commands       ``plain_class``
its class has a time limit                 a timer must run beside the call                  ``plain_class``
its class is an operation (ActiveJob)      the operation may speak to Redis                  ``plain_class``
nobody registered that very name           a name in another spelling needs the slow lookup  ``plain_entry``
the application has middleware             the middleware must run around it                 ``is_plain``, fast paths
the payload has a fault                    the fault is the job's failure                    ``is_plain``
a hash is to become keyword arguments      the trailing hash must be split off first         ``is_plain``, ``fast_entry``
-----------------------------------------  ------------------------------------------------  -------------------------
*A plain job still leaves the fast path if*
-----------------------------------------  ------------------------------------------------  -------------------------
the job is redelivered                     its count must be forgotten when it is done       ``fast_entry``
its class has no ``perform``               NoPerformError must be recorded                   ``fast_entry``
payload: not a hash, or without an array   read_job must say what is wrong                   ``plain_call``
the log wants a line for each job          the line needs the whole Job                      fast paths
an after_fork hook runs in the child       the hook is called with the Job                   ``child_allows``
a before_fork hook runs in the worker      the hook is called with the Job                   ``server_allows``
payloads are MessagePack                   the fork server reads JSON alone                  ``server_can_reserve``
the clock is not the system's              the fork server asks the system                   ``server_can_reserve``
the queues are found by a pattern          they must be looked up before each job            ``server_can_reserve``
=========================================  ================================================  =========================

``executor/fork/executor.py`` adds what the settings ask for (jobs per child, atexit functions).

Fast paths take other jobs, too, and have them performed by ``perform.perform``: see ``self_contained``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from pyresque.job.hooks import WorkerHooks
    from pyresque.job.job import Job
    from pyresque.job.job_class import JobClass
    from pyresque.job.registry import Registry


#: Seconds of a hard limit from which the fork server may fork for a job: the worker looks at the job a second or two later.
SHORTEST_LIMIT = 10.0


def plain_class(entry: JobClass) -> bool:
    """Whether to perform a job of this class is to call its function: no hook, plugin, operation or time limit belongs to it."""
    try:
        hooks = entry.hooks
    except Exception:  # noqa: BLE001 - the class's own code, in a list of hooks or a descriptor: the job's failure
        return False
    around = hooks.before_perform or hooks.around_perform or hooks.after_perform
    after = hooks.on_failure or hooks.always
    return not (around or after or entry.operation or entry.timeout or entry.plugins)


def plain_entry(registry: Registry, class_name: object) -> JobClass | None:
    """The plain class that is registered under that very name, or None."""
    entry = registry.named(class_name)
    return entry if entry is not None and plain_class(entry) else None


def is_plain(registry: Registry, job: Job) -> bool:
    """Whether ``registry.call`` does all that ``perform.perform`` does for this job."""
    if registry.middleware or job.fault is not None:
        return False
    entry = plain_entry(registry, job.payload.class_name)
    return entry is not None and not (entry.kwargs and job.args and isinstance(job.args[-1], dict))


def fast_entry(registry: Registry, class_name: object) -> JobClass | None:
    """The class of that very name whose jobs may take the fast path, or None. Found once, unless its hooks change."""
    known = registry.fast_entries
    try:
        entry = known[class_name]
        if entry.lookup.attributes == entry.lookup.without_performing:
            return entry
    except Exception:  # noqa: BLE001, S110 - none is known; a name that is a list; an attribute that refuses to be compared
        pass
    found = plain_entry(registry, class_name)
    if found is None or found.kwargs or found.redeliveries or not found.performs:
        return None
    known[class_name] = found  # only registered names: a queue cannot fill our memory with others
    return found


def plain_call(registry: Registry, payload: Any) -> tuple[JobClass, list[Any]] | None:
    """The class and the arguments if the payload, read from JSON, is a plain call; None if it needs more."""
    try:
        entry, args = registry.fast_entries[payload["class"]], payload["args"]
        if entry.lookup.attributes == entry.lookup.without_performing:  # else a hook may have come
            return (entry, args) if args.__class__ is list else None
    except Exception:  # noqa: BLE001, S110 - not a hash; a class that is a list; an attribute that refuses to be compared
        pass
    return _first_call(registry, payload)


def _first_call(registry: Registry, payload: Any) -> tuple[JobClass, list[Any]] | None:
    if payload.__class__ is not dict:
        return None
    entry, args = fast_entry(registry, payload.get("class")), payload.get("args")
    return (entry, args) if entry is not None and args.__class__ is list else None


def self_contained(registry: Registry, job: Job) -> JobClass | None:
    """The class of a job of which all is over when it has been performed, however much happens there; else None.

    Hooks, limits, an envelope, middleware and plugins run inside ``perform.perform``; but see ``acts_when_taken``. A job that is
    redelivered when its process dies concerns the worker afterwards, too.
    """
    entry = registry.named(job.payload.class_name)
    if entry is not None and entry.operation is not None:
        entry = entry.operation.inside(job)
    return entry if entry is not None and entry.performs and not entry.redeliveries else None


def acts_when_taken(entry: JobClass) -> bool:
    """Whether a plugin acts when a job is taken from its queue: the worker must see to that before the job begins."""
    if entry.acts_when_taken is None:
        from pyresque.job.plugin import has  # noqa: PLC0415 - for those who have plugins

        entry.acts_when_taken = any(
            has(plugin, "taken") or has(plugin, "barred_by") for plugin in entry.plugins
        )
    return entry.acts_when_taken


def forkable(registry: Registry, job: Job) -> JobClass | None:
    """The class of a self-contained job that the fork server may fork for; None if the worker must act before, or enforce a short limit."""
    entry = self_contained(registry, job)
    if entry is None or acts_when_taken(entry):
        return None
    hard = None if entry.timeout is None else entry.timeout.hard
    return None if hard is not None and hard < SHORTEST_LIMIT else entry


def any_general(registry: Registry, hooks: WorkerHooks, active_jobs: Iterable[str]) -> bool:
    """Whether children will perform jobs that are not plain calls."""
    others = any(not plain_class(entry) for entry in registry)
    return others or any(active_jobs) or bool(registry.middleware) or hooks.any("after_fork")


def child_allows(hooks: WorkerHooks) -> bool:
    """Whether a child has nothing to do around each job."""
    return not hooks.any("after_fork")


def server_allows(hooks: WorkerHooks) -> bool:
    """Whether the fork server may fork for a job that the worker has not seen."""
    return not hooks.any("before_fork")


def server_can_reserve(codec_name: str, *, system_clock: bool, patterns: bool) -> bool:
    """Whether the fork server can reserve jobs as this worker does."""
    return codec_name == "json" and system_clock and not patterns
