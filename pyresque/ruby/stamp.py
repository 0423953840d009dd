"""Ruby's dates as patterns for ``strftime``: for a process to which ``time.py``, with datetimes, would be a good part of its size."""

from __future__ import annotations

#: ``Time#utc#iso8601``, as ``run_at``; ``time.iso8601_z`` writes the same.
ISO8601_Z = "%Y-%m-%dT%H:%M:%SZ"
