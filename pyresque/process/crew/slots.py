"""Where the workers of a crew run: each in a thread of its own, carried by the blocking driver."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from pyresque.executor.thread import ThreadExecutor
from pyresque.process.crew.shared_waiter import ThreadWaiter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyresque.client import Resque
    from pyresque.executor.base import Executor
    from pyresque.ops import Op
    from pyresque.process.crew.shared_waiter import SharedWaiter


class SlotWaiter(Protocol):
    """Where one worker waits."""

    def wake(self) -> None:
        """End the present wait, or the next one."""

    def sleep(self, seconds: float) -> Awaitable[None] | None:
        """Wait that long, or until it is woken."""

    def wait(self, queues: tuple[str, ...], look: float, most: float) -> bool | Awaitable[bool]:
        """As ``Surroundings.wait_for_jobs``."""


class Slots(Protocol):
    """A kind of place for workers, all of one kind in one process."""

    def executor(self) -> Executor:
        """What performs one worker's jobs."""

    def place(self) -> SlotWaiter:
        """Where one worker waits."""

    def start(
        self, name: str, life: Callable[[], Op[None]], ended: Callable[[BaseException | None], None]
    ) -> None:
        """Let a worker live here; ``ended`` is called when it has ended, with the error that ended it, if any."""

    def close(self) -> None:
        """Let go of everything: all workers have ended."""


class ThreadSlots:
    """A thread for each worker, with a connection of its own."""

    def __init__(self, resque: Resque, bell: SharedWaiter) -> None:
        self._resque = resque
        self._bell = bell

    def executor(self) -> ThreadExecutor:
        """What performs one worker's jobs."""
        return ThreadExecutor(self._resque.core.registry)

    def place(self) -> ThreadWaiter:
        """Where one worker waits."""
        return ThreadWaiter(self._bell)

    def start(
        self, name: str, life: Callable[[], Op[None]], ended: Callable[[BaseException | None], None]
    ) -> None:
        """Start its thread. It does not keep the process: jobs that do not end are left where they are."""

        def live() -> None:
            trouble: BaseException | None = None
            driver = self._resque.driver
            try:
                driver.run(life())
            except BaseException as error:  # noqa: BLE001 - told to whoever started it
                trouble = error
            finally:
                driver.close()
            ended(trouble)

        threading.Thread(target=live, name=name, daemon=True).start()

    def close(self) -> None:
        """Nothing is left of a thread that has ended."""
