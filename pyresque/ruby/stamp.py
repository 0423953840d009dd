"""The date in a worker record. Light: the fork server writes it, and does without ``time.py``, which loads datetime and re."""

from __future__ import annotations

from time import gmtime


def iso8601_z(seconds: float) -> str:
    """``Time#utc#iso8601`` of seconds since 1970, as in ``run_at``: ``2026-03-01T12:00:00Z``."""
    year, month, day, hour, minute, second, *_ = gmtime(seconds)
    return f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}Z"
