"""What a worker costs beside its jobs: round trips and commands of Redis, and memory."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders import OURS
from benchmarks.stage import Stage, family, stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.contenders import Contender
    from benchmarks.measure import Bench, Figures

#: Counters of Redis: reads of a socket are round trips, as long as nobody sends the next command before the last reply.
TRIPS, COMMANDS = "total_reads_processed", "total_commands_processed"


def one_trip(ways: Mapping[str, str]) -> Callable[[Bench], Figures]:
    """Round trips a job, beside the aim of one."""
    count = a_job(TRIPS, ways)
    return lambda bench: {**count(bench), "the aim": 1.0}


def a_job(counter: str, ways: Mapping[str, str]) -> Callable[[Bench], Figures]:
    """That counter's growth for each job, while there is work; these sides, each with its way to work."""

    def take(bench: Bench) -> Figures:
        return bench.each([*ways], lambda side: one(bench, side))

    def one(bench: Bench, side: Contender) -> float:
        many = bench.some(1000, 50)
        with stage(side, bench.url) as scene:
            # The counters are read while naps hold the worker, so that no idle look is counted.
            scene.prepare(
                [
                    ("stamp", [scene.path("start")], 1),
                    ("nap", [0.5, scene.path("first")], 1),
                    ("noop", [0, "x"], many),
                    ("stamp", [scene.path("end")], 1),
                    ("nap", [0.5, scene.path("last")], 1),
                ]
            )
            scene.start(side.ways[ways[side.name]], 1)
            scene.release()
            scene.await_stamps("start")
            before = count(scene, counter)
            scene.await_stamps("end")
            time.sleep(0.2)
            # Our own look at the counters is one more, and so is the nap's turn.
            return (count(scene, counter) - before - 1) / (many + 2)

    return take


def idle(ways: Mapping[str, str]) -> Callable[[Bench], Figures]:
    """Commands a second of a worker that has nothing to do."""

    def take(bench: Bench) -> Figures:
        return bench.each([*ways], lambda side: one(bench, side))

    def one(bench: Bench, side: Contender) -> float:
        seconds = max(2.0, 10 * bench.scale)
        with stage(side, bench.url) as scene:
            scene.prepare([])
            scene.start(side.ways[ways[side.name]], 1)
            time.sleep(1)
            before = count(scene, COMMANDS)
            time.sleep(seconds)
            return (count(scene, COMMANDS) - before - 1) / seconds

    return take


def count(scene: Stage, counter: str) -> int:
    """What that counter of Redis says."""
    return int(scene.redis.info("stats")[counter])


def memory(when: str, ways: Mapping[str, str]) -> Callable[[Bench], Figures]:
    """MB (PSS) of a forking worker and its children: when ``idle``, or ``busy``, in the midst of a job."""

    def take(bench: Bench) -> Figures:
        return bench.each([*ways], lambda side: one(bench, side))

    def one(bench: Bench, side: Contender) -> float:
        with stage(side, bench.url) as scene:
            scene.prepare([("stamp", [scene.path("in")], 1), ("nap", [2, scene.path("out")], 1)])
            scene.start(side.ways[ways[side.name]], 1)
            if when == "busy":
                scene.release()
                scene.await_stamps("in")
            time.sleep(1)
            return pss(scene)

    return take


def memory_kept(bench: Bench) -> Figures:
    """Ours, idle after 10,000 jobs, beside the same worker idle after 100."""
    side = bench.sides[OURS]
    with stage(side, bench.url) as scene:
        many = bench.some(10_000, 200)
        scene.prepare(
            [
                ("noop", [0, "x"], 99),
                ("stamp", [scene.path("few")], 1),
                ("noop", [0, "x"], many - 1),
                ("stamp", [scene.path("many")], 1),
            ]
        )
        scene.start(side.ways["fork"], 1)
        scene.release(100)
        scene.await_stamps("few")
        time.sleep(1)
        before = pss(scene)
        scene.release()
        scene.await_stamps("many")
        time.sleep(1)
        return {OURS: pss(scene), "after 100 jobs": before}


def pss(scene: Stage) -> float:
    """MB of all processes of the stage's workers; what several share counts once."""
    kilobytes = 0
    for pid in family([process.pid for process in scene.running]):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended, and has no memory
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            kilobytes += sum(
                int(row.split()[1]) for row in text.splitlines() if row.startswith("Pss:")
            )
    return kilobytes / 1024
