"""Time limits of a job: the soft limit raises JobTimeout inside the job, the hard limit kills its process."""

from __future__ import annotations

import math
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from pyresque.errors import JobOptionError
from pyresque.lightweight import dataclass, is_coroutine_function, replace
from pyresque.ops import Call, rewrite

if TYPE_CHECKING:
    from pyresque.ops import Op
    from pyresque.soft_limit import SoftLimit

T = TypeVar("T")

#: Seconds between JobTimeout and KILL for ``timeout=30``: in them the job cleans up.
GRACE = 5.0


@dataclass(frozen=True, slots=True, init=False)
class TimeLimit:
    """Seconds (or timedeltas) after which a job gets JobTimeout (``soft``), and after which its child is killed (``hard``).

    Raises JobOptionError if neither is given, one is not above zero, or the soft limit is not below the hard one.
    """

    soft: float | None
    hard: float | None

    def __init__(
        self, soft: timedelta | float | None = None, hard: timedelta | float | None = None
    ) -> None:
        if soft is None and hard is None:
            raise JobOptionError("a TimeLimit needs soft=, hard=, or both")
        soft_seconds = None if soft is None else _seconds("soft", soft)
        hard_seconds = None if hard is None else _seconds("hard", hard)
        if soft_seconds is not None and hard_seconds is not None and soft_seconds >= hard_seconds:
            raise JobOptionError(
                f"the soft limit ({soft_seconds:g} s) must be below the hard one ({hard_seconds:g} s): "
                "between them the job cleans up"
            )
        object.__setattr__(self, "soft", soft_seconds)
        object.__setattr__(self, "hard", hard_seconds)


def time_limit(timeout: TimeLimit | timedelta | float | None) -> TimeLimit | None:
    """Read the option ``timeout=``: a span is the soft limit, and the hard limit is GRACE seconds later."""
    if timeout is None or isinstance(timeout, TimeLimit):
        return timeout
    soft = _seconds("timeout", timeout)
    return TimeLimit(soft, soft + GRACE)


async def bounded(operation: Op[T], limit: TimeLimit | None) -> T:
    """Run an operation; its calls of user code together have the time of the soft limit.

    JobTimeout never interrupts the operation's own commands to Redis.
    """
    if limit is None or limit.soft is None:
        return await operation
    from pyresque.soft_limit import SoftLimit  # noqa: PLC0415 - signals and threads, for jobs with a soft limit alone

    return await rewrite(operation, partial(_limited, SoftLimit(limit.soft)))


def _limited(alarm: SoftLimit, request: Any) -> Any:
    """Put a call of user code under the limit; other requests stay."""
    if type(request) is not Call:
        return request
    awaits = is_coroutine_function(request.function)
    bound = alarm.wait_for if awaits else alarm.call
    return replace(request, function=partial(bound, request.function))


def _seconds(name: str, given: object) -> float:
    if isinstance(given, timedelta):
        given = given.total_seconds()
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise JobOptionError(f"{name}={given!r} is no time: give seconds or a timedelta")
    if not 0 < given < math.inf:
        raise JobOptionError(f"{name}={given!r} must be a number of seconds above 0")
    return float(given)
