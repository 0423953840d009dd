"""Perform one job: before hooks, around hooks, the work, after hooks; failure hooks on an error; ``always`` hooks last.

The order and the exceptions are those of Ruby's ``Job#perform``, as recorded in compat_tests.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.errors import DontPerform, FailureHookError, UnknownJobClass
from pyresque.job import hooks
from pyresque.job.around_hooks import around
from pyresque.job.limits import bounded
from pyresque.job.middleware import through
from pyresque.job.plugin import received_args
from pyresque.job.sending import placed
from pyresque.job_copies import own, own_awaited
from pyresque.lightweight import is_awaitable, is_coroutine_function
from pyresque.ops import Around, Call, Op, rewrite
from pyresque.ruby.names import missing_constant
from pyresque.user_errors import as_raised, exception_name, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyresque.job.job import Job
    from pyresque.job.job_class import JobClass
    from pyresque.job.job_end import JobEnd
    from pyresque.job.registry import Registry

T = TypeVar("T")


async def perform(registry: Registry, job: Job, end: JobEnd | None = None) -> bool:
    """Perform a job, inside the application's middleware; return whether its work was done.

    The work is left undone if a before hook raises DontPerform or an around hook does not yield. An error of the job is
    raised after its failure hooks ran. A job with a fault raises the fault; one of an unknown class raises UnknownJobClass.
    ``end`` gets what plugins write at the job's end, for the caller to carry out; without it they write at once.
    """
    return await guard_copies(_whole(registry, job, end))


async def _whole(registry: Registry, job: Job, end: JobEnd | None) -> bool:
    if not registry.middleware:
        return await _performed(registry, end, job)
    began = False

    async def innermost(given: Job) -> bool:
        nonlocal began
        began = True
        return await _performed(registry, end, given)

    try:
        performed = await through(registry.middleware, job, innermost)
    except GeneratorExit:
        raise
    except BaseException as error:
        if began:
            raise
        return await _unbegun(registry, end, job, error)
    return performed if began else await _unbegun(registry, end, job, None)


async def _unbegun(
    registry: Registry, end: JobEnd | None, job: Job, error: BaseException | None
) -> bool:
    """Have what belongs to a job's end run, where a middleware has ended the job before it began: locks go, a retry is enqueued.

    ``error`` is the middleware's; it is raised, unless a rule of an active job retries or drops the job. None: it did not call.
    """

    async def work() -> bool:
        if error is not None:
            raise error
        return False

    entry = registry.entry_of(job)
    if job.fault is not None or entry is None or entry.target is None:
        return await work()
    return await _performed(registry, end, job, work)


async def _performed(
    registry: Registry,
    end: JobEnd | None,
    job: Job,
    instead: Callable[[], Op[bool]] | None = None,
) -> bool:
    """Perform a job; ``instead``: what takes the place of its hooks around the work, and of the work."""
    if job.fault is not None:
        raise job.fault
    entry = registry.find(job.payload.class_name)
    if entry.operation is not None:
        operation = entry.operation.perform(job, instead)
        return await (operation if end is None else end.collect(operation))
    if entry.target is None:  # declared: only Ruby performs it
        raise UnknownJobClass(missing_constant(entry.name, ()))
    if entry.plugins:
        entry = registry.bound_to_job(entry, job.queue, job=job)
    args, kwargs = arguments(entry, job)
    if instead is None:
        work = bounded(perform_with(entry, args, kwargs), entry.timeout)
    else:
        work = instead()
    whole = finished(entry, job, work, args, kwargs)
    if entry.plugin_job is None or end is None:
        return await whole
    entry.plugin_job.end = end
    return await end.collect(whole)


async def finished(
    entry: JobClass, job: Job, work: Op[bool], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    """Run ``work``, then the failure hooks if it failed, then the ``always`` hooks.

    As in Ruby (3.1) an error of an ``always`` hook after a success makes the job fail.
    """
    try:
        performed = await _failing(entry, job, work, args, kwargs)
    except GeneratorExit:
        raise
    except BaseException as error:
        await run_always_hooks(entry, job, args, kwargs, error)
        raise
    await after_success(entry, job, args, kwargs)
    return performed


async def after_success(
    entry: JobClass, job: Job, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """Run ``always`` hooks after a job that succeeded; a hook that raises makes the job fail."""
    if entry.hooks.always:
        await _failing(entry, job, run_always_hooks(entry, job, args, kwargs), args, kwargs)


async def _failing(
    entry: JobClass, job: Job, work: Op[T], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> T:
    try:
        return await work
    except GeneratorExit:
        raise
    except BaseException as error:
        await run_failure_hooks_with(entry, job, error, args, kwargs)
        raise


async def guard_copies(operation: Op[T]) -> T:
    """Run an operation. A copy of this process that user code forks ends where that code returns (``job_copies.py``)."""
    return await rewrite(operation, _guarded)


def _guarded(request: Any) -> Any:
    """Change a request for user code so that copies forked there end there; other requests stay."""
    if isinstance(request, Call):
        awaits = is_coroutine_function(request.function)
        guarded = partial(_guarded_await if awaits else guarded_call, request.function)
        return Call(guarded, request.offload)
    if isinstance(request, Around):
        inner = request.inner
        guarded = partial(_guarded_await if request.awaits else own, request.function)
        awaited = request.awaited and partial(_guarded_await, request.awaited)
        return Around(guarded, lambda *given: guard_copies(inner(*given)), request.awaits, awaited)
    return request


def guarded_call(function: Callable[[], Any]) -> Any:
    """Call user code; a copy that it forks ends here. An awaitable that it returns is guarded, too."""
    result = own(function)
    return own_awaited(result) if result is not None and is_awaitable(result) else result


async def _guarded_await(function: Callable[..., Any], *args: Any) -> Any:
    return await own_awaited(function(*args))


async def called(work: Callable[..., Any], args: Iterable[Any]) -> None:
    """Call the function of a plain job: nothing else belongs to it."""
    await Call(partial(guarded_call, partial(work, *args)))


def arguments(entry: JobClass, job: Job) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return a job's positional and keyword arguments.

    Keywords only for a job registered with ``kwargs=True``, and for one whose arguments travel as one hash of their names.
    """
    args = job.args
    if entry.plugins:
        args = tuple(received_args(entry.plugins, list(args)))
        if entry.by_name:
            return placed(entry, args)
    if entry.kwargs and args and isinstance(args[-1], dict):
        return args[:-1], args[-1]
    return args, {}


