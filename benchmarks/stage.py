"""The stage: a Redis of our own, workers that have shown that they are awake, and jobs that appear all at once.

Every side is measured in the same way. Its own client puts the jobs in while no worker runs; the queue is then put aside
under another name. The workers start, and are given naps, one for every slot and more, until each process has said that it
performed one. Then the queue is put back. Two of its jobs write down the time; what stands between them is measured,
so that neither a start nor an idle worker's pause is.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis

from benchmarks.contenders import ROOT
from pyresque.errors import NoRedisServer
from tests.support.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from benchmarks.contenders import Contender, Way

#: Where the jobs wait until the workers are awake.
ASIDE = "bench:aside"

#: Seconds that anything may take before its side is given up.
PATIENCE = 180.0

#: Naps that stand ready: enough for the slowest starter.
NAPS = 400

#: Jobs of a plan: its name, its arguments, how many.
Plan = list[tuple[str, list[Any], int]]


class GivenUpError(Exception):
    """A side did not do what it was asked for; the text is what its processes said."""


@contextmanager
def server() -> Iterator[str]:
    """The URL of a Redis server that writes nothing to disk."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = RedisServer(Path(folder))
        except NoRedisServer as error:
            raise SystemExit(f"benchmarks: {error}") from None
        try:
            yield made.url
        finally:
            made.kill()


def wait(what: Callable[[], Any], name: str, alive: Callable[[], None] | None = None) -> Any:
    """What the function returns, once that is true."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        value = what()
        if value:
            return value
        if alive is not None:
            alive()
        time.sleep(0.01)
    raise GivenUpError(f"no sign of {name} in {PATIENCE:.0f} s")


@dataclass
class Stage:
    """One side's turn: an empty Redis, a folder for what its jobs write, its running processes."""

    side: Contender
    url: str
    folder: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.redis = redis.Redis.from_url(self.url)

    def path(self, name: str) -> str:
        """The file of that name, for stamps."""
        return str(self.folder / name)

    def stamps(self, name: str) -> list[tuple[float, int, int]]:
        """What jobs wrote there: time, process, parent."""
        file = self.folder / name
        lines = file.read_text().splitlines() if file.exists() else []
        return [(float(at), int(own), int(above)) for at, own, above in map(str.split, lines)]

    def ask(self, *words: str, said: str = "", by: Sequence[str] = ()) -> str:
        """What the side's pusher prints, or that program of it."""
        done = subprocess.run(
            [*(by or self.side.pusher), *words],
            input=said,
            capture_output=True,
            text=True,
            check=False,
            env=self.side.environment(self.url),
            cwd=ROOT,
        )
        if done.returncode:
            raise GivenUpError(done.stderr[-2000:])
        return done.stdout

    def prepare(self, plan: Plan) -> None:
        """Put the jobs in, and the queue aside; naps for its workers stand before them."""
        self.ask("fill", said=json.dumps([("nap", [0.05, self.path("naps")], NAPS), *plan]))
        self.redis.rename(self.side.queue, ASIDE)

    def start(self, way: Way, workers: int, more: Mapping[str, str] | None = None) -> None:
        """Start the workers and wait until every one of them has performed a nap, and nothing else is left."""
        for number in range(workers):
            self.spawn(way, number, more or {})
        given = 0
        place = 2 if way.forks else 1

        def awake() -> bool:
            nonlocal given
            done = self.stamps("naps")
            if given == len(done):
                if len({stamp[place] for stamp in done}) >= workers:
                    return True
                if given >= NAPS:
                    raise GivenUpError(f"{workers} workers were to perform naps, not all did")
                given += self._move(2 * workers, NAPS - given)
            return False

        wait(awake, f"{self.side.name}'s workers", self.alive)
        self._drop(NAPS - given)

    def spawn(self, way: Way, number: int, more: Mapping[str, str]) -> None:
        """Start one more worker."""
        command = [word.replace("%%", f"{number}-%") for word in way.command]
        with (self.folder / f"worker{number}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=self.side.environment(self.url, **way.env, **more),
                cwd=ROOT,
                start_new_session=True,
            )
        self.running.append(process)

    def release(self, many: int | None = None) -> None:
        """Let the workers have the jobs: all of them, or the next so many (of a queue that is read from the left)."""
        source = ASIDE
        if many is not None:
            source = f"{ASIDE}:part"
            self.redis.rpush(source, *self.redis.lrange(ASIDE, 0, many - 1))
            self.redis.ltrim(ASIDE, many, -1)
        self.redis.rename(source, self.side.queue)

    def await_stamps(self, name: str, many: int = 1) -> list[tuple[float, int, int]]:
        """The stamps of that name, as soon as there are so many."""
        wait(lambda: len(self.stamps(name)) >= many, f"the stamp {name!r}", self.alive)
        return self.stamps(name)

    def alive(self) -> None:
        """Raise what a process said that is no more."""
        for number, process in enumerate(self.running):
            if process.poll() is not None:
                said = (self.folder / f"worker{number}.log").read_text()
                raise GivenUpError(f"a worker ended: {said[-2000:]}")

    def stop(self) -> None:
        """End what was started, with all its children."""
        for process in self.running:
            _order(process.pid, signal.SIGTERM)
        for process in self.running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
            _order(process.pid, signal.SIGKILL)
            process.wait()
        self.running.clear()
        self.redis.close()

    def _move(self, many: int, most: int) -> int:
        """From the head of what waits to the end of the queue."""
        moved = min(many, most)
        if self.side.head == "LOWEST":
            if moved > 0:
                self.redis.zadd(self.side.queue, dict(self.redis.zpopmin(ASIDE, moved)))
            return moved
        other = "LEFT" if self.side.head == "RIGHT" else "RIGHT"
        for _ in range(moved):
            self.redis.lmove(ASIDE, self.side.queue, self.side.head, other)
        return moved

    def _drop(self, many: int) -> None:
        redis = self.redis
        take = {"LEFT": redis.lpop, "RIGHT": redis.rpop, "LOWEST": redis.zpopmin}
        if many > 0:
            take[self.side.head](ASIDE, many)


def _order(group: int, signum: int) -> None:
    """Signal all processes of that group that there still are."""
    with suppress(ProcessLookupError):
        os.killpg(group, signum)


@contextmanager
def stage(side: Contender, url: str) -> Iterator[Stage]:
    """An empty stage for that side; whatever it started has ended afterwards."""
    with redis.Redis.from_url(url) as client:
        client.flushall()
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        one = Stage(side, url, Path(folder))
        try:
            yield one
        finally:
            one.stop()


def family(pids: Sequence[int]) -> set[int]:
    """These processes and all their descendants."""
    found = set(pids)
    above = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                above[int(entry.name)] = int(
                    (entry / "stat").read_text().rpartition(")")[2].split()[1]
                )
            except OSError:
                continue
    while more := {pid for pid, parent in above.items() if parent in found} - found:
        found |= more
    return found
