"""Processes that play many workers (peers/ours_played.py), and what their Redis is asked."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from benchmarks.contenders import ROOT
from benchmarks.stage import PATIENCE, GivenUpError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.stage import Stage

#: Processes that share the workers.
PROCESSES = 4

#: Seconds after a job's start until whoever was woken waits again.
SETTLED = 0.3

#: What a process has said last.
ENDED = "ended"

#: Commands that a worker sends at its own times, woken or not: heartbeats, prunings, looks for plugins; and our own.
AT_ITS_TIMES = ("hset", "sadd", "time", "set", "pttl", "scan", "info")


class Players:
    """So many played workers; ``how`` they watch the queue, "share" or "all"."""

    def __init__(self, scene: Stage, number: int, how: str) -> None:
        self.scene = scene
        self._said: SimpleQueue[list[str]] = SimpleQueue()
        share = number // PROCESSES
        self._processes = [
            subprocess.Popen(
                (
                    *(sys.executable, "-m", "benchmarks.peers.ours_played"),
                    *(str(share), str(place * share), how),
                ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=scene.side.environment(scene.url, INTERVAL="600"),
                cwd=ROOT,
            )
            for place in range(PROCESSES)
        ]
        self.number = share * PROCESSES
        self._readers = [
            threading.Thread(target=self._read, args=(process,), daemon=True)
            for process in self._processes
        ]
        for reader in self._readers:
            reader.start()

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.kill()
            process.wait()
            for end in (process.stdin, process.stdout):
                assert end is not None
                end.close()

    def start(self) -> float:
        """Start all workers at once; the seconds until all of them wait for a job."""
        began = time.monotonic()
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for _ in self._processes:
            self._next("waiting")
        while self.scene.redis.info("clients")["blocked_clients"] < self.number:
            if time.monotonic() - began > PATIENCE:
                raise GivenUpError("the played workers do not wait for jobs")
            time.sleep(0.01)
        return time.monotonic() - began

    def push(self, marks: Sequence[int]) -> list[float]:
        """Push jobs at once; the milliseconds until each of them began, once nobody is awake for them."""
        jobs = [json.dumps({"class": "Played", "args": [mark]}) for mark in marks]
        began = time.time()
        self.scene.redis.rpush("resque:queue:bench", *jobs)
        starts = [float(self._next("job")[2]) for _ in jobs]
        time.sleep(SETTLED)
        return [(start - began) * 1000 for start in starts]

    def calls(self) -> dict[str, int]:
        """How many commands Redis has carried out: looks for a job, and all that a push may cause."""
        stats = self.scene.redis.info("commandstats")
        calls = {name.removeprefix("cmdstat_"): row["calls"] for name, row in stats.items()}
        caused = sum(count for name, count in calls.items() if name not in AT_ITS_TIMES)
        return {"looks": calls.get("lpop", 0), "commands": caused}

    def _next(self, word: str) -> list[str]:
        while True:
            try:
                said = self._said.get(timeout=PATIENCE)
            except Empty:
                raise GivenUpError(f"no played worker said {word!r}") from None
            if said[0] == word:
                return said
            if said[0] == ENDED:
                raise GivenUpError("a process of played workers ended")

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._said.put(line.split())
        self._said.put([ENDED])
