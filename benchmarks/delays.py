"""Delayed jobs: how fast they are entered and moved, how late one is, and what a scheduler costs that has nothing to do."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import redis

from benchmarks.contenders import HUEY, OURS, RUBY
from benchmarks.footprint import COMMANDS, count
from benchmarks.latency import quantile
from benchmarks.measure import Bound, Measure
from benchmarks.stage import GivenUpError, Stage, stage, wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.contenders import Contender
    from benchmarks.measure import Bench, Figures

#: Jobs that are due, and those that wait meanwhile.
DUE, WAITING = 20_000, 1_000_000

#: Seconds between two looks of the scheduler that is timed: in no step with the seconds at which jobs are due.
INTERVAL = 0.7

LOCK = "resque:resque:resque_scheduler_master_lock"


def enter(verb: str, many: int) -> Callable[[Bench], Figures]:
    """Jobs a second: ours one by one or in bulk, Ruby's in the one way it has."""

    def take(bench: Bench) -> Figures:
        return bench.each([OURS, RUBY], lambda side: one(bench, side))

    def one(bench: Bench, side: Contender) -> float:
        number = bench.some(many, 50)
        with stage(side, bench.url) as scene:
            return number / _told(scene, verb if side.name == OURS else "one", number)[0]

    return take


def move(each: int) -> Callable[[Bench], Figures]:
    """Jobs a second that are moved to their queue, so many a timestamp (0: all of one)."""

    def take(bench: Bench) -> Figures:
        return bench.each([OURS, RUBY, HUEY], lambda side: one(bench, side))

    def one(bench: Bench, side: Contender) -> float:
        number = bench.some(DUE, 50)
        with stage(side, bench.url) as scene:
            return number / _told(scene, "move", number, each or number)[0]

    return take


def beside_many(figure: int, bench: Bench) -> Figures:
    """Ours with 1,000,000 jobs waiting over 100,000 timestamps, and with none: jobs a second (0), or MB of the process (1)."""
    number, side = bench.some(DUE, 50), bench.sides[OURS]
    figures = {}
    for name, waiting in ((OURS, bench.some(WAITING, 1000)), ("with none waiting", 0)):
        with stage(side, bench.url) as scene:
            if waiting:
                _told(scene, "wait", waiting)
            seconds, megabytes = _told(scene, "move", number, 10)
            figures[name] = (number / seconds, megabytes)[figure]
    return figures


def lateness(bench: Bench) -> Figures:
    """Ours: by how many intervals a due job is late, the 99th percentile; a job is due each second, nobody else waits."""
    many, late = bench.some(40, 3), []
    with _scheduler(bench) as scene, redis.Redis.from_url(bench.url, socket_timeout=None) as client:
        _told(scene, "put", many, int(time.time()) + 5)
        for _ in range(many):
            found = client.blpop(["resque:queue:bench"], timeout=10)
            if found is None:
                raise GivenUpError("a due job was not moved")
            late.append((time.time() - json.loads(found[1])["args"][0]) / INTERVAL)
    return {OURS: quantile(late, 0.99), "the aim": 1.2}


def at_rest(bench: Bench) -> Figures:
    """Commands a second of our scheduler, the master, when nothing is due."""
    seconds = max(2.0, 20 * bench.scale)
    with _scheduler(bench) as scene:
        before = count(scene, COMMANDS)
        time.sleep(seconds)
        return {OURS: (count(scene, COMMANDS) - before - 1) / seconds, "the aim": 5.0}


@contextmanager
def _scheduler(bench: Bench) -> Iterator[Stage]:
    """A scheduler of ours that leads."""
    side = bench.sides[OURS]
    with stage(side, bench.url) as scene:
        way = side.ways["scheduler"]
        scene.spawn(way, 0, {"RESQUE_SCHEDULER_INTERVAL": str(INTERVAL)})
        wait(lambda: scene.redis.exists(LOCK), "a master scheduler", scene.alive)
        yield scene


def _told(scene: Stage, *words: object) -> list[float]:
    """The figures that a side's delayed jobs print."""
    said = scene.ask(*map(str, words), by=scene.side.later)
    return [float(word) for word in said.split()]


BESIDE = ("with none waiting",)
AIM = (Bound(("the aim",), 1),)

DELAYS = (
    Measure(
        "delay", "enqueue_at, one by one", "jobs/s", enter("one", 5000), (Bound((RUBY,), 1.5),)
    ),
    Measure(
        "delay-many",
        "enqueue_many_at (Ruby: enqueue_at)",
        "jobs/s",
        enter("bulk", DUE),
        (Bound((RUBY,), 10),),
    ),
    *(
        Measure(
            key,
            f"move 20,000 due jobs {title}",
            "jobs/s",
            move(each),
            (Bound((RUBY,), 5), Bound((HUEY,), 2)),
        )
        for key, title, each in (
            ("move-one", "of one timestamp", 0),
            ("move-spread", "over 2,000", 10),
        )
    ),
    Measure(
        "move-beside",
        "move due jobs, 1,000,000 more waiting over 100,000 timestamps",
        "jobs/s",
        partial(beside_many, 0),
        (Bound(BESIDE, 0.95),),
    ),
    Measure(
        "memory-beside",
        "memory at most of the process that moves them",
        "MB",
        partial(beside_many, 1),
        (Bound(BESIDE, 0.95),),
        more_is_better=False,
    ),
    Measure(
        "late",
        "a due job is moved so many of the scheduler's intervals late, p99",
        "",
        lateness,
        AIM,
        more_is_better=False,
    ),
    Measure(
        "scheduler-idle",
        "commands of Redis a second, idle scheduler at an interval of 0.7 s",
        "",
        at_rest,
        AIM,
        more_is_better=False,
    ),
)
