"""Time zones of cron lines: a named one, or the process's own; wall-clock times and changes of clocks."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo

from pyresque.errors import SettingsError


class ProcessZone(tzinfo):
    """The zone of this process (TZ, else the machine's), as the C library knows it."""

    def utcoffset(self, at: datetime | None) -> timedelta | None:
        """Return the offset from UTC at that time."""
        return None if at is None else at.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, at: datetime | None) -> timedelta | None:  # noqa: ARG002 - tzinfo's signature
        """Return None: the C library does not say."""
        return None

    def tzname(self, at: datetime | None) -> str | None:
        """Return the zone's letters at that time."""
        return None if at is None else at.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, at: datetime) -> datetime:
        """Return the wall-clock time; the second of two equal times has ``fold`` set."""
        shown = at.replace(tzinfo=timezone.utc).astimezone()
        local = shown.replace(tzinfo=self, fold=0)
        return local if local.utcoffset() == shown.utcoffset() else local.replace(fold=1)


def zone_named(name: str) -> tzinfo:
    """Return the zone of a name or offset; an empty name means the process's zone. Raises SettingsError."""
    if not name:
        return ProcessZone()
    from pyresque.schedule.cron.fields import FieldError, time_zone  # noqa: PLC0415 - heavy, and needed for a named zone alone

    try:
        return time_zone(name)
    except FieldError as error:
        raise SettingsError(f"time_zone: {error}") from None


_SECOND = timedelta(seconds=1)


def wall(instant: datetime, zone: tzinfo) -> datetime:
    """Return the wall-clock time in the zone: a datetime without zone."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def instants(shown: datetime, zone: tzinfo) -> list[datetime]:
    """Return the instants of a wall-clock time, in order: none in a gap, two in an overlap."""
    found = sorted({_instant(shown, zone, fold) for fold in (0, 1)})
    return [instant for instant in found if wall(instant, zone) == shown]


def is_first_pass(instant: datetime, zone: tzinfo) -> bool:
    """Whether the wall-clock time will come once more, because the clock will be put back."""
    both = instants(wall(instant, zone), zone)
    return len(both) > 1 and instant < both[1]


def change(shown: datetime, zone: tzinfo) -> datetime:
    """Return the instant, to the second, of the change of clocks that skips or repeats a wall-clock time."""
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
