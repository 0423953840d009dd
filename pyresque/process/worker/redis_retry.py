"""Waiting for a Redis that is away: longer and longer, for as long as it takes."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pyresque.errors import ConnectionFault, RedisUnavailable
from pyresque.lightweight import random_fraction
from pyresque.ops import Call, Op

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
log = logging.getLogger("pyresque")

#: Seconds to wait: the first time, and at most.
BACK_OFF, MOST_BACK_OFF = 0.5, 10.0

#: Seconds to wait at most where Sentinels or a cluster bring another server soon.
MOST_AT_FAILOVER = 2.0

#: Seconds for which a refused log-in, or TLS that does not come about, is waited for where no job's end is to be written down.
#: Then the process ends: whoever starts it again may have other credentials for it.
REFUSED = 60.0


class StoppedWhileRedisAway(Exception):  # noqa: N818 - no error: the worker was told to stop, and may
    """Redis is away, a stop is ordered, and no job's end has to be written down."""


class RedisRetry:
    """Does things again until Redis has answered. ``may_leave`` says whether there is no need to.

    ``away`` is told at each break that Redis is away, and then that it is back. ``holding`` says whether a job's end is to be
    written down: that is waited for as long as it takes. ``fails_over``: another server will take the place of a lost one, so
    that waits are short, and shorter by chance, for all workers ask at the same time.
    """

    def __init__(
        self,
        sleep: Callable[[float], object],
        may_leave: Callable[[], bool],
        away: Callable[[bool], None] = lambda _away: None,
        holding: Callable[[], bool] = lambda: False,
        *,
        fails_over: bool = False,
    ) -> None:
        self.sleep = sleep
        self.may_leave = may_leave
        self.away = away
        self.holding = holding
        self.most = MOST_AT_FAILOVER if fails_over else MOST_BACK_OFF

    async def steady(
        self,
        attempt: Callable[[], Op[T]],
        recover: Callable[[], Op[T | None]] | None = None,
        broken: RedisUnavailable | None = None,
    ) -> T:
        """Do it; after a break ``recover`` is asked whether it was done after all, and what came of it.

        ``broken``: how a first attempt ended, that was made without us. Raises NothingToWrite where Redis is away and the
        worker may leave, ConnectionFault where Redis does not let us in for long.
        """
        wait, waited = BACK_OFF, 0.0
        trouble = broken
        while True:
            if trouble is not None:
                self.away(True)
                if self.may_leave():
                    raise StoppedWhileRedisAway(str(trouble)) from trouble
                if (
                    isinstance(trouble, ConnectionFault)
                    and waited >= REFUSED
                    and not self.holding()
                ):
                    raise trouble
                log.warning("%s; trying again in %s s", trouble, wait)
                await Call(partial(self.sleep, wait * self._jitter()), offload=True)
                waited += wait
                wait = min(2 * wait, self.most)
            try:
                done = await recover() if trouble is not None and recover is not None else None
                result = await attempt() if done is None else done
            except RedisUnavailable as error:
                trouble = error
            else:
                if trouble is not None:
                    self.away(False)
                return result

    def _jitter(self) -> float:
        return 1.0 if self.most == MOST_BACK_OFF else 0.5 + random_fraction() / 2
