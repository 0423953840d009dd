"""``resque.retries``: the verbs of jobs that wait for their next attempt, blocking and awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyresque.as_verb import PartOfFace, awaited, blocking
from pyresque.failures import AwaitedRecords, each_record
from pyresque.plugins.waiting_retries import WaitingRetries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyresque.job.registry import Target
    from pyresque.plugins.waiting_retries import WaitingRetry


class Retries(PartOfFace):
    """``resque.retries``: the jobs that wait for their next attempt, of the plugin Retry, of resque-retry, and of ``retry_on``."""

    count = blocking(WaitingRetries.count, of="retries")

    def each(self, class_name: Target | None = None) -> Iterator[WaitingRetry]:
        """The jobs that wait for their next attempt, the next one first; reads the delayed jobs in pages, as they are asked for."""
        return each_record(self, self.core.retries.each(class_name))

    try_now = blocking(WaitingRetries.try_now, of="retries")
    try_now_selection = blocking(WaitingRetries.try_now_selection, of="retries")
    cancel = blocking(WaitingRetries.cancel, of="retries")
    cancel_selection = blocking(WaitingRetries.cancel_selection, of="retries")


class AsyncRetries(PartOfFace):
    """``resque.retries`` of an AsyncResque: the verbs of Retries, awaited."""

    count = awaited(WaitingRetries.count, of="retries")

    def each(self, class_name: Target | None = None) -> AwaitedRecords[WaitingRetry]:
        """The jobs of ``Retries.each``, for ``async for``; awaited, it gives all of them at once, as a list."""
        return AwaitedRecords(self, self.core.retries.each(class_name))

    try_now = awaited(WaitingRetries.try_now, of="retries")
    try_now_selection = awaited(WaitingRetries.try_now_selection, of="retries")
    cancel = awaited(WaitingRetries.cancel, of="retries")
    cancel_selection = awaited(WaitingRetries.cancel_selection, of="retries")
