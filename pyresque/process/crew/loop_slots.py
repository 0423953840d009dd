"""Slots that are tasks of one event loop. The loop runs in its own thread: no job keeps the main thread from seeing signals.

Rule: a job may stop the loop or raise anything in it, and the loop goes on. If it cannot, ``ended`` is called for every worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from asyncio.tasks import _unregister_task
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from errno import EBADF, EINVAL
from functools import partial
from typing import TYPE_CHECKING

from pyresque import job_copies
from pyresque.driver.choose import awaiting_driver
from pyresque.driver.hurry import Hurry
from pyresque.executor.task import TaskExecutor
from pyresque.process.crew.slots import worker_here
from pyresque.process.worker.fast_path import InlineFastPath

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyresque.client import Resque
    from pyresque.executor.base import Executor
    from pyresque.ops import Op
    from pyresque.process.crew.shared_waiter import SharedWaiter
    from pyresque.process.health.state import HealthState
    from pyresque.process.worker.worker import Worker

log = logging.getLogger("pyresque")

#: Seconds between two entries in the health page that the loop is alive.
ALIVE = 2.0

#: Seconds that tasks which jobs have left may take to end after they were cancelled.
LINGER = 5.0

#: Threads for what jobs themselves run in the loop's default executor, beyond one for each slot.
EXTRA_THREADS = 4


class LoopEndedError(RuntimeError):
    """The loop, or a worker's task in it, has ended although nobody stopped it."""


class LoopSlots:
    """A task for each worker, in one loop with one driver. Jobs that are not coroutine functions run in threads."""

    def __init__(
        self, resque: Resque, shared_waiter: SharedWaiter, count: int, health: HealthState
    ) -> None:
        self._resque = resque
        self._shared_waiter = shared_waiter
        self._count = count
        self._health = health
        #: For functions of jobs. The loop's default executor is for what jobs run there; a job may shut that down.
        self._threads = ThreadPoolExecutor(2 * count, "job")
        self._driver = awaiting_driver(resque.access(), self._threads)
        self._executors: list[TaskExecutor] = []
        self._hurry = Hurry(self._driver, lambda: any(each.performing for each in self._executors))
        self._loop = _new_loop()
        self._over = self._loop.create_future()
        self._living: dict[str, Callable[[BaseException | None], None]] = {}
        self._thread = threading.Thread(target=self._run, name="loop", daemon=True)
        self._parents: list[
            object
        ] = []  # in a process that a job forked: what its parent's loop was to run
        job_copies.in_copies.append(self._stop_in_a_copy)
        self._thread.start()

    def build_worker(self, build: Callable[[Executor], Worker]) -> Worker:
        """Return a worker whose jobs run in the event loop (``Slots.build_worker``)."""
        executor = TaskExecutor(self._resque.core.registry, self._driver.run)
        worker = build(executor)
        self._executors.append(executor)
        worker.hurry = self._hurry
        worker.fast_path = InlineFastPath(worker, tasks=executor)
        return worker

    def new_waiter(self) -> LoopWaiter:
        """Return a waiter for a worker in the event loop (``Slots.new_waiter``)."""
        return LoopWaiter(self._shared_waiter, self._loop)

    def start(
        self,
        name: str,
        work: Callable[[], Op[None]],
        ended: Callable[[BaseException | None], None],
    ) -> None:
        """Run ``work`` as a task of the event loop; ``ended`` is called with its error, or None."""
        self._living[name] = ended
        try:
            self._loop.call_soon_threadsafe(self._start, name, work)
        except RuntimeError as error:  # the loop is closed
            self._ended(name, error)

    def close(self) -> None:
        """End the loop and the tasks that jobs left in it."""
        job_copies.in_copies.remove(self._stop_in_a_copy)
        with contextlib.suppress(RuntimeError):  # a job has closed it
            self._loop.call_soon_threadsafe(self._end)
        self._thread.join()

    def _end(self) -> None:
        if not self._over.done():
            self._over.set_result(None)

    def _start(self, name: str, work: Callable[[], Op[None]]) -> None:
        worker_here.set(name)  # the task, and those of its jobs, have copies of this context
        task = self._loop.create_task(self._driver.run(work()), name=name)
        _unregister_task(task)  # a job may cancel all tasks that it finds
        task.add_done_callback(partial(self._task_ended, name))

    def _task_ended(self, name: str, task: asyncio.Task[None]) -> None:
        self._ended(
            name, LoopEndedError("its task was cancelled") if task.cancelled() else task.exception()
        )

    def _ended(self, name: str, failure: BaseException | None) -> None:
        ended = self._living.pop(name, None)
        if ended is not None:
            ended(failure)

    def _run(self) -> None:
        """Run the loop, in its thread, until ``close``."""
        forks = job_copies.forks
        asyncio.set_event_loop(self._loop)
        sent = ThreadPoolExecutor(self._count + EXTRA_THREADS, "sent by a job")
        self._loop.set_default_executor(sent)
        failure: BaseException | None = None
        try:
            self._loop.call_soon(self._note_alive)
            while not self._over.done():
                failure = self._stopped(self._over)
                if job_copies.forks != forks:
                    job_copies.end()
                if self._loop.is_closed() or _without_descriptors(failure):
                    return
                if failure is not None:
                    log.error("a job has stopped the event loop, which goes on: %r", failure)
            failure = self._stopped(self._wind_up())
            if failure is not None:
                log.error("what jobs left in the event loop does not end: %r", failure)
        finally:
            for name in list(self._living):
                self._ended(name, LoopEndedError(f"its event loop has ended: {failure}"))
            for threads in (self._threads, sent):
                threads.shutdown(wait=False, cancel_futures=True)
            with contextlib.suppress(OSError):  # a job has closed what the loop waits at
                self._loop.close()

    def _stopped(self, until: Awaitable[None]) -> BaseException | None:
        """Run the loop until then; returns the error that stopped it before: a job may stop it, or raise SystemExit in a task."""
        try:
            self._loop.run_until_complete(until)
        except BaseException as error:  # noqa: BLE001 - a job may raise anything
            return error
        return None

    def _note_alive(self) -> None:
        """Write into the health page that the loop is alive, and do so again in a while."""
        self._health.looped()
        self._loop.call_later(ALIVE, self._note_alive)

    def _stop_in_a_copy(self) -> None:
        """Stop the loop in a process that a job forked: the other tasks in it are its parent's."""
        if threading.current_thread() is not self._thread:
            return
        ready = getattr(self._loop, "_ready", None)
        if isinstance(ready, deque):
            # Kept alive: a task without a reference is closed, and its operation would use the connection of its parent.
            self._parents = list(ready)
            ready.clear()
        self._loop.stop()

    async def _wind_up(self) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        if left:
            ended, lasting = await asyncio.wait(left, timeout=LINGER)
            for task in ended:
                task.cancelled() or task.exception()  # else the loop complains of it
            if lasting:
                log.warning(
                    "%d tasks that jobs have left in the event loop do not end", len(lasting)
                )
        await self._driver.close()
        await self._loop.shutdown_asyncgens()


