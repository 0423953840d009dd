"""A fleet: what Redis is asked for thousands of registered workers, and how a thousand that wait are woken."""

from __future__ import annotations

import statistics
import subprocess
import sys
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from benchmarks.contenders import OURS, PEERS, ROOT, RUBY
from benchmarks.fleet_players import Players
from benchmarks.measure import Bound, Measure
from benchmarks.stage import GivenUpError, Stage, stage
from pyresque import Resque
from tests.support.fleet import employ, ids, register

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.contenders import Contender
    from benchmarks.measure import Bench, Figures

T = TypeVar("T")

#: Registered workers; those of every five that have a job, and those of every five that are dead.
SIZES = (1000, 5000, 10_000)
OF_FIVE = 5

#: A record of a usual size.
RECORD = (
    b'{"queue":"low","run_at":"2026-03-01T12:00:00Z","payload":{"class":"Report","args":["'
    + b"x" * 150
    + b'"]}}'
)

#: A heartbeat of long ago.
OLD = "2020-01-01T00:00:00+00:00"

#: Ruby's workers with what pyresque's tell of each; ours where each worker watches the queue.
FACTS, EACH = "Ruby, the same of each", "each watches"

#: Workers that wait, and workers that start at once.
WAITING, STARTING = 1000, 2000


#: What was measured, by round: one run gives several figures.
_kept: dict[tuple[object, ...], Any] = {}


def once(take: Callable[..., T], bench: Bench, side: str, *args: object) -> T:
    """What ``take`` measures of a side, measured once in each round."""
    key = (take, bench.url, bench.round, side, *args)
    if key not in _kept:
        _kept[key] = take(bench.url, bench.sides[side], *args)
    found: T = _kept[key]
    return found


class Cost(NamedTuple):
    """What a verb cost: commands of Redis, kilobytes in both directions, milliseconds."""

    commands: float
    kilobytes: float
    milliseconds: float


def lists(verb: str, size: int, figure: str) -> Callable[[Bench], Figures]:
    """One figure of a verb that lists or counts so many workers; ours, Ruby's, and Ruby's with the same facts."""

    def take(bench: Bench) -> Figures:
        number = bench.some(size, 50)
        asked = {OURS: (OURS, verb), RUBY: (RUBY, verb)}
        if verb == "workers":
            asked[FACTS] = (RUBY, "facts")
        return {
            name: getattr(once(_listed, bench, side, word, number), figure)
            for name, (side, word) in asked.items()
            if side in bench.sides
        }

    return take


def _listed(url: str, side: Contender, verb: str, number: int) -> Cost:
    with stage(side, url) as scene, asking(scene) as ask:
        with Resque(url) as resque:
            register(resque, ids(number))
        employ(scene.redis, ids(number)[::OF_FIVE], RECORD)
        times = [ask(verb) for _ in range(2)]
        commands, kilobytes = counted(scene, lambda: times.append(ask(verb)))
        return Cost(commands, kilobytes, statistics.median(times[1:]))


def prune(figure: str) -> Callable[[Bench], Figures]:
    """One figure of pruning a fifth of so many workers; half of the dead had a job."""

    def take(bench: Bench) -> Figures:
        number = bench.some(SIZES[-1], 50)
        return bench.each(
            [OURS, RUBY],
            lambda side: getattr(once(_pruned, bench, side.name, number), figure),
        )

    return take


def _pruned(url: str, side: Contender, number: int) -> Cost:
    with stage(side, url) as scene, asking(scene) as ask:
        fleet = ids(number)
        dead = fleet[::OF_FIVE]
        with Resque(url) as resque:
            register(resque, fleet)
            register(resque, dead, beat=OLD)
        employ(scene.redis, dead[::2], RECORD)
        times: list[float] = []
        commands, kilobytes = counted(scene, lambda: times.append(ask("prune")))
        if scene.redis.scard("resque:workers") != number - len(dead):
            raise GivenUpError(f"{side.name} did not prune the dead workers")
        return Cost(commands, kilobytes, times[0])


