"""Ruby values that Python does not have, as immutable Python values; they are written back as they were read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NoReturn, SupportsIndex

if TYPE_CHECKING:
    from typing_extensions import Self


class Symbol(str):
    """A Ruby Symbol; equal to the text of the same letters, so ``{Symbol("a"): 1}["a"]`` works."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Symbol({str(self)!r})"


@dataclass(frozen=True, slots=True)
class Module:
    """A Ruby class or module, by its name: ``Module("Billing::Invoice")``."""

    name: str


@dataclass(frozen=True, slots=True)
class Range:
    """A Ruby Range; None is an open end. ``Range(1, 5, exclude_end=True)`` is ``1...5``."""

    begin: object
    end: object
    exclude_end: bool = False


class Instant(datetime):
    """A point in time with Ruby's nanoseconds.

    ``nanosecond`` (0 to 999) adds to ``microsecond``. It is kept for writing back; comparisons and arithmetic are datetime's own
    and ignore it.
    """

    nanosecond: int

    @classmethod
    def of(cls, moment: datetime, nanosecond: int = 0) -> Self:
        """Return the instant of a datetime, with nanoseconds."""
        made = cls(
            moment.year,
            moment.month,
            moment.day,
            moment.hour,
            moment.minute,
            moment.second,
            moment.microsecond,
            moment.tzinfo,
            fold=moment.fold,
        )
        made.nanosecond = nanosecond
        return made

    def __new__(cls, *args: object, **fields: object) -> Self:
        """Take what datetime takes; ``Instant.of`` adds nanoseconds."""
        made = super().__new__(cls, *args, **fields)  # type: ignore[arg-type]  # handed on untouched
        made.nanosecond = 0
        return made

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[object, ...]:
        """Pickle and copy with the nanoseconds."""
        plain = datetime.combine(self.date(), self.timetz())
        return (type(self).of, (plain, self.nanosecond))


class DateTime(Instant):
    """A Ruby DateTime. A Ruby Time is a plain datetime."""


class Duration(timedelta):
    """An ActiveSupport::Duration: a timedelta with its parts.

    ``value`` is Rails' length in seconds, in which a month has 2629746 s; ``parts`` are what it was made of, such as
    ``(("months", 1), ("days", 2))``.
    """

    value: int | float
    parts: tuple[tuple[str, object], ...]

    @classmethod
    def of(cls, value: float, parts: Iterable[tuple[str, object]] = ()) -> Duration:
        """Return a duration of so many seconds. Raises OverflowError beyond timedelta's range."""
        made = cls(seconds=value)
        made.value = value
        made.parts = tuple(parts)
        return made

    def __new__(cls, *args: float, **fields: float) -> Self:
        """Take what timedelta takes; ``Duration.of`` keeps the parts apart."""
        made = super().__new__(cls, *args, **fields)
        made.value = whole_seconds(made)
        made.parts = plain_parts(made)
        return made

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle and copy with value and parts."""
        return (Duration.of, (self.value, self.parts))


def whole_seconds(span: timedelta) -> int | float:
    """Return the length in seconds: an int if it is whole, as in Rails."""
    if span.microseconds:
        return span.total_seconds()
    return span.days * 86400 + span.seconds


def plain_parts(span: timedelta) -> tuple[tuple[str, object], ...]:
    """Return the parts that Rails would have for a length in days and seconds."""
    seconds = span.seconds + span.microseconds / 1_000_000 if span.microseconds else span.seconds
    parts: list[tuple[str, object]] = []
    if span.days:
        parts.append((Symbol("days"), span.days))
    if seconds or not parts:
        parts.append((Symbol("seconds"), seconds))
    return tuple(parts)


class _FrozenHash(dict[str, object]):
    """A dict that cannot be changed, so that a retried job has the arguments that it was called with."""

    def _refuse(self, *_args: object, **_fields: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} cannot be changed; make a copy with dict(...)")

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = setdefault = pop = popitem = clear = _refuse

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle and copy as a whole, because items cannot be set."""
        return (type(self), (dict(self),))


class Keywords(_FrozenHash):
    """Keyword arguments as Ruby sent them: keys that are Symbols were keywords, other keys were strings."""


class Indifferent(_FrozenHash):
    """A HashWithIndifferentAccess: its keys are strings, and every hash inside it is one, too."""

    def __init__(self, pairs: Mapping[str, object] | Iterable[tuple[str, object]] = ()) -> None:
        super().__init__({str(key): _indifferent(value) for key, value in dict(pairs).items()})


def _indifferent(value: object) -> object:
    if isinstance(value, Indifferent):
        return value
    if isinstance(value, Mapping):
        return Indifferent(value)
    if isinstance(value, list | tuple):
        return [_indifferent(item) for item in value]
    return value


def comparable(begin: object, end: object) -> bool:
    """Whether Ruby makes a Range of the two: one is open, or they can be compared."""
    if begin is None or end is None:
        return True
    if isinstance(begin, Symbol) != isinstance(end, Symbol):
        return False
    numbers = (int, float, Decimal)
    if isinstance(begin, bool) or isinstance(end, bool):
        return begin is end
    if isinstance(begin, numbers) and isinstance(end, numbers):
        return True
    try:
        begin < end  # type: ignore[operator]  # noqa: B015 - only whether it raises matters
    except TypeError:
        return begin == end
    return True
