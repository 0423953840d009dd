"""Chance, for waits that shall differ: without ``random``, which every worker would load and every forked child seed anew."""

from __future__ import annotations

import uuid


def chance() -> float:
    """A number from 0 up to 1."""
    return uuid.uuid4().int % 2**56 / 2**56
