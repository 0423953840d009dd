"""What several test files share: a Redis, a scripted driver, worker processes, waiting."""

from __future__ import annotations

from pathlib import Path

#: The checkout.
ROOT = Path(__file__).parents[2]
