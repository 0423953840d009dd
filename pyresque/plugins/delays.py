"""How long a retry waits: a number, a list with an entry for each attempt, either by exception class, or a function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pyresque.errors import JobOptionError
from pyresque.ops import Call
from pyresque.user_errors import is_error_class

if TYPE_CHECKING:
    from collections.abc import Callable

#: The delays of resque-retry's ExponentialBackoff: 0 s, 1 min, 10 min, 1 h, 3 h, 6 h.
EXPONENTIAL: Final = (0.0, 60.0, 600.0, 3600.0, 10800.0, 21600.0)

#: The delays of one kind of error, by attempt, and whether they were given as a list.
Listed: TypeAlias = "tuple[float, ...]"


class Delays:
    """The delays of one plugin. ``most``: how many there are, by which the limit is set where none is given."""

    def __init__(
        self,
        delay: Any,
        backoff: str | None,
        jitter: tuple[float, float] | None,
        random: Callable[[], float],
    ) -> None:
        if backoff is not None:
            if backoff != "exponential":
                raise JobOptionError(
                    f"backoff={backoff!r} is unknown: 'exponential', or a list as delay="
                )
            if delay is not None:
                raise JobOptionError(
                    "backoff= and delay= exclude each other: give a list as delay="
                )
            delay = EXPONENTIAL
        self.random = random
        self.jitter = (1.0, 1.0) if jitter is None else _jitter(jitter)
        self.asked: Callable[..., Any] | None = None
        self.by_error: dict[type[BaseException], Listed] | None = None
        self.listed: Listed = (0.0,)
        self.most = 1
        if isinstance(delay, Mapping):
            self.by_error = {_kind(kind): _listed(each) for kind, each in delay.items()}
            self.most = max(
                [len(_listed(each)) for each in delay.values() if _is_list(each)], default=1
            )
        elif callable(delay):
            self.asked = delay
        elif delay is not None:
            self.listed = _listed(delay)
            self.most = len(self.listed) if _is_list(delay) else 1

    def usual(self, number: int) -> float:
        """Return the delay after an attempt whose error is not known yet; 0 if it depends on the error."""
        return 0.0 if self.by_error is not None or self.asked else _entry(self.listed, number)

    async def after(self, error: BaseException, number: int, args: Sequence[Any]) -> float:
        """Return the delay after an attempt that failed. A function's answer that is not a number raises JobOptionError."""
        if self.asked is not None:
            found = await Call(partial(self.asked, error, *args), offload=True)
            delay = _listed(found)[0]
        elif self.by_error is None:
            delay = _entry(self.listed, number)
        else:
            known = self.by_error
            kind = next((each for each in type(error).__mro__ if each in known), None)
            delay = 0.0 if kind is None else _entry(known[kind], number)
        low, high = self.jitter
        return delay * (low + (high - low) * self.random())


def _entry(listed: Listed, number: int) -> float:
    """As Ruby's ``list[number] || list.last``: -1 is the last one."""
    return listed[number] if -len(listed) <= number < len(listed) else listed[-1]


def _is_list(given: object) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, str)


def _listed(given: Any) -> Listed:
    many = given if _is_list(given) else (given,)
    if not many:
        raise JobOptionError("delay=[] has no entry: give one for each retry")
    return tuple(_number(one) for one in many)


def _number(given: Any) -> float:
    if isinstance(given, timedelta):
        return given.total_seconds()
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not -1e12 < given < 1e12:  # noqa: PLR2004
        raise JobOptionError(f"delay={given!r} is no number of seconds and no timedelta")
    return float(given)


def _kind(given: Any) -> type[BaseException]:
    if not is_error_class(given):
        raise JobOptionError(f"delay= by exception class: {given!r} is no exception class")
    return given


def _jitter(given: Any) -> tuple[float, float]:
    if not _is_list(given) or len(given) != 2:  # noqa: PLR2004 - the two bounds
        raise JobOptionError(f"jitter={given!r} is no pair: give two factors, such as (0.5, 1.5)")
    low, high = (_number(one) for one in given)
    if not 0 <= low <= high:
        raise JobOptionError(
            f"jitter={given!r}: the first factor must be the smaller one, and none below 0"
        )
    return low, high
