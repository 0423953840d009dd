"""Build a crew and run it in this process: the workers in threads or a loop, signals and upkeep in the main thread."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from pyresque import signal_handlers
from pyresque.driver.hurry import Hurry
from pyresque.job.worker_registry import WorkerId
from pyresque.job_copies import leave
from pyresque.ops import Spawn, Spawned
from pyresque.plugins.undeclared import UndeclaredPlugins
from pyresque.process.crew.crew import OF_EACH, SIGNALS, STOPS, Crew, SharedTitle
from pyresque.process.crew.shared_waiter import SharedWaiter
from pyresque.process.crew.slots import ThreadSlots
from pyresque.process.health.state import HealthState
from pyresque.process.host.posix import HANG_UP, PosixHost, hostname
from pyresque.process.host.waiter import LOOK
from pyresque.process.run.worker import remote_control
from pyresque.process.worker.controls import no_hurry
from pyresque.process.worker.worker import Worker
from pyresque.standard_streams import flush

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyresque.client import Resque
    from pyresque.executor.base import Executor
    from pyresque.process.crew.slots import Slots, SlotWaiter
    from pyresque.process.host.waits import Watch
    from pyresque.process.worker.idle import Interval
    from pyresque.process.worker.queue_list import QueueList

log = logging.getLogger("pyresque")


class SlotHost:
    """The host of one worker of a crew."""

    def __init__(
        self, waiter: SlotWaiter, set_title: Callable[[str], None], posix: PosixHost
    ) -> None:
        self.title = set_title
        self.worker_pids = posix.worker_pids
        # The waiter's own functions: a driver looks whether they are coroutine functions.
        self.sleep = waiter.sleep
        self.wait_for_jobs = waiter.wait_for_jobs
        self.wake = waiter.wake

    def busy(self) -> None:
        """Do nothing: who watches the queues for all slots knows which of them wait (``Waits``)."""


def run_crew(
    resque: Resque,
    queue_list: QueueList,
    watch: Watch | None,
    interval: Interval,
    health: HealthState | None,
) -> None:
    """Work with as many slots as the settings say, in threads or in a loop, until a signal or an error ends the crew.

    Jobs that do not end in time after TERM or INT are recorded as failed, and the process exits in the midst of them.
    """
    posix, shared_waiter = PosixHost(), SharedWaiter(watch)
    health = health or HealthState(resque.core.clock)
    slots = _slots(resque, shared_waiter, health)
    signals: deque[str] = deque()
    try:
        crew = build_crew(resque, queue_list, slots, posix, health)
        hurry = Hurry(resque.driver.waits_here())
        handlers: dict[str, Callable[[deque[str]], None]] = {
            name: partial(_note_signal, name, hurry if name in STOPS else no_hurry)
            for name in SIGNALS
        }
        handlers[HANG_UP] = posix.hang_up(handlers["SIGQUIT"])
        with posix.handling_signals(signals, handlers):
            _run(resque, crew, slots, posix, signals, interval)
    finally:
        shared_waiter.close()
        slots.close()
        posix.close()
        resque.close()


def build_crew(
    resque: Resque,
    queue_list: QueueList,
    slots: Slots,
    posix: PosixHost,
    health: HealthState | None,
) -> Crew:
    """The crew of this process, and its workers."""
    core = resque.core
    count = core.settings.count
    health = health or HealthState(core.clock)
    first = WorkerId(hostname(), os.getpid(), queue_list.patterns)
    title = SharedTitle(posix.title, count, threading.Lock())
    hooks = core.hooks.only(*OF_EACH)
    hosts = [
        SlotHost(slots.new_waiter(), partial(title.show, n), posix) for n in range(1, count + 1)
    ]

    def build(number: int, host: SlotHost, executor: Executor) -> Worker:
        worker_id = first.slot(number)
        return Worker(core, worker_id, queue_list, executor, host, health, hooks, in_crew=True)

    workers = [slots.build_worker(partial(build, n, host)) for n, host in enumerate(hosts, 1)]

    def wake() -> None:
        for host in hosts:
            host.wake()

    crew = Crew(core, workers, wake, health)
    crew.upkeep.remote = remote_control(core, [worker.heartbeat for worker in workers])
    crew.upkeep.undeclared = UndeclaredPlugins(
        core.registry, core.active_job_classes, queue_list.takes
    )
    resque.stop_flag.follow(lambda: crew.stopping)
    return crew


def _slots(resque: Resque, shared_waiter: SharedWaiter, health: HealthState) -> Slots:
    if resque.settings.executor == "thread":
        return ThreadSlots(resque, shared_waiter)
    from pyresque.process.crew.loop_slots import LoopSlots  # noqa: PLC0415 - asyncio is heavy, and for this executor alone

    return LoopSlots(resque, shared_waiter, resque.settings.count, health)


def _note_signal(name: str, hurry: Callable[[], None], signals: deque[str]) -> None:
    """Handle a signal by noting it: the handler may have interrupted anything. One that stops bounds what this thread may await from Redis."""
    signals.append(name)
    hurry()


def _run(
    resque: Resque,
    crew: Crew,
    slots: Slots,
    posix: PosixHost,
    signals: deque[str],
    interval: Interval,
) -> None:
    """Start the workers, act on signals, and return when all workers have ended. Raises the first error that ended one."""
    ends: list[BaseException | None] = []

    def ended(failure: BaseException | None) -> None:
        ends.append(failure)
        posix.wake()

    resque.run(crew.start())
    upkeep = resque.run(_spawn_upkeep(crew))
    for worker in crew.workers:
        slots.start(worker.id, partial(worker.work, interval), ended)
    while len(ends) < len(crew.workers):
        posix.sleep(min(crew.due(), LOOK))
        signal_handlers.take_again()
        while signals:
            SIGNALS[signals.popleft()](crew)
        if any(failure is not None for failure in ends):
            crew.shutdown()
        if crew.end_jobs():
            upkeep.stop()
            _exit_amid_jobs(resque, crew)
    upkeep.stop()
    Hurry(resque.driver.waits_here())()
    resque.run(upkeep.join())
    resque.run(crew.leave())
    resque.run(crew.core.hooks.run("worker_exit"))
    for failure in ends:
        if failure is not None:
            raise failure


async def _spawn_upkeep(crew: Crew) -> Spawned:
    return await Spawn(crew.upkeep.run_forever, "heartbeat")


def _exit_amid_jobs(resque: Resque, crew: Crew) -> NoReturn:
    """Exit with jobs still running, as a child would be killed; their records are in Redis."""
    if crew.performing:
        log.warning("jobs did not end in time: they are recorded as failed, and the process ends")
    try:
        Hurry(resque.driver.waits_here())()
        resque.run(crew.leave())
        logging.shutdown()
        flush()
    finally:
        leave(0)