def _without_descriptors(failure: BaseException | None) -> bool:
    """Whether a job has closed the descriptor that the loop waits at: no loop can go on without it."""
    return isinstance(failure, OSError) and failure.errno in {EBADF, EINVAL}


def _new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's, if the application has installed it."""
    try:
        import uvloop  # noqa: PLC0415 - an optional extra
    except ImportError:
        return asyncio.new_event_loop()
    made: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return made


class LoopWaiter:
    """The waits of one task's worker."""

    def __init__(self, shared_waiter: SharedWaiter, loop: asyncio.AbstractEventLoop) -> None:
        self._shared_waiter = shared_waiter
        self._loop = loop
        #: Wake-ups that were not waited for: True for a job, False for ``wake``.
        self._wake_ups: deque[bool] = deque()
        self._waiting: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """End the present wait, or the next one (``SlotWaiter.wake``)."""
        self._wake_up(False)

    async def sleep(self, seconds: float) -> None:
        """Wait that long, or until ``wake`` (``SlotWaiter.sleep``)."""
        await self._next(seconds)

    async def wait_for_jobs(self, queues: tuple[str, ...], look: float, most: float) -> bool:
        """As ``Host.wait_for_jobs``."""
        waiting = self._shared_waiter.enter(queues, lambda _key: self._wake_up(True))
        try:
            woken = await self._next(most if waiting.watched else min(look, most))
            return (not waiting.watched and look <= most) if woken is None else woken
        finally:
            self._shared_waiter.leave(waiting)

    def _wake_up(self, job: bool) -> None:
        with contextlib.suppress(RuntimeError):  # a job has closed the loop
            self._loop.call_soon_threadsafe(self._note_wake_up, job)

    def _note_wake_up(self, job: bool) -> None:
        self._wake_ups.append(job)
        self._go_on()

    def _go_on(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def _next(self, seconds: float) -> bool | None:
        """The next wake-up within that time, else None. It takes no task: a job could cancel that."""
        if not self._wake_ups:
            self._waiting = self._loop.create_future()
            timer = self._loop.call_later(max(0.0, seconds), self._go_on)
            try:
                await self._waiting
            finally:
                timer.cancel()
                self._waiting = None
        return self._wake_ups.popleft() if self._wake_ups else None
