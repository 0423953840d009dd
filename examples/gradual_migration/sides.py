"""The processes of the example: a Redis of its own, Ruby's workers where Ruby is, Python's, and who enqueues."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pyresque import Resque
from pyresque.cli.demo.processes import Program
from pyresque.process.host.owned_process import OwnedProcess, delayed_signals
from pyresque.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyresque.process.host.embedded_redis import RedisServer

FOLDER = Path(__file__).parent
SHOP_RB = FOLDER / "shop.rb"
RECORDED = FOLDER / "from_ruby.jsonl"
QUEUES = "default,mailers"
RUBY_WORKERS = 2


def ruby_lacks() -> str | None:
    """Say what keeps the Ruby side from running; None if nothing does."""
    if shutil.which("ruby") is None:
        return "there is no ruby here"
    done = subprocess.run(  # noqa: S603 - a file of ours
        ["ruby", str(SHOP_RB), "check"],  # noqa: S607 - the user's ruby
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return None
    said = [line for line in done.stderr.splitlines() if "rror" in line] or ["it failed"]
    return f"ruby cannot load the gems resque, activejob and resque-lock ({said[0].split(': ', 1)[-1]})"


class Enqueuing(Protocol):
    """Who enqueues."""

    def stop(self) -> int:
        """Enqueue nothing more; return how many jobs there were."""


class Sides:
    """What runs on one Redis; all of it ends with the example."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.programs: dict[str, Program] = {}
        ours = {_variable(entry) for row in Settings.ROWS.values() for entry in row.env}
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        kept.pop("SHOP_RELEASE", None)
        paths = [str(FOLDER), str(FOLDER.parents[1]), os.environ.get("PYTHONPATH")]
        path = os.pathsep.join(one for one in paths if one)
        self.env = {**kept, "REDIS_URL": server.url, "PYTHONPATH": path, "NO_COLOR": "1"}

    # -- Python's processes

    def start(self, name: str, *words: str, **env: str) -> None:
        """Start a command of pyresque that keeps running."""
        command = [sys.executable, "-m", "pyresque", *words]
        self._start(name, command, env)

    def start_worker(self, release: int) -> None:
        """Start a Python worker that takes only its own jobs."""
        words = ("worker", "-A", "shop:resque", "-q", QUEUES, "--only-registered")
        self.start("worker", *words, "--interval", "0.1", SHOP_RELEASE=str(release))

    def start_mover(self) -> None:
        """Start the mover."""
        self.start("mover", "migrate", "move", "-A", "shop:resque", "-q", QUEUES)

    def kill(self, *names: str) -> None:
        """End processes as kill -9 does, each with what it forked."""
        for name in names:
            process = self.programs.pop(name).process
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def quit(self, *names: str) -> list[int]:
        """Have processes finish what they do, and leave; their exit codes."""
        number = {"worker": signal.SIGQUIT, "mover": signal.SIGTERM}
        ended = [self.programs.pop(name) for name in names]
        return [
            one.process.end(number.get(name, signal.SIGQUIT))
            for name, one in zip(names, ended, strict=True)
        ]

    # -- Ruby's

    def start_ruby(self, guard: Path) -> None:
        """Start Ruby's workers, with the guard."""
        for number in range(RUBY_WORKERS):
            command = ["ruby", str(SHOP_RB), "work"]
            self._start(f"ruby-{number}", command, {"SHOP_GUARD": str(guard)})

    @contextmanager
    def enqueuing(self, *, ruby: bool, first: int, rate: float) -> Iterator[Enqueuing]:
        """Enqueue some jobs at once and then some in a second, by Ruby or with what it wrote down once."""
        who = _Ruby(self, first, rate) if ruby else _Recorded(self.server.url, first, rate)
        try:
            yield who
        finally:
            who.stop()

    # -- all

    def _start(self, name: str, command: list[str], env: dict[str, str], **given: object) -> None:
        log = self.server.folder / f"{name}.log"
        with delayed_signals(), log.open("ab") as output:
            process = OwnedProcess(
                command,
                env={**self.env, **env},
                cwd=FOLDER,
                stdin=given.get("stdin", subprocess.DEVNULL),
                stdout=given.get("stdout", output),
                stderr=output,
            )
            self.programs[name] = Program(process, log)

    def end(self) -> None:
        """End whatever still runs."""
        with delayed_signals():
            while self.programs:
                self.programs.popitem()[1].process.end(signal.SIGTERM)

    def ended(self) -> list[str]:
        """Name the processes that have ended by themselves, with what they said last."""
        return [
            f"{name}: {one.last_words()}" for name, one in self.programs.items() if one.has_ended()
        ]


class _Ruby:
    """A Ruby process that enqueues."""

    def __init__(self, sides: Sides, first: int, rate: float) -> None:
        command = ["ruby", str(SHOP_RB), "enqueue", str(first), str(rate)]
        sides._start("enqueuing", command, {}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: SLF001
        self._sides = sides
        self._count: int | None = None

    def stop(self) -> int:
        if self._count is None:
            process = self._sides.programs.pop("enqueuing").process
            said, _ = process.communicate(timeout=30)
            self._count = int(said or 0)
        return self._count


class _Recorded:
    """Pushes what the Ruby side wrote when it was recorded, byte for byte, with the locks that it took."""

    def __init__(self, url: str, first: int, rate: float) -> None:
        self._resque = Resque(settings=Settings.load({}, url=url))
        self._lines = RECORDED.read_text(encoding="utf-8").splitlines()
        self._stopping = threading.Event()
        self._count = 0
        for _ in range(first):
            self._push()
        self._thread = threading.Thread(target=self._go_on, args=(1 / rate,), daemon=True)
        self._thread.start()

    def _push(self) -> None:
        line = json.loads(self._lines[self._count])
        redis = self._resque.redis
        for key, value in line.get("locks", {}).items():
            redis.set(key, value)
        redis.sadd("queues", line["queue"])
        redis.rpush(f"queue:{line['queue']}", line["payload"])
        self._count += 1

    def _go_on(self, pause: float) -> None:
        while self._count < len(self._lines) and not self._stopping.wait(pause):
            self._push()

    def stop(self) -> int:
        self._stopping.set()
        self._thread.join()
        self._resque.close()
        return self._count


def _variable(entry: object) -> str:
    """Return the name of an environment variable in the settings' table."""
    return str(entry[0] if isinstance(entry, tuple) else entry)
