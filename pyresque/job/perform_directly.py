"""Perform a job by calls alone (``direct.py``), in the process that runs the operation; and the usual way on from there.

The usual way follows where the job has failed, or where its class has other hooks than when it began.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.errors import DontPerform, ScriptMissing
from pyresque.job import hooks
from pyresque.job.perform import arguments, called, finished, guard_copies, perform
from pyresque.job_copies import own
from pyresque.lightweight import is_awaitable
from pyresque.ops import Command, Op, as_it_is
from pyresque.user_errors import RaisedInCall, as_raised, closes, is_a, thrown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyresque.job.direct import DirectJob
    from pyresque.job.job_class import JobClass
    from pyresque.job.job_end import JobEnd
    from pyresque.job.registry import Registry


async def directly(  # noqa: C901 - one path, for what calls would cost
    registry: Registry, direct: DirectJob, end: JobEnd
) -> bool:
    """Perform a job by calls; return whether its work was done.

    ``end`` gets what plugins write at the job's end.
    """
    number, same, counted = None, True, True
    args, entry = direct.args, direct.entry
    try:
        if direct.first:
            try:
                number = await Command(direct.first, int)
            except ScriptMissing:
                counted = False
        if counted:
            try:
                for name in direct.before:
                    await _called(hooks.hook(entry.target, name), args)
            except DontPerform:
                return False
            await _called(entry.perform, args)
            same = direct.same_hooks()
            if same:
                for name in direct.after:
                    await _called(hooks.hook(entry.target, name), args)
    except BaseException as error:
        if closes(error):
            raise
        follow = what_follows(direct.bound(registry, number, end), direct, as_raised(error))
        return await end.collect(follow)
    if not counted:
        return await perform(registry, direct.job, end)
    if not same:
        follow = what_follows(direct.bound(registry, number, end), direct, None)
        return await end.collect(follow)
    end.commands = direct.writes
    return True


async def _called(function: Callable[..., Any], args: Iterable[Any]) -> None:
    """Call user code here; what it returns may have to be awaited."""
    try:
        result = own(function, *args)
    except (StopIteration, GeneratorExit) as error:
        raise thrown(error) from None
    if result is not None and is_awaitable(result):
        await called(as_it_is, (result,))


def what_follows(entry: JobClass, direct: DirectJob, error: BaseException | None) -> Op[bool]:
    """What follows the calls of a job in the usual way: ``error`` is what they have raised; None: its class has got other hooks.

    ``entry`` is bound to the job.
    """
    job, finish = direct.job, direct.finish
    args, kwargs = arguments(entry, job) if finish is None else (tuple(direct.args), {})

    async def rest() -> bool:
        if error is not None:
            raise RaisedInCall(error) if is_a(error, (StopIteration, GeneratorExit)) else error
        for name in entry.hooks.after_perform:
            await hooks.call(entry, name, *args, **kwargs)
        return True

    whole = finished(entry, job, rest(), args, kwargs) if finish is None else finish(rest())
    return guard_copies(whole)