async def run_failure_hooks(entry: JobClass, job: Job, error: BaseException) -> None:
    """Run ``on_failure`` hooks. One that raises stops the others: FailureHookError, with the text that Ruby records."""
    await run_failure_hooks_with(entry, job, error, *arguments(entry, job))


async def run_failure_hooks_with(
    entry: JobClass,
    job: Job,
    error: BaseException,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    """Run ``on_failure`` hooks with these arguments: an ActiveJob's are not those of its payload."""
    error = as_raised(error)
    for name in entry.hooks.on_failure:
        try:
            await hooks.call(entry, name, error, *args, **kwargs)
        except GeneratorExit:
            raise
        except BaseException as another:  # noqa: BLE001 - a hook may raise anything
            raise FailureHookError(_hook_error("failure", job, another, error)) from error


async def run_always_hooks(
    entry: JobClass,
    job: Job,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    error: BaseException | None = None,
) -> None:
    """Run ``always`` hooks at a job's end; ``error`` is the error that the job failed with."""
    for name in entry.hooks.always:
        try:
            await hooks.call(entry, name, *args, **kwargs)
        except GeneratorExit:
            raise
        except BaseException as another:
            if error is None:
                raise
            raise FailureHookError(_hook_error("always", job, another, error)) from error


def _hook_error(kind: str, job: Job, another: BaseException, error: BaseException) -> str:
    """Return the text that Ruby records if a hook raises while its job fails."""
    another, error = as_raised(another), as_raised(error)
    name = exception_name(another)
    return (
        f"Additional error ({name}: {text_of(another)}) occurred in running {kind} hooks for job {job}\n"
        f"Original error that caused job failure was {name}: {exception_name(error)}: {text_of(error)}"
    )


async def perform_with(entry: JobClass, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Run before hooks, around hooks, the work and after hooks; return whether the work was done."""
    names = entry.hooks
    try:
        for name in names.before_perform:
            await hooks.call(entry, name, *args, **kwargs)
    except DontPerform:
        return False
    performed, _ = await around(entry, list(names.around_perform), args, kwargs)
    for name in entry.hooks.after_perform:
        await hooks.call(entry, name, *args, **kwargs)
    return performed
