"""Between what the clock on the wall shows in a zone and the one instant that is meant, gaps and overlaps included."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo

_SECOND = timedelta(seconds=1)


def wall(instant: datetime, zone: tzinfo) -> datetime:
    """What the clock shows in the zone: a datetime without zone."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def instants(shown: datetime, zone: tzinfo) -> list[datetime]:
    """The instants at which the clock shows this, in order: none in a gap, two in an overlap."""
    found = sorted({_instant(shown, zone, fold) for fold in (0, 1)})
    return [instant for instant in found if wall(instant, zone) == shown]


def is_first_pass(instant: datetime, zone: tzinfo) -> bool:
    """Whether what the clock shows now will be shown once more, because the clock will be put back."""
    both = instants(wall(instant, zone), zone)
    return len(both) > 1 and instant < both[1]


def change(shown: datetime, zone: tzinfo) -> datetime:
    """The instant of the change of clocks that skips or repeats what is shown, to the second."""
    before, after = sorted(_instant(shown, zone, fold) for fold in (0, 1))
    old = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def _instant(shown: datetime, zone: tzinfo, fold: int) -> datetime:
    return shown.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc)
