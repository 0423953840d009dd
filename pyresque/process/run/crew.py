"""Put a crew together and let it work in this process; the main thread hears signals and keeps the time."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from pyresque import signal_handlers
from pyresque.job.worker_registry import WorkerId
from pyresque.job_copies import leave
from pyresque.ops import Spawn, Spawned
from pyresque.process.crew.crew import OF_EACH, ORDERS, Crew, SharedTitle
from pyresque.process.crew.shared_waiter import SharedWaiter
from pyresque.process.crew.slots import ThreadSlots
from pyresque.process.health.state import HealthState
from pyresque.process.host.posix import HANG_UP, PosixHost, hostname
from pyresque.process.worker.worker import Worker
from pyresque.standard_streams import flush

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.client import Resque
    from pyresque.process.crew.slots import Slots, SlotWaiter
    from pyresque.process.host.queue_watch import QueueWatch
    from pyresque.process.worker.idle import Interval
    from pyresque.process.worker.queue_list import QueueList

log = logging.getLogger("pyresque")

#: Seconds between two looks at the signals: a job that closes the pipe at which they are waited for wakes nobody.
LOOK = 2.0


class SlotHost:
    """What one worker of a crew has around it."""

    def __init__(self, place: SlotWaiter, say: Callable[[str], None], posix: PosixHost) -> None:
        self.title = say
        self.worker_pids = posix.worker_pids
        self._place = place
        #: The place's own functions: a driver sees whether they are awaited.
        self.sleep = place.sleep
        self.wait_for_jobs = place.wait

    def wake(self) -> None:
        """End its wait."""
        self._place.wake()


def run_crew(
    resque: Resque,
    queue_list: QueueList,
    lines: QueueWatch | None,
    interval: Interval,
    vitals: HealthState | None,
) -> None:
    """Work with as many slots as the settings say, in threads or in a loop, until told to stop.

    Jobs that do not end in time after an order to stop at once are recorded as failed, and the process ends where it is.
    """
    posix, bell = PosixHost(), SharedWaiter(lines)
    vitals = vitals or HealthState(resque.core.clock)
    slots = _slots(resque, bell, vitals)
    orders: deque[str] = deque()
    try:
        crew = gathered(resque, queue_list, slots, posix, vitals)
        hears: dict[str, Callable[[deque[str]], None]] = {
            name: partial(_note, name) for name in ORDERS
        }
        hears[HANG_UP] = posix.hang_up(hears["SIGQUIT"])
        with posix.hearing_orders(orders, hears):
            _live(resque, crew, slots, posix, orders, interval)
    finally:
        bell.close()
        slots.close()
        posix.close()
        resque.close()


def gathered(
    resque: Resque,
    queue_list: QueueList,
    slots: Slots,
    posix: PosixHost,
    vitals: HealthState | None,
) -> Crew:
    """The crew of this process."""
    core = resque.core
    count = core.settings.count
    vitals = vitals or HealthState(core.clock)
    first = WorkerId(hostname(), os.getpid(), queue_list.patterns)
    sign = SharedTitle(posix.title, count, threading.Lock())
    hooks = core.hooks.only(*OF_EACH)
    seats = [SlotHost(slots.place(), partial(sign.say, n), posix) for n in range(1, count + 1)]
    workers = [
        Worker(core, first.slot(n), queue_list, slots.executor(), seat, vitals, hooks, tended=True)
        for n, seat in enumerate(seats, 1)
    ]

    def wake() -> None:
        for seat in seats:
            seat.wake()

    crew = Crew(core, workers, wake, vitals)
    resque.stop_flag.follow(lambda: crew.stopping)
    return crew


def _slots(resque: Resque, bell: SharedWaiter, vitals: HealthState) -> Slots:
    if resque.settings.executor == "thread":
        return ThreadSlots(resque, bell)
    from pyresque.process.crew.loop_slots import LoopSlots  # noqa: PLC0415 - asyncio is heavy, and for this executor alone

    return LoopSlots(resque, bell, resque.settings.count, vitals)


def _note(order: str, orders: deque[str]) -> None:
    """What a signal handler does: it may have interrupted anything, so that the order is carried out later."""
    orders.append(order)


def _live(
    resque: Resque,
    crew: Crew,
    slots: Slots,
    posix: PosixHost,
    orders: deque[str],
    interval: Interval,
) -> None:
    """The main thread's life."""
    ends: list[BaseException | None] = []

    def ended(trouble: BaseException | None) -> None:
        ends.append(trouble)
        posix.wake()

    resque.run(crew.start())
    beating = resque.run(_spawned(crew))
    for worker in crew.workers:
        slots.start(worker.id, partial(worker.work, interval), ended)
    while len(ends) < len(crew.workers):
        posix.sleep(min(crew.due(), LOOK))
        signal_handlers.take_again()
        while orders:
            ORDERS[orders.popleft()](crew)
        if any(trouble is not None for trouble in ends):
            crew.shutdown()
        if crew.press():
            beating.stop()
            _end_here(resque, crew)
    beating.stop()
    resque.run(beating.join())
    resque.run(crew.leave())
    resque.run(crew.core.hooks.run("worker_exit"))
    for trouble in ends:
        if trouble is not None:
            raise trouble


async def _spawned(crew: Crew) -> Spawned:
    return await Spawn(crew.rounds.keep, "heartbeat")


def _end_here(resque: Resque, crew: Crew) -> NoReturn:
    """End the process with jobs still in it, as a child would be killed; what they were is in the books."""
    log.warning("jobs did not end in time: they are recorded as failed, and the process ends")
    try:
        resque.run(crew.leave())
        logging.shutdown()
        flush()
    finally:
        leave(0)
