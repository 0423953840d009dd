"""What a worker needs of the system it runs on."""

from __future__ import annotations

from typing import Protocol


class Surroundings(Protocol):
    """The process, its host and its signals."""

    def title(self, text: str) -> None:
        """Set the process title."""

    def sleep(self, seconds: float) -> None:
        """Wait that long, or until a signal comes."""

    def worker_pids(self) -> frozenset[int] | None:
        """The processes of this host that are Resque workers by their title; None where that cannot be told."""
