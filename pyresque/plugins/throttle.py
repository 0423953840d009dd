"""resque-throttle: a class is enqueued once in a period (``class SlowJob < Resque::ThrottledJob``).

Key: ``<class>`` or ``<class>:<identifier>`` holds ``true`` and expires after the period. Moment: enqueue raises ThrottledError while the key is
there. As in Ruby, ``enqueue_to`` and delayed jobs are not throttled, and performing changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyresque.errors import ThrottledError
from pyresque.job.plugin import Plugin
from pyresque.plugins.options import flag, function, key_text, seconds
from pyresque.store.locks import release, take_for
from pyresque.store.queues import to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from pyresque.job.plugin import PluginJob

#: The period in seconds, where none is given.
PERIOD: Final = 1800


class Throttle(Plugin):
    """resque-throttle: a class is enqueued once in a period.

    ``can_run_every``: the period. ``identifier``: a function of the arguments that returns what is throttled apart; None for the class as a
    whole. ``disabled``: nothing is throttled.

    >>> resque.declare("SlowJob", queue="work", plugins=[Throttle(can_run_every=90)])
    """

    gem = "resque-throttle"

    def __init__(
        self,
        *,
        can_run_every: timedelta | float = PERIOD,
        identifier: Callable[..., str | None] | None = None,
        disabled: bool = False,
    ) -> None:
        """Raises JobOptionError."""
        self.period = seconds("can_run_every", can_run_every) or 0
        self.identifier = function("identifier", identifier)
        self.disabled = flag("disabled", disabled)

    def name(self, job: PluginJob) -> str:
        """Return the key without the namespace. Raises PluginKeyError."""
        made = (
            None
            if self.identifier is None
            else key_text("identifier", self.identifier, *job.args, may_be_none=True)
        )
        return job.name if made is None else f"{job.name}:{made}"

    async def before_enqueue_throttle(self, job: PluginJob) -> None:
        """Raise ThrottledError if the class was enqueued within the period."""
        if self.disabled or job.to_queue or self.period <= 0 or job.context.jobs.inline:
            return
        name = self.name(job)
        if not await take_for(self._key(job, name), self.period):
            raise ThrottledError(f"{job.name} with key {name} has exceeded its throttle limit")
        job.state[self] = True

    async def refused(self, job: PluginJob) -> None:
        """Delete the key that this call set: the job is not enqueued. Ruby leaves it."""
        if job.state.get(self):
            await release([self._key(job, self.name(job))])

    @staticmethod
    def _key(job: PluginJob, name: str) -> bytes:
        return to_bytes(job.context.keys.throttle(name))
