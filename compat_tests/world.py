"""What a recorded scenario is replayed in: a Redis, a clock that stands still, fresh jobs, both faces, and a worker."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
import time
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import redis

from compat_tests import jobs
from compat_tests.golden import NOW, Scenario, State, data, put_state, read_state
from pyresque import __version__
from pyresque.client import AsyncResque, Resque
from pyresque.driver.aio import AsyncDriver
from pyresque.driver.sync import SyncDriver
from pyresque.executor.fork.executor import ForkExecutor
from pyresque.executor.inline import InlineExecutor
from pyresque.executor.task import TaskExecutor
from pyresque.executor.thread import ThreadExecutor
from pyresque.job.worker_registry import WorkerId
from pyresque.process.worker.fast_path import ForkFastPath, InlineFastPath
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.worker import Worker
from pyresque.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import SimpleNamespace

    import pytest

    from pyresque.executor.base import Executor
    from pyresque.executor.fast_path import FastPath
    from pyresque.ops import Command

#: The recorded worker.
HOST, PID = "golden-host", 4242

#: How Ruby's process titles begin in the recordings, and how ours do.
TITLE, OUR_TITLE = "resque-3.0.0: ", f"pyresque-{__version__}: "


class FixedClock:
    """Shows one time; what waits still waits in earnest."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return time.monotonic()


class GoldenDriver(SyncDriver):
    """The blocking driver at a server whose clock stands still."""

    def __init__(self, url: str, clock: FixedClock) -> None:
        super().__init__(url)
        self.clock = clock

    def _ask(self, command: Command[Any]) -> object:
        if command.args == ("TIME",):
            return [str(int(self.clock.now)).encode(), b"0"]
        return super()._ask(command)


class GoldenResque(Resque):
    """The blocking face at such a server."""

    @cached_property
    def driver(self) -> SyncDriver:
        clock = self.core.clock
        assert isinstance(clock, FixedClock)
        return GoldenDriver(self.settings.url, clock)


class Awaiting:
    """An AsyncResque whose verbs are awaited one by one in a loop of its own, so that a replay is written once."""

    def __init__(self, target: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._target = target
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if name == "failures":
            return Awaiting(found, self._loop)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            answer = found(*args, **kwargs)
            return self._loop.run_until_complete(answer) if inspect.isawaitable(answer) else answer

        return call


class Events:
    """What hooks, jobs and process titles note, in order, across processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def note(self, *parts: Any) -> None:
        """Write one event, as Ruby's recorder does: a lone part as it is, several as a list."""
        noted = data(parts[0]) if len(parts) == 1 else data(parts)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(noted) + "\n")

    def all(self) -> list[Any]:
        """What was noted so far."""
        return [json.loads(line) for line in self.path.read_text("utf-8").splitlines()]


class Stage:
    """A worker's host: titles are noted, waiting takes no time, the host's workers are those given."""

    def __init__(
        self, world: World, pids: frozenset[int] | None = frozenset(), *, noting: bool = False
    ) -> None:
        self.world = world
        self.pids = pids
        self.noting = noting

    def title(self, text: str) -> None:
        """Note the title as Ruby would write it; one that does not begin as ours must is noted as it is."""
        if self.noting:
            self.world.events.note("procline", text.replace(OUR_TITLE, TITLE, 1))

    def sleep(self, seconds: float) -> None:
        """Go on at once."""

    def wait_for_jobs(self, queues: tuple[str, ...], look: float, most: float) -> bool:
        """Look at once."""
        return True

    def busy(self) -> None:
        """Nothing waits for jobs."""

    def worker_pids(self) -> frozenset[int] | None:
        return self.pids


class World:
    """One scenario's Redis, worker and clock."""

    def __init__(self, scenario: Scenario, url: str, folder: Path, **options: Any) -> None:
        self.scenario = scenario
        self.client = redis.Redis.from_url(url)
        self.clock = FixedClock(scenario.now)
        self.events = Events(folder / "events")
        self.settings = Settings.load(url=url, namespace=scenario.namespace, **options)
        self.resque = GoldenResque(settings=self.settings, clock=self.clock)
        self.jobs: SimpleNamespace = jobs.register(self.resque, self.events.note)
        self._awaited: tuple[AsyncResque, asyncio.AbstractEventLoop] | None = None
        self._pipes: list[int] = []
        self._executors: list[Executor] = []
        #: What is closed with the world.
        self.at_close: list[Callable[[], object]] = []

    def state(self) -> State:
        """What stands in Redis now."""
        return read_state(self.client)

    def face(self, kind: str) -> Any:
        """The ``blocking`` or the ``awaited`` face, both called alike."""
        if kind == "blocking":
            return self.resque
        if self._awaited is None:
            made = AsyncResque(jobs=self.resque, settings=self.settings, clock=self.clock)
            made.core.failures = self.resque.core.failures
            self._awaited = (made, asyncio.new_event_loop())
        return Awaiting(*self._awaited)

    def worker(
        self,
        *queues: str,
        executor: str = "inline",
        host: str = HOST,
        pid: int = PID,
        stage: Any = None,
        wakeup: int | None = None,
    ) -> Worker:
        """A worker as ``process/run/worker.py`` puts it together, with the recorded id."""
        core = self.resque.core
        queue_list = QueueList.parse(queues)
        chosen: Executor
        fast_path: Callable[[Worker], FastPath] | None = None
        if executor == "fork":
            pipe = self._pipe() if wakeup is None else wakeup
            chosen = forking = ForkExecutor(
                core.registry,
                core.hooks,
                core.settings,
                core.clock,
                core.codec,
                self.resque.driver,
                pipe,
                active_jobs=core.active_job_classes,
            )
            fast_path = partial(ForkFastPath, executor=forking)
        elif executor == "thread":
            chosen = ThreadExecutor(core.registry)
        elif executor == "async":
            chosen = tasks = TaskExecutor(core.registry, AsyncDriver(self.settings.url).run)
            fast_path = partial(InlineFastPath, tasks=tasks)
        else:
            chosen = inline = InlineExecutor(core.registry)
            fast_path = partial(InlineFastPath, inline=inline)
        self._executors.append(chosen)
        worker_id = WorkerId(host, pid, queue_list.patterns)
        made = Worker(core, worker_id, queue_list, chosen, stage or Stage(self))
        made.fast_path = None if fast_path is None else fast_path(made)
        # The recorded worker's heart is started by its start-up alone.
        made.heartbeat._due = self.clock.monotonic() + made.heartbeat.interval
        return made

    def _pipe(self) -> int:
        """A wake-up that never comes."""
        self._pipes += os.pipe()
        return self._pipes[-2]

    def close(self) -> None:
        for executor in self._executors:
            executor.close()
        for close in self.at_close:
            close()
        self.resque.close()
        self.client.close()
        for end in self._pipes:
            os.close(end)
        if self._awaited is not None:
            face, loop = self._awaited
            loop.run_until_complete(face.close())
            loop.close()


@contextlib.contextmanager
def world(
    scenario: Scenario, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any
) -> Iterator[World]:
    """Enter a scenario: its state in an otherwise empty Redis, its environment, its zone."""
    for row in Settings.ROWS.values():
        for entry in row.env:
            monkeypatch.delenv(entry if isinstance(entry, str) else entry[0], raising=False)
    for name, value in scenario.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TZ", scenario.tz)
    time.tzset()
    made = World(scenario, url, folder, **options)
    made.client.flushall()
    put_state(made.client, scenario.before)
    try:
        yield made
    finally:
        made.close()
        monkeypatch.undo()
        time.tzset()
