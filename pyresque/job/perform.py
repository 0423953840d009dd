"""Performing one job: before hooks, around hooks, the work, after hooks; on an error the failure hooks.

Law: the order and the exceptions are Ruby's ``Job#perform``, recorded in the goldens.
"""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

from pyresque.errors import AroundHookError, DontPerform, FailureHookError
from pyresque.job import hooks
from pyresque.job.limits import bounded
from pyresque.job.middleware import through
from pyresque.ops import Call, Op, as_it_is

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from pyresque.job.job import Job
    from pyresque.job.registry import JobClass, Registry


async def perform(registry: Registry, job: Job) -> bool:
    """Perform a job; whether its work was done (a before hook may say DontPerform, an around hook may not yield).

    Whatever the job raises, its failure hooks have run when it comes out of here. A job that is none, or whose class
    nobody registered, raises its fault. The application's middleware is around all of it.
    """
    if registry.middleware:
        return await through(registry.middleware, job, partial(_performed, registry))
    return await _performed(registry, job)


async def _performed(registry: Registry, job: Job) -> bool:
    if job.fault is not None:
        raise job.fault
    entry = registry.find(job.payload.class_name)
    if entry.operation is not None:
        return await entry.operation(job)
    args, kwargs = arguments(entry, job)
    try:
        return await bounded(perform_with(entry, args, kwargs), entry.timeout)
    except GeneratorExit:
        raise
    except BaseException as error:
        await run_failure_hooks(entry, job, error)
        raise


def is_plain(registry: Registry, job: Job) -> bool:
    """Whether nothing is around this job's work, no hook, limit or middleware: the registry's ``call`` then does all that ``perform`` does."""
    if registry.middleware or job.fault is not None:
        return False
    entry = registry.plain(job.payload.class_name)
    return entry is not None and not (entry.kwargs and job.args and isinstance(job.args[-1], dict))


async def called(work: Callable[..., Any], args: Iterable[Any]) -> None:
    """Carry out a call that is all there is to a job."""
    result = work(*args)
    if result is not None:
        await Call(partial(as_it_is, result))  # it may have to be awaited


def arguments(entry: JobClass, job: Job) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and keyword arguments of a job; keywords only for a job registered with ``kwargs=True``."""
    args = job.args
    if entry.kwargs and args and isinstance(args[-1], dict):
        return args[:-1], args[-1]
    return args, {}


async def run_failure_hooks(entry: JobClass, job: Job, error: BaseException) -> None:
    """Run ``on_failure`` hooks; one that raises ends them with the error Ruby records in that case."""
    await run_failure_hooks_with(entry, job, error, *arguments(entry, job))


async def run_failure_hooks_with(
    entry: JobClass,
    job: Job,
    error: BaseException,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    """The same for a job whose arguments are not those of its payload."""
    for name in entry.hooks.on_failure:
        try:
            await Call(
                partial(hooks.hook(entry.target, name), error, *args, **kwargs), offload=True
            )
        except GeneratorExit:
            raise
        except BaseException as another:  # noqa: BLE001 - a hook may raise anything
            msg = (
                f"Additional error ({_kind(another)}: {another}) occurred in running failure hooks for job {job}\n"
                f"Original error that caused job failure was {_kind(another)}: {_kind(error)}: {error}"
            )
            raise FailureHookError(msg) from error


async def perform_with(entry: JobClass, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Perform a job with these arguments, its hooks around it but those of failures; whether its work was done."""
    names, target = entry.hooks, entry.target
    try:
        for name in names.before_perform:
            await Call(partial(hooks.hook(target, name), *args, **kwargs), offload=True)
    except DontPerform:
        return False
    performed = await _around(entry, list(names.around_perform), args, kwargs)
    for name in names.after_perform:
        await Call(partial(hooks.hook(target, name), *args, **kwargs), offload=True)
    return performed


async def _around(
    entry: JobClass, names: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    """Run the outermost around hook around the rest, innermost the work itself."""
    if not names:
        await Call(partial(entry.perform, *args, **kwargs), offload=True)
        return True
    made = await Call(partial(hooks.hook(entry.target, names[0]), *args, **kwargs), offload=True)
    inner = partial(_around, entry, names[1:], args, kwargs)
    if inspect.isgenerator(made):
        return await _through(lambda: next(made), made.throw, made.close, inner)
    if inspect.isasyncgen(made):
        return await _through(made.__anext__, made.athrow, made.aclose, inner)
    return False  # it was a plain function and never yielded: the work is left undone, as in Ruby


async def _through(
    step: Callable[[], Any],
    throw: Callable[[BaseException], Any],
    close: Callable[[], Any],
    inner: Callable[[], Op[bool]],
) -> bool:
    """Run a generator hook to its yield, the rest, then the hook's end; an error of the rest is raised at the yield."""
    if await _ended(step):
        return False
    try:
        performed = await inner()
    except GeneratorExit:
        raise
    except BaseException as error:
        if not await _ended(partial(throw, error)):
            await Call(close)
            raise AroundHookError("an around_perform hook yielded again after an error") from error
        return False  # the hook swallowed the error
    if not await _ended(step):
        await Call(close)
        raise AroundHookError("an around_perform hook yielded twice: it must yield once")
    return performed


async def _ended(step: Callable[[], Any]) -> bool:
    """Whether a generator ended at this step."""
    try:
        await Call(partial(_stepped, step), offload=True)
    except _Ended:
        return True
    return False


class _Ended(Exception):  # noqa: N818 - no error: StopIteration must not travel through a coroutine
    """A generator came to its end."""


def _stepped(step: Callable[[], Any]) -> Any:
    try:
        stepped = step()
    except StopIteration:
        raise _Ended from None
    return _awaited(stepped) if inspect.isawaitable(stepped) else stepped


async def _awaited(stepped: Awaitable[Any]) -> Any:
    try:
        return await stepped
    except StopAsyncIteration:
        raise _Ended from None


def _kind(error: BaseException) -> str:
    return getattr(error, "ruby_name", None) or type(error).__qualname__
