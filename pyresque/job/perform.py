"""Perform one job: before hooks, around hooks, the work, after hooks; failure hooks on an error; ``always`` hooks last.

The order and the exceptions are those of Ruby's ``Job#perform``, as recorded in compat_tests.
"""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.errors import AroundHookError, DontPerform, FailureHookError, UnknownJobClass
from pyresque.job import hooks
from pyresque.job.limits import bounded
from pyresque.job.middleware import through
from pyresque.job.plugin import received_args
from pyresque.job.sending import placed
from pyresque.job_copies import own, own_awaited
from pyresque.lightweight import is_awaitable, is_coroutine_function
from pyresque.ops import Around, Call, Op, rewrite
from pyresque.ruby.names import missing_constant
from pyresque.user_errors import as_raised, exception_name, is_a, text_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from pyresque.job.job import Job
    from pyresque.job.job_end import JobEnd
    from pyresque.job.registry import JobClass, Registry

T = TypeVar("T")


async def perform(registry: Registry, job: Job, end: JobEnd | None = None) -> bool:
    """Perform a job, inside the application's middleware; return whether its work was done.

    The work is left undone if a before hook raises DontPerform or an around hook does not yield. An error of the job is
    raised after its failure hooks ran. A job with a fault raises the fault; one of an unknown class raises UnknownJobClass.
    ``end`` gets what plugins write at the job's end, for the caller to carry out; without it they write at once.
    """
    return await guard_copies(_whole(registry, job, end))


async def _whole(registry: Registry, job: Job, end: JobEnd | None) -> bool:
    if registry.middleware:
        return await through(registry.middleware, job, partial(_performed, registry, end))
    return await _performed(registry, end, job)


async def _performed(registry: Registry, end: JobEnd | None, job: Job) -> bool:
    if job.fault is not None:
        raise job.fault
    entry = registry.find(job.payload.class_name)
    if entry.operation is not None:
        operation = entry.operation(job)
        return await (operation if end is None else end.collect(operation))
    if entry.target is None:  # declared: only Ruby performs it
        raise UnknownJobClass(missing_constant(entry.name, ()))
    if entry.plugins:
        entry = registry.bound_to_job(entry, job.queue, job=job)
    args, kwargs = arguments(entry, job)
    work = bounded(perform_with(entry, args, kwargs), entry.timeout)
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
        return Around(guarded, lambda *given: guard_copies(inner(*given)), request.awaits)
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
    performed, _ = await _around(entry, list(names.around_perform), args, kwargs)
    for name in entry.hooks.after_perform:
        await hooks.call(entry, name, *args, **kwargs)
    return performed


async def _around(
    entry: JobClass, names: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[bool, Any]:
    """Run around hooks, the first one outermost, with the work inside; return whether it was done, and the value returned."""
    if not names:
        return True, await Call(partial(entry.perform, *args, **kwargs), offload=True)
    inner = partial(_around, entry, names[1:], args, kwargs)
    operation = None if entry.plugin_job is None else entry.lookup.of_plugin(names[0])
    if operation is not None:
        ran: tuple[bool, Any] = await operation(entry.plugin_job, inner)
        return ran
    made = await Call(partial(hooks.hook(entry.target, names[0]), *args, **kwargs), offload=True)
    if inspect.isgenerator(made):
        return await _through(made.send, made.throw, made.close, inner)
    if inspect.isasyncgen(
        made
    ):  # an async generator cannot return a value, so it passes on the inner one
        return await _through(made.asend, made.athrow, made.aclose, inner, hands_on=True)
    return False, made  # a plain function, which never yields: the work is left undone


async def _through(
    send: Callable[[Any], Any],
    throw: Callable[[BaseException], Any],
    close: Callable[[], Any],
    inner: Callable[[], Op[tuple[bool, Any]]],
    *,
    hands_on: bool = False,
) -> tuple[bool, Any]:
    """Run a generator hook up to its yield, then ``inner``, then the rest of the hook.

    The yield returns the value of ``inner``, or raises its error. As in Ruby the hook's own return value becomes the value
    that the yield of the hook around it returns; with ``hands_on`` that is the value of ``inner``.
    """
    ended = await _ended(partial(send, None))
    if ended is not None:
        return False, ended.value
    try:
        performed, gave = await inner()
    except GeneratorExit:
        raise
    except BaseException as error:
        ended = await _ended_by(error, throw)
        if ended is None:
            await Call(close)
            raise AroundHookError("an around_perform hook yielded again after an error") from error
        return False, ended.value  # the hook swallowed the error
    ended = await _ended(partial(send, gave))
    if ended is None:
        await Call(close)
        raise AroundHookError("an around_perform hook yielded twice: it must yield once")
    return performed, gave if hands_on else ended.value


async def _ended_by(error: BaseException, throw: Callable[[BaseException], Any]) -> _Ended | None:
    """Raise the error at the generator's yield; return the generator's end, or raise the error that it lets pass."""
    inner = as_raised(error)
    try:
        return await _ended(partial(throw, inner))
    except RuntimeError as another:
        # Python turns a StopIteration that leaves a generator into a RuntimeError.
        if another.__cause__ is inner and is_a(inner, (StopIteration, StopAsyncIteration)):
            raise error from None
        raise


async def _ended(step: Callable[[], Any]) -> _Ended | None:
    """Run one step of a generator; return its end if this step was the last one, else None."""
    try:
        await Call(partial(_stepped, step), offload=True)
    except _Ended as ended:
        return ended
    return None


class _Ended(Exception):  # noqa: N818 - no error: a StopIteration cannot pass through a coroutine
    """A generator ended, and returned ``value``."""

    def __init__(self, value: Any = None) -> None:
        super().__init__()
        self.value = value


def _stepped(step: Callable[[], Any]) -> Any:
    try:
        stepped = step()
    except StopIteration as stop:
        raise _Ended(stop.value) from None
    return _awaited(stepped) if inspect.isawaitable(stepped) else stepped


async def _awaited(stepped: Awaitable[Any]) -> Any:
    try:
        return await stepped
    except StopAsyncIteration:
        raise _Ended from None
