"""A pool: keeps as many worker processes as are wanted, each a plain Resque worker with an id of its own.

Law: who was started is either alive, or has been waited for and struck out of the books.
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

#: Seconds that a worker must live to count as sound; until the next one is started after one that was not, and at most.
SOUND, BACK_OFF, MOST_BACK_OFF = 5.0, 0.5, 30.0


@dataclass(slots=True)
class Group:
    """The workers of one list of queues: how many are wanted, and when the next one may be started."""

    wanted: int
    not_before: float = 0.0
    back_off: float = BACK_OFF


@dataclass(slots=True)
class Member:
    """One worker process; ``leaving`` once it was told to go."""

    queues: str
    born: float
    leaving: bool = field(default=False)


class Pool:
    """The state of a pool. ``start`` forks a worker of some queues and tells its pid; ``signal`` sends one to a pid."""

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
        """Have other workers from now on: those that are too many are told to leave after their job."""
        self._groups = {queues: Group(count) for queues, count in wanted.items()}

    def add(self, number: int) -> None:
        """One more worker for each list of queues, or one less."""
        for group in self._groups.values():
            group.wanted = max(0, group.wanted + number)

    def want_none(self) -> None:
        """Let every worker leave, and stay."""
        for group in self._groups.values():
            group.wanted = 0

    def restart(self) -> None:
        """Let every worker leave after its job; others take their places."""
        for pid in list(self.members):
            self._dismiss(pid)

    def stop(self, signal: str) -> None:
        """Pass an order to leave on to every worker, and start none any more."""
        self.stopping = True
        self.pass_on(signal)

    def pass_on(self, signal: str) -> None:
        """Send every worker a signal."""
        for pid in self.members:
            self._signal(pid, signal)

    # -- what is

    @property
    def over(self) -> bool:
        """Whether nobody is left, and nobody is to come."""
        return not self.members and (self.stopping or (self.burst and not self._missing()))

    @property
    def complete(self) -> bool:
        """Whether every worker that is wanted is there."""
        return not self._missing()

    def maintain(self) -> float:
        """Start who is missing and dismiss who is too many; the seconds until it should be called again."""
        if self.stopping:
            return MOST_BACK_OFF
        self._dismiss_surplus()
        now = self.clock.monotonic()
        wait = MOST_BACK_OFF
        for queues, missing in self._missing().items():
            group = self._groups[queues]
            for _ in range(missing):
                at = max(group.not_before, self._next_start)
                if at > now:
                    wait = min(wait, at - now)
                    break
                self._begin(queues, now)
        return wait

    def ended(self, pid: int, status: int) -> Member | None:
        """A process has ended with this exit status (negative: the signal); the member it was."""
        member = self.members.pop(pid, None)
        if member is None:
            return None
        group = self._groups.get(member.queues)
        if self.burst and status == 0 and group is not None:
            group.wanted -= 1
        elif group is not None and not member.leaving and not self.stopping:
            self._worry(group, member, pid, status)
        return member

    # -- inside

    def _begin(self, queues: str, now: float) -> None:
        try:
            pid = self._start(queues)
        except OSError as error:
            log.error("no worker can be forked for %s: %s", queues, error)  # noqa: TRY400 - the text says it all
            self._next_start = now + BACK_OFF
            return
        self.members[pid] = Member(queues, now)
        self._next_start = now + self.spawn_delay

    def _worry(self, group: Group, member: Member, pid: int, status: int) -> None:
        """It left unasked: another one follows, later each time where they die young."""
        now = self.clock.monotonic()
        sound = now - member.born >= SOUND
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        group.back_off = BACK_OFF if sound else min(2 * group.back_off, MOST_BACK_OFF)
        group.not_before = now + (0.0 if sound else group.back_off)
        log.warning("worker %s of %s ended %s; another one follows", pid, member.queues, how)

    def _missing(self) -> dict[str, int]:
        there = Counter(member.queues for member in self.members.values() if not member.leaving)
        return {
            queues: group.wanted - there[queues]
            for queues, group in self._groups.items()
            if group.wanted > there[queues]
        }

    def _dismiss_surplus(self) -> None:
        there: Counter[str] = Counter()
        for pid, member in self.members.items():
            if member.leaving:
                continue
            there[member.queues] += 1
            group = self._groups.get(member.queues)
            if group is None or there[member.queues] > group.wanted:
                self._dismiss(pid)

    def _dismiss(self, pid: int) -> None:
        member = self.members[pid]
        if not member.leaving:
            member.leaving = True
            self._signal(pid, "SIGQUIT")
