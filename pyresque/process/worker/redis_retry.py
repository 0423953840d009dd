"""Waiting for a Redis that is away: longer and longer, for as long as it takes."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pyresque.errors import ClusterFault, ConnectionFault, RedisUnavailable
from pyresque.lightweight import within
from pyresque.ops import Call, Op

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
log = logging.getLogger("pyresque")

#: Seconds to wait: the first time, and at most.
FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0

#: Seconds to wait at most if Sentinels or a cluster soon bring another server, and in a worker that is to stop.
LONGEST_IN_HASTE = 2.0

#: Seconds for which a refused log-in, or TLS that cannot be set up, is waited for if no job's end has to be written.
#: Then the process ends: whoever starts it again may give it other credentials.
REFUSED = 60.0


#: Seconds for which a worker that is to stop waits for Redis, after it has failed for the first time, to write the end of its job.
PATIENCE = 10.0


class StoppedWhileRedisAway(Exception):
    """Redis is away, the worker is to stop, and it has no job to finish in Redis or has waited long enough."""


class RedisRetry:
    """Repeats operations until Redis has answered.

    stopping: says that the worker is to stop. away: called with True at each break, with False when Redis is back.
    has_job: says that a job's end has to be written down, which is waited for as long as it takes, or for PATIENCE in a worker that is
    to stop. fails_over: another server will replace a lost one; waits are short then. Each wait is shorter at random, because all
    workers lose Redis at the same time.
    """

    def __init__(
        self,
        sleep: Callable[[float], object],
        stopping: Callable[[], bool],
        away: Callable[[bool], None] = lambda _away: None,
        has_job: Callable[[], bool] = lambda: False,
        now: Callable[[], float] = lambda: 0.0,
        *,
        fails_over: bool = False,
    ) -> None:
        self.sleep = sleep
        self.stopping = stopping
        self.away = away
        self.has_job = has_job
        self.now = now
        self._first_failure: float | None = None
        self.fails_over = fails_over

    def is_patience_over(self) -> bool:
        """Whether Redis has failed a worker that is to stop for PATIENCE seconds. Called after each failure of it."""
        now = self.now()
        if self._first_failure is None:
            self._first_failure = now
        return now - self._first_failure >= PATIENCE

    async def until_answered(
        self,
        attempt: Callable[[], Op[T]],
        recover: Callable[[], Op[T | None]] | None = None,
        first_error: RedisUnavailable | None = None,
    ) -> T:
        """Run ``attempt`` until Redis answers it.

        After a break ``recover`` finds out whether the attempt was carried out after all: it returns the result, or None.
        ``first_error`` is the error of an attempt that the caller has made already. Raises StoppedWhileRedisAway in a
        worker that is to stop, ConnectionFault if Redis refuses the connection for long, ClusterFault at once if a plain URL
        leads to a cluster.
        """
        wait, waited = FIRST_WAIT, 0.0
        broken = first_error
        while True:
            if broken is not None:
                self.away(True)
                if isinstance(broken, ClusterFault) and not self.fails_over:
                    raise broken
                if self.stopping() and (not self.has_job() or self.is_patience_over()):
                    raise StoppedWhileRedisAway(str(broken)) from broken
                if isinstance(broken, ConnectionFault) and waited >= REFUSED and not self.has_job():
                    raise broken
                if self.fails_over or self.stopping():
                    wait = min(wait, LONGEST_IN_HASTE)
                log.warning("%s; trying again within %s s", broken, wait)
                some = within(wait)
                await Call(partial(self.sleep, some), offload=True)
                waited += some
                wait = min(2 * wait, LONGEST_WAIT)
            try:
                done = await recover() if broken is not None and recover is not None else None
                result = await attempt() if done is None else done
            except RedisUnavailable as error:
                broken = error
            else:
                if broken is not None:
                    self.away(False)
                    self._first_failure = None
                return result
