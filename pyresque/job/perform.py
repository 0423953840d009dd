"""Performing one job: before hooks, around hooks, the work, after hooks; on an error the failure hooks.

Law: the order and the exceptions are Ruby's ``Job#perform``, recorded in the goldens.
"""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.errors import AroundHookError, DontPerform, FailureHookError
from pyresque.job import hooks
from pyresque.job.copy_guard import InCopies, watched_call
from pyresque.job.limits import bounded
from pyresque.job.middleware import through
from pyresque.ops import Call, Op
from pyresque.user_errors import as_raised, exception_name, is_a, text_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from pyresque.job.job import Job
    from pyresque.job.registry import JobClass, Registry

T = TypeVar("T")


async def perform(registry: Registry, job: Job) -> bool:
    """Perform a job; whether its work was done (a before hook may say DontPerform, an around hook may not yield).

    Whatever the job raises, its failure hooks have run when it comes out of here. A job that is none, or whose class
    nobody registered, raises its fault. The application's middleware is around all of it.
    """
    return await InCopies(_whole(registry, job))


async def _whole(registry: Registry, job: Job) -> bool:
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
    work = bounded(perform_with(entry, args, kwargs), entry.timeout)
    return await finished(entry, job, work, args, kwargs)


async def finished(
    entry: JobClass, job: Job, work: Op[bool], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    """Do the work of a job and run the hooks that come last: those of a failure where it failed, then ``always``.

    As in Ruby (3.1) an error of an ``always`` hook after a success is the job's failure.
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
    """Run ``always`` hooks after a job that did not fail; one that raises makes it fail after all."""
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


def is_plain(registry: Registry, job: Job) -> bool:
    """Whether nothing is around this job's work, no hook, limit or middleware: the registry's ``call`` then does all that ``perform`` does."""
    if registry.middleware or job.fault is not None:
        return False
    entry = registry.plain(job.payload.class_name)
    return entry is not None and not (entry.kwargs and job.args and isinstance(job.args[-1], dict))


async def called(work: Callable[..., Any], args: Iterable[Any]) -> None:
    """Carry out a call that is all there is to a job."""
    await Call(partial(watched_call, partial(work, *args)))


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
    error = as_raised(error)
    for name in entry.hooks.on_failure:
        try:
            await Call(
                partial(hooks.hook(entry.target, name), error, *args, **kwargs), offload=True
            )
        except GeneratorExit:
            raise
        except BaseException as another:  # noqa: BLE001 - a hook may raise anything
            raise FailureHookError(_additional("failure", job, another, error)) from error


async def run_always_hooks(
    entry: JobClass,
    job: Job,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    error: BaseException | None = None,
) -> None:
    """Run ``always`` hooks after a job's end; ``error`` is what it failed with."""
    for name in entry.hooks.always:
        try:
            await Call(partial(hooks.hook(entry.target, name), *args, **kwargs), offload=True)
        except GeneratorExit:
            raise
        except BaseException as another:
            if error is None:
                raise
            raise FailureHookError(_additional("always", job, another, error)) from error


def _additional(kind: str, job: Job, another: BaseException, error: BaseException) -> str:
    """What Ruby records where a hook raises while its job fails."""
    another, error = as_raised(another), as_raised(error)
    name = exception_name(another)
    return (
        f"Additional error ({name}: {text_of(another)}) occurred in running {kind} hooks for job {job}\n"
        f"Original error that caused job failure was {name}: {exception_name(error)}: {text_of(error)}"
    )


async def perform_with(entry: JobClass, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Perform a job with these arguments, its hooks around it but those of failures; whether its work was done."""
    names, target = entry.hooks, entry.target
    try:
        for name in names.before_perform:
            await Call(partial(hooks.hook(target, name), *args, **kwargs), offload=True)
    except DontPerform:
        return False
    performed, _ = await _around(entry, list(names.around_perform), args, kwargs)
    for name in entry.hooks.after_perform:
        await Call(partial(hooks.hook(target, name), *args, **kwargs), offload=True)
    return performed


async def _around(
    entry: JobClass, names: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[bool, Any]:
    """Run the outermost around hook around the rest, innermost the work itself: whether that was done, and what it gave."""
    if not names:
        return True, await Call(partial(entry.perform, *args, **kwargs), offload=True)
    made = await Call(partial(hooks.hook(entry.target, names[0]), *args, **kwargs), offload=True)
    inner = partial(_around, entry, names[1:], args, kwargs)
    if inspect.isgenerator(made):
        return await _through(made.send, made.throw, made.close, inner)
    if inspect.isasyncgen(made):  # one cannot return a value, so it hands on what it got
        return await _through(made.asend, made.athrow, made.aclose, inner, hands_on=True)
    return False, made  # it was a plain function and never yielded: the work is left undone


async def _through(
    send: Callable[[Any], Any],
    throw: Callable[[BaseException], Any],
    close: Callable[[], Any],
    inner: Callable[[], Op[tuple[bool, Any]]],
    *,
    hands_on: bool = False,
) -> tuple[bool, Any]:
    """Run a generator hook to its yield, the rest, then the hook's end.

    The yield gives what the rest gave; an error of the rest is raised there. What the hook returns is what the yield of the
    hook around it gives, as in Ruby; or ``hands_on`` what it got.
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
    """The same where this error is raised at its yield; a generator that lets it pass raises it here."""
    inner = as_raised(error)
    try:
        return await _ended(partial(throw, inner))
    except RuntimeError as another:
        # Python makes this of a StopIteration that leaves a generator.
        if another.__cause__ is inner and is_a(inner, (StopIteration, StopAsyncIteration)):
            raise error from None
        raise


async def _ended(step: Callable[[], Any]) -> _Ended | None:
    """The end of a generator, where this step is its last."""
    try:
        await Call(partial(_stepped, step), offload=True)
    except _Ended as ended:
        return ended
    return None


class _Ended(Exception):  # noqa: N818 - no error: StopIteration must not travel through a coroutine
    """A generator came to its end, and returned ``value``."""

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
