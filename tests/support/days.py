"""The day that it is, asked when a test runs: a run of all tests may go on over midnight."""

from __future__ import annotations

from datetime import datetime, timezone


def today() -> str:
    """The day by UTC, as the ledger's keys have it."""
    return f"{datetime.now(timezone.utc):%Y-%m-%d}"