@contextmanager
def asking(scene: Stage) -> Iterator[Callable[[str], float]]:
    """A process of that side, which carries out verbs and tells the milliseconds."""
    ruby = scene.side.name == RUBY
    program = (scene.side.pusher[0], str(PEERS / "ruby_fleet.rb"))
    peer = subprocess.Popen(
        program if ruby else (sys.executable, "-m", "benchmarks.peers.ours_fleet"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=scene.side.environment(scene.url),
        cwd=ROOT,
    )
    assert peer.stdin is not None
    assert peer.stdout is not None
    asked, told = peer.stdin, peer.stdout

    def ask(verb: str) -> float:
        asked.write(f"{verb}\n")
        asked.flush()
        line = told.readline()
        if not line:
            raise GivenUpError(f"{scene.side.name} did not answer {verb}")
        return float(line)

    try:
        yield ask
    finally:
        peer.kill()
        peer.wait()
        asked.close()
        told.close()


def counted(scene: Stage, act: Callable[[], object]) -> tuple[float, float]:
    """Commands and kilobytes that Redis saw while that was done; our own look at the counters is taken off."""
    nothing = _counters(scene)
    before = _counters(scene)
    act()
    after = _counters(scene)
    commands, octets = (b - a - (a - n) for n, a, b in zip(nothing, before, after, strict=True))
    return commands, octets / 1000


def _counters(scene: Stage) -> tuple[int, int]:
    stats = scene.redis.info("stats")
    both = stats["total_net_input_bytes"] + stats["total_net_output_bytes"]
    return stats["total_commands_processed"], both


# -- workers that wait, and workers that start


class Woken(NamedTuple):
    """One job for a thousand workers that wait: who looked for it, commands, milliseconds until it began; and as many jobs at once."""

    looked: float
    commands: float
    milliseconds: float
    last: float


def wake(figure: str, bench: Bench) -> Figures:
    """One figure of waking workers that wait for one queue: as they do, and if each of them watched it."""
    number = bench.some(WAITING, 40)
    return {
        name: getattr(once(_woken, bench, OURS, number, how), figure)
        for name, how in ((OURS, "share"), (EACH, "all"))
    }


def _woken(url: str, side: Contender, number: int, how: str) -> Woken:
    with stage(side, url) as scene, closing(Players(scene, number, how)) as players:
        players.start()
        looked, sent, delays = [], [], []
        for mark in range(10):
            before = players.calls()
            delays.append(players.push([mark])[0])
            after = players.calls()
            looked.append(after["looks"] - before["looks"])
            sent.append(after["commands"] - before["commands"])
        # A job that never ends, for each of them: whoever took one takes no other.
        last = max(players.push([-1 - mark for mark in range(players.number)]))
        return Woken(*(statistics.median(row) for row in (looked, sent, delays)), last)


def storm(figure: str, bench: Bench) -> Figures:
    """Commands a start, or seconds until all wait, of workers that start at once."""
    number = bench.some(STARTING, 40)
    commands, seconds = once(_stormed, bench, OURS, number)
    return {OURS: commands / number if figure == "commands" else seconds}


def _stormed(url: str, side: Contender, number: int) -> tuple[float, float]:
    with stage(side, url) as scene, closing(Players(scene, number, "share")) as players:
        seconds: list[float] = []
        commands, _ = counted(scene, lambda: seconds.append(players.start()))
        return commands, seconds[0]


FIGURES = {"commands": "", "kilobytes": "kB", "milliseconds": "ms"}

FLEET = (
    *(
        Measure(
            f"{verb}-{size}-{figure}",
            f"`{verb}()`, {size:,} workers registered, a fifth of them busy"
            + (": commands of Redis" if figure == "commands" else ""),
            unit,
            lists(verb, size, figure),
            more_is_better=False,
        )
        for size in SIZES
        for verb in ("info", "workers", "working")
        for figure, unit in FIGURES.items()
    ),
    *(
        Measure(
            f"prune-{figure}",
            "prune 2,000 dead of 10,000 workers, half of them with a job"
            + (": commands of Redis, those in scripts too" if figure == "commands" else ""),
            unit,
            prune(figure),
            more_is_better=False,
        )
        for figure, unit in FIGURES.items()
    ),
    *(
        Measure(
            f"wake-{figure}", title, unit, partial(wake, figure), bounds, more_is_better=False
        )
        for figure, title, unit, bounds in (
            ("looked", "1,000 wait for a queue, one job: workers that look for it", "", (Bound((EACH,), 50),)),
            ("commands", "the same: commands of Redis, those in scripts too", "", (Bound((EACH,), 10),)),
            ("milliseconds", "the same: push to start, p50", "ms", (Bound((EACH,), 1),)),
            ("last", "1,000 wait, 1,000 jobs at once: push to the last start", "ms", ()),
        )
    ),
    *(
        Measure(
            f"storm-{figure}", title, unit, partial(storm, figure), more_is_better=False
        )
        for figure, title, unit in (
            ("commands", "2,000 workers start at once: commands of Redis for each, those in scripts too", ""),
            ("seconds", "the same, played by four processes: until all wait for a job", "s"),
        )
    ),
)  # fmt: skip
