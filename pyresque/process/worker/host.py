"""What a worker needs of the system it runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable


class Host(Protocol):
    """The process, its host and its signals. Where an awaiting driver carries the worker, its waits are awaited."""

    def title(self, text: str) -> None:
        """Set the process title."""

    def sleep(self, seconds: float) -> Awaitable[None] | None:
        """Wait that long, or until a signal comes."""

    def wait_for_jobs(
        self, queues: tuple[str, ...], look: float, most: float
    ) -> bool | Awaitable[bool]:
        """Wait until it is time to look for a job; whether it is. ``queues`` are the keys of lists.

        It is time as soon as one of them seems to hold a job; after ``look`` seconds where that would not be noticed.
        A signal, and ``most`` seconds, end the wait in any case.
        """

    def worker_pids(self) -> frozenset[int] | None:
        """The processes of this host that are Resque workers by their title; None where that cannot be told."""
