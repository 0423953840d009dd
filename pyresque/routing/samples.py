"""What is known of Ruby's side where Ruby's workers do not count: failed records of the last minutes, by class.

Ruby counts neither the jobs of a class nor those of them that are done. Its failures leave records; those of Python's jobs leave them, too,
and these are counted. So the number is what the failed lists show less what Python counted: too low where records were removed or never
written, such as those of a retry, too high where Python's workers failed jobs without counting them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pyresque.errors import DecodeError
from pyresque.routing.share import routed_class
from pyresque.ruby.time import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyresque.failure.base import FailureBackend
    from pyresque.failure.record import FailedRecord

#: Failed records that are read at most, the latest.
MOST_RECORDS: Final = 10_000

#: Letters of the longest text that may be a date.
LONGEST: Final = 64


@dataclass(slots=True)
class FailedLately:
    """Failed records of classes, each since a second: how many there are, how many were read, and whether those were all."""

    since: Mapping[str, float]
    classes: dict[str, int] = field(default_factory=dict)
    read: int = 0
    whole: bool = False

    def told(self, class_name: str, python_failed: int) -> str:
        """Say how many jobs of a class Ruby has failed, and how sure that is."""
        count = max(0, self.classes.get(class_name, 0) - python_failed)
        bound = "" if self.whole else f", of the latest {self.read} records alone"
        return f"Ruby failed about {count} (failed records less Python's{bound})"


async def failed_lately(failures: FailureBackend, since: Mapping[str, float]) -> FailedLately:
    """Read the latest failed records down to the first of these seconds, or MOST_RECORDS of them. ``since``: by class."""
    found, first = FailedLately(since), min(since.values())
    pages = failures.each(limit=MOST_RECORDS)
    while (page := await pages.more()) is not None:
        for record in page.records:
            at = _time_of(record)
            if at is not None and at < first:
                found.whole = True
                return found
            found.read += 1
            if record.payload is not None and at is not None:
                name = routed_class(record.payload)
                if at >= since.get(name, math.inf):
                    found.classes[name] = found.classes.get(name, 0) + 1
    found.whole = found.read < MOST_RECORDS
    return found


def _time_of(record: FailedRecord) -> float | None:
    written = record.failed_at
    if written is None or len(written) > LONGEST:
        return None
    try:
        return parse_time(written).timestamp()
    except (DecodeError, ValueError, OverflowError, OSError):
        return None
