"""When failed lists are trimmed: by any worker, at most once a minute, a bounded number of records at a time."""

from __future__ import annotations

import logging
from math import inf
from typing import TYPE_CHECKING, Final

from pyresque.errors import RedisCommandError, RedisUnavailable
from pyresque.failure.trimming import Limits
from pyresque.lightweight import replace, within
from pyresque.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from pyresque.clock import Clock
    from pyresque.failure.base import FailureBackend
    from pyresque.ops import Op

log = logging.getLogger("pyresque")

#: Seconds between two trims of one process, at least.
EVERY: Final = 60.0

#: Steps that a worker takes at a time for each list. A step removes, or reads, at most 1000 records.
STEPS: Final = 10


class Retention:
    """Trims the failed lists of one application as its settings say, on behalf of the workers of this process."""

    def __init__(
        self,
        settings: Settings,
        backend: Callable[[], FailureBackend],
        clock: Clock,
        server_time: Callable[[], Op[datetime]],
    ) -> None:
        self.max_count = settings.failed_max_count
        self.max_age = settings.failed_max_age
        self._backend = backend
        self._clock = clock
        self._server_time = server_time
        #: Whether the settings trim anything.
        self.on = (self.max_count, self.max_age) != (None, None)
        #: When the next trim is due, and from when on a failure may cause one.
        self._due_at = clock.monotonic() + within(EVERY) if self.on else inf
        self._allowed_at = -inf
        self._trouble = ""

    def due_in(self) -> float:
        """Seconds until the next trim; infinity if the settings trim nothing."""
        return self._due_at - self._clock.monotonic()

    async def trim_if_due(self) -> None:
        """Trim if the last trim of this process was a minute ago. An error is logged, and no worker ends for it."""
        if self.due_in() <= 0:
            await self._trim_as_set()

    async def trim_after_failure(self) -> None:
        """Trim, unless this process did so within a minute: a worker that lives for seconds trims, too."""
        if self.on and self._clock.monotonic() >= self._allowed_at:
            await self._trim_as_set()

    async def _trim_as_set(self) -> None:
        self._due_at = self._allowed_at = self._clock.monotonic() + EVERY
        try:
            removed = await self._trim(Limits(self.max_count, self.max_age, steps=STEPS))
        except (RedisUnavailable, RedisCommandError) as error:
            if str(error) != self._trouble:
                log.warning("failed records not trimmed this time: %s", error)
            self._trouble = str(error)
        except Exception:
            log.exception("the failure backend cannot trim its records")
        else:
            self._trouble = ""
            if removed:
                log.info("removed %d failed records: %s", removed, self.limits())

    async def trim(
        self,
        max_count: int | None = None,
        max_age: float | str | None = None,
        *,
        dry_run: bool = False,
    ) -> int:
        """Remove failed records now; return how many, or with ``dry_run`` how many would be removed.

        ``max_count`` is how many of the newest are kept in each failed list, ``max_age`` seconds or a text such as ``"30d"``.
        Without either the settings hold. Records whose ``failed_at`` cannot be read are kept by age. Raises SettingsError.

        >>> resque.failures.trim(max_count=1000)
        0
        """
        given = Settings(failed_max_count=max_count, failed_max_age=max_age)
        count, age = given.failed_max_count, given.failed_max_age
        if (count, age) == (None, None):
            count, age = self.max_count, self.max_age
        return await self._trim(Limits(count, age, dry_run=dry_run))

    async def _trim(self, limits: Limits) -> int:
        if limits.age is not None:
            # The server's clock judges: one host's clock that is wrong must not remove what others have written.
            limits = replace(limits, now=(await self._server_time()).timestamp())
        return await self._backend().trim(limits)

    def limits(self) -> str:
        """The limits in words."""
        limits = []
        if self.max_count is not None:
            limits.append(f"the newest {self.max_count} of each list are kept")
        if self.max_age is not None:
            limits.append(f"none older than {self.max_age:g} s")
        return ", ".join(limits)
