"""The slots of a crew, each with one worker; here each slot is a thread, and the blocking driver runs its worker."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from pyresque.driver.hurry import Hurry
from pyresque.executor.thread import ThreadExecutor
from pyresque.process.crew.shared_waiter import ThreadWaiter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextvars import ContextVar

    from pyresque.client import Resque
    from pyresque.executor.base import Executor
    from pyresque.ops import Op
    from pyresque.process.crew.shared_waiter import SharedWaiter
    from pyresque.process.worker.worker import Worker
else:  # a module less to load
    from _contextvars import ContextVar

#: The id of the worker of the slot whose thread or task this is.
worker_here: ContextVar[str] = ContextVar("worker of this slot")


class SlotWaiter(Protocol):
    """The waits of one slot's worker, as in ``Host``."""

    def wake(self) -> None:
        """End the present wait, or the next one. Called from any thread."""

    def sleep(self, seconds: float) -> Awaitable[None] | None:
        """Wait that long, or until ``wake``."""

    def wait_for_jobs(
        self, queues: tuple[str, ...], look: float, most: float
    ) -> bool | Awaitable[bool]:
        """As ``Host.wait_for_jobs``."""


class Slots(Protocol):
    """All slots of one process, of one kind: threads, or tasks of an event loop."""

    def build_worker(self, build: Callable[[Executor], Worker]) -> Worker:
        """Build the worker of one slot, with its executor and, if there is one, its fast path."""

    def new_waiter(self) -> SlotWaiter:
        """The waits of one slot's worker."""

    def start(
        self,
        name: str,
        work: Callable[[], Op[None]],
        ended: Callable[[BaseException | None], None],
    ) -> None:
        """Start the worker with the id ``name``; ``ended`` is called when it has ended, with the error that ended it, if any."""

    def close(self) -> None:
        """Release threads and loops. All workers have ended."""


class ThreadSlots:
    """A thread for each worker, with a connection of its own."""

    def __init__(self, resque: Resque, shared_waiter: SharedWaiter) -> None:
        self._resque = resque
        self._shared_waiter = shared_waiter
        self._workers: dict[str, Worker] = {}

    def build_worker(self, build: Callable[[Executor], Worker]) -> Worker:
        """Return a worker whose jobs run in its thread (``Slots.build_worker``). Jobs in threads have no fast path."""
        worker = build(ThreadExecutor(self._resque.core.registry))
        self._workers[worker.id] = worker
        return worker

    def new_waiter(self) -> ThreadWaiter:
        """Return a waiter for a worker in a thread (``Slots.new_waiter``)."""
        return ThreadWaiter(self._shared_waiter)

    def start(
        self,
        name: str,
        work: Callable[[], Op[None]],
        ended: Callable[[BaseException | None], None],
    ) -> None:
        """Start a worker's thread, a daemon: the process can end although a job does not."""

        def run() -> None:
            failure: BaseException | None = None
            worker_here.set(name)
            driver, worker = self._resque.driver, self._workers[name]
            worker.hurry = Hurry(driver.waits_here(), lambda: worker.executor.performing)
            if worker.stopping:
                worker.hurry()
            try:
                driver.run(work())
            except BaseException as error:  # noqa: BLE001 - ``ended`` gets it
                failure = error
            finally:
                driver.close()
            ended(failure)

        threading.Thread(target=run, name=name, daemon=True).start()

    def close(self) -> None:
        """Do nothing: a thread that has ended leaves nothing."""
