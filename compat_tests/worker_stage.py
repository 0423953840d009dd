"""The stage recorded workers are played on: the recorder's host, its hooks, and a process for those that get signals."""

from __future__ import annotations

import os
import select
import signal
import traceback
from typing import TYPE_CHECKING, Any

from compat_tests.world import OUR_TITLE, TITLE
from pyresque.process.host.posix import PosixHost

if TYPE_CHECKING:
    from collections.abc import Callable

    from compat_tests.world import World
    from pyresque.executor.base import Executor, Outcome
    from pyresque.job.job import Job
    from pyresque.process.worker.worker import Worker

#: Seconds after which what a test waits for counts as never coming.
PATIENCE = 20.0


class Host:
    """A worker's host: titles are noted, the living are given, and a scenario says what a sleep brings."""

    def __init__(self, world: World, *alive: int) -> None:
        self.events = world.events
        self.alive = frozenset(alive)
        self.titles: list[str] = []
        self.posix = PosixHost()
        world.at_close.append(self.posix.close)
        self.slept = 0.0
        #: What each sleep brings, in order.
        self.brings: list[Callable[[float], object]] = []
        world.clock.monotonic = lambda: self.slept  # type: ignore[method-assign] # only sleeping takes time

    def title(self, text: str) -> None:
        """Note the title in Ruby's spelling, but the very first, which the recorder did not note either."""
        self.titles.append(text)
        if not text.endswith(f"{OUR_TITLE}Starting"):
            self.events.note("procline", text.replace(OUR_TITLE, TITLE, 1))

    def sleep(self, seconds: float) -> None:
        """Move the clock on."""
        self.slept += seconds
        assert self.brings, f"the worker sleeps {seconds} s, which Ruby's did not"
        self.brings.pop(0)(seconds)

    def wait_for_jobs(self, queues: tuple[str, ...], look: float, most: float) -> bool:
        """Poll, as Ruby's worker does."""
        self.sleep(min(look, most))
        return look <= most

    def busy(self) -> None:
        """Nothing waits for jobs."""

    def worker_pids(self) -> frozenset[int] | None:
        return self.alive

    def close(self) -> None:
        """Let go of the wake-up pipe."""
        self.posix.close()


class StopsAfterEachJob:
    """An executor that stops its worker once a job was performed: the block that Ruby's ``work`` takes."""

    isolated = False

    def __init__(self, inner: Executor) -> None:
        self.inner = inner
        self.worker: Worker | None = None

    async def run(
        self, job: Job, tend: Any, title: Callable[[str], None], doing: str = ""
    ) -> Outcome:
        """Perform, then stop the worker."""
        outcome = await self.inner.run(job, tend, title, doing)
        assert self.worker is not None
        self.worker.shutdown()
        return outcome

    def kill(self) -> None:
        self.inner.kill()

    def stop(self) -> None:
        """Nobody looks."""

    def rest(self) -> None:
        """Nothing is left of a job."""

    def close(self) -> None:
        """Nothing to let go of."""

    def terminate(self) -> None:
        self.inner.terminate()


def all_hooks(world: World) -> None:
    """The recorder's worker hooks, each noting itself."""
    note, resque = world.events.note, world.resque
    resque.before_first_fork(lambda: note("before_first_fork"))
    resque.before_first_fork(lambda: note("before_first_fork second"))
    resque.before_fork(lambda job: note("before_fork", job))
    resque.after_fork(lambda job: note("after_fork", job))
    resque.queue_empty(lambda: note("queue_empty"))
    resque.before_pause(lambda worker: note("before_pause", {"worker": worker.id}))
    resque.after_pause(lambda worker: note("after_pause", {"worker": worker.id}))
    resque.worker_exit(lambda: note("worker_exit"))
    resque.on_shutdown(lambda: note("shutdown"))


def children_wait(world: World) -> None:
    """A child waits for its parent's title, as the recorder's did, so that the order of events is always the same."""

    def parent_noted(job: Job) -> None:
        wait_for(
            world, lambda event: event[0] == "procline" and f"Forked {os.getpid()} " in event[1]
        )

    hooks = world.resque.core.hooks
    hooks._hooks["after_fork"].insert(0, parent_noted)  # before those that note


def wait_for(world: World, wanted: Callable[[Any], bool]) -> None:
    """Wait until such an event is noted."""
    for _ in range(int(PATIENCE * 200)):
        if any(wanted(event) for event in world.events.all()):
            return
        select.select([], [], [], 0.005)
    raise TimeoutError(f"never noted; only {world.events.all()}")


def in_its_own_process(play: Callable[[], None]) -> None:
    """Play in a process whose signals are nobody else's; what goes wrong there goes wrong here."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        trouble = b""
        try:
            play()
        except BaseException:  # noqa: BLE001 - reported to the parent
            trouble = traceback.format_exc().encode()
        finally:
            os.write(writing, trouble[-4000:])
            os._exit(0)
    os.close(writing)
    try:
        readable, _, _ = select.select([reading], [], [], 2 * PATIENCE)
        wrong = os.read(reading, 65536).decode() if readable else "it did not end"
    finally:
        os.close(reading)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert not wrong, wrong
