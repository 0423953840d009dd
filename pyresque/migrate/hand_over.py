"""The master lock during a hand-over: who leads, what to do next, and a moment at which nothing is due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from pyresque.migrate.schedule_compare import Compared
    from pyresque.migrate.schedule_sides import Kept

#: Seconds in which the next quiet moment is looked for.
AHEAD: Final = 3600.0

PYTHON, RUBY, NOBODY = "python", "ruby", "nobody"


def leader(kept: Kept) -> str:
    """Return the leader's language. Ruby's lock has no owner beside it; nor has, after half a minute, that of a dead Python process."""
    if kept.lock is None:
        return NOBODY
    return PYTHON if kept.owned else RUBY


def quiet_moment(found: Sequence[Compared], now: datetime) -> tuple[datetime, datetime] | None:
    """Return the longest stretch of the next hour in which no run is known to be due; None if nothing is due in it."""
    due = sorted(
        {
            run
            for one in found
            for run in (*one.ruby, *one.python)
            if 0 <= (run - now).total_seconds() <= AHEAD
        }
    )
    if not due:
        return None
    gaps = list(zip([now, *due], due, strict=False))
    return max(gaps, key=lambda gap: gap[1] - gap[0])


def steps(kept: Kept, quiet: tuple[datetime, datetime] | None) -> Iterable[str]:
    """Yield what to do to hand the lead to the other side without a missed or doubled run."""
    holder = "" if kept.lock is None else kept.lock.holder
    when = (
        "at any moment of the next hour"
        if quiet is None
        else f"between {quiet[0].isoformat(sep=' ', timespec='seconds')} and {quiet[1].isoformat(sep=' ', timespec='seconds')}"
    )
    match leader(kept):
        case "ruby":
            yield f"Ruby's scheduler {holder} leads (or a Python one that was killed)"
            yield "to hand over: start `pyresque scheduler`, which waits; then send TERM to Ruby's, which frees the lock"
            yield "a cron time that passes in between is made up for, once, by Python's scheduler"
        case "python":
            yield f"Python's scheduler {holder} leads"
            yield "to hand back: start Ruby's scheduler, which waits; then send TERM to Python's, which frees the lock"
            yield f"Ruby makes up for no cron time that passes in the seconds between: do it {when}"
        case _:
            yield "no scheduler leads: nobody moves delayed jobs or runs recurring ones"
