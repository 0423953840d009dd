"""Chance, for waits that shall differ: without ``random``, which every worker would load and every forked child seed anew."""

from __future__ import annotations

import os


def chance() -> float:
    """A number from 0 up to 1."""
    return int.from_bytes(os.urandom(7), "big") / 2**56
