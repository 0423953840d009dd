"""The state of a pool: which worker processes are wanted, which are alive, and when a missing one is forked.

Each worker is an ordinary Resque worker with an id of its own. Rule: a worker that was started is alive, or the master has waited
for it and unregistered it.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyresque.clock import Clock

log = logging.getLogger("pyresque")

#: Seconds that a worker must live to count as healthy; seconds until one that died younger is replaced, at first and at most.
HEALTHY_AFTER, BACK_OFF, MOST_BACK_OFF = 5.0, 0.5, 30.0


@dataclass(slots=True)
class Group:
    """The workers of one list of queues: how many are wanted, and when the next one may be started."""

    wanted: int
    not_before: float = 0.0
    back_off: float = BACK_OFF


@dataclass(slots=True)
class Member:
    """One worker process; ``leaving`` once it was sent QUIT."""

    queues: str
    started: float
    leaving: bool = field(default=False)


class Pool:
    """The state of a pool. ``start`` forks a worker for a list of queues and returns its pid; ``signal`` sends a signal to a pid."""

    def __init__(
        self,
        wanted: Mapping[str, int],
        start: Callable[[str], int],
        signal: Callable[[int, str], None],
        clock: Clock,
        *,
        spawn_delay: float = 0.0,
        burst: bool = False,
    ) -> None:
        self.clock = clock
        self.spawn_delay = spawn_delay
        self.burst = burst
        self.stopping = False
        self.members: dict[int, Member] = {}
        self._groups = {queues: Group(count) for queues, count in wanted.items()}
        self._start = start
        self._signal = signal
        self._next_start = 0.0

    # -- what is wanted

    def want(self, wanted: Mapping[str, int]) -> None:
        """Change what is wanted. The next ``maintain`` sends QUIT to workers that are too many."""
        self._groups = {queues: Group(count) for queues, count in wanted.items()}

    def add(self, number: int) -> None:
        """Change the number of workers of each list of queues by ``number``."""
        for group in self._groups.values():
            group.wanted = max(0, group.wanted + number)

    def want_none(self) -> None:
        """Want no workers any more; the master stays."""
        for group in self._groups.values():
            group.wanted = 0

    def restart(self) -> None:
        """Send every worker QUIT: it ends after its job, and another one is forked."""
        for pid in list(self.members):
            self._stop_member(pid)

    def stop(self, signal: str) -> None:
        """Send every worker a signal that ends it, and fork no more."""
        self.stopping = True
        self.pass_on(signal)

    def pass_on(self, signal: str) -> None:
        """Send every worker a signal."""
        for pid in self.members:
            self._signal(pid, signal)

    # -- what is

    @property
    def over(self) -> bool:
        """Whether no worker is left and none will be forked."""
        return not self.members and (self.stopping or (self.burst and not self._missing()))

    @property
    def complete(self) -> bool:
        """Whether every wanted worker is alive."""
        return not self._missing()

    def maintain(self) -> float:
        """Fork missing workers, send QUIT to those that are too many; return the seconds until the next call."""
        if self.stopping:
            return MOST_BACK_OFF
        self._stop_surplus()
        now = self.clock.monotonic()
        wait = MOST_BACK_OFF
        for queues, missing in self._missing().items():
            group = self._groups[queues]
            for _ in range(missing):
                at = max(group.not_before, self._next_start)
                if at > now:
                    wait = min(wait, at - now)
                    break
                self._fork(queues, now)
        return wait

    def ended(self, pid: int, status: int) -> Member | None:
        """Note that a process ended with this exit status (negative: a signal); return the member that it was."""
        member = self.members.pop(pid, None)
        if member is None:
            return None
        group = self._groups.get(member.queues)
        if self.burst and status == 0 and group is not None:
            group.wanted -= 1
        elif group is not None and not member.leaving and not self.stopping:
            self._restart_later(group, member, pid, status)
        return member

    # -- inside

    def _fork(self, queues: str, now: float) -> None:
        try:
            pid = self._start(queues)
        except OSError as error:
            log.error("no worker can be forked for %s: %s", queues, error)
            self._next_start = now + BACK_OFF
            return
        self.members[pid] = Member(queues, now)
        self._next_start = now + self.spawn_delay

    def _restart_later(self, group: Group, member: Member, pid: int, status: int) -> None:
        """Have a worker that ended by itself replaced, each time later if they die young."""
        now = self.clock.monotonic()
        healthy = now - member.started >= HEALTHY_AFTER
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        group.back_off = BACK_OFF if healthy else min(2 * group.back_off, MOST_BACK_OFF)
        group.not_before = now + (0.0 if healthy else group.back_off)
        log.warning("worker %s of %s ended %s; another one follows", pid, member.queues, how)

    def _missing(self) -> dict[str, int]:
        there = Counter(member.queues for member in self.members.values() if not member.leaving)
        return {
            queues: group.wanted - there[queues]
            for queues, group in self._groups.items()
            if group.wanted > there[queues]
        }

    def _stop_surplus(self) -> None:
        there: Counter[str] = Counter()
        for pid, member in self.members.items():
            if member.leaving:
                continue
            there[member.queues] += 1
            group = self._groups.get(member.queues)
            if group is None or there[member.queues] > group.wanted:
                self._stop_member(pid)

    def _stop_member(self, pid: int) -> None:
        member = self.members[pid]
        if not member.leaving:
            member.leaving = True
            self._signal(pid, "SIGQUIT")
