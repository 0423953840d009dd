"""Jobs that are more than a call: what hooks, a time limit, an ActiveJob's envelope or a plugin cost, and Ruby's same job beside."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contenders import KIND_PROGRAMS, OURS, RUBY
from benchmarks.measure import Bound, Measure
from benchmarks.stage import ASIDE, NAPS, GivenUpError, stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.contenders import Contender
    from benchmarks.measure import Bench, Figures

PLAIN = "plain"

#: The kinds of ``peers/ours_kinds.py``, and what the table calls them.
KINDS = {
    "hooks": "two hooks",
    "timed": "a time limit of 30 s",
    "active": "an ActiveJob",
    "raising": "a job that raises",
    "Retry": "Retry",
    "Loner": "Loner",
    "Lock": "Lock",
    "LockTimeout": "LockTimeout",
    "WorkersLock": "WorkersLock",
    "Status": "Status",
    "JobStats": "JobStats",
    "History": "History",
    "Restriction": "Restriction",
}

#: The kinds that Ruby's side has, too; those that must reach a share of a plain job's pace.
IN_RUBY = ("hooks", "timed", "active", "raising", "Retry", "Loner")
BOUND = ("hooks", "active", "Retry", "Loner")

#: Each way to run them: the jobs that are timed, and the share of a plain job's pace that must be reached.
WAYS = {"fork": (1200, 0.5), "inline": (8000, 0.33), "thread": (8000, 0.33), "async": (6000, 0.33)}
TITLES = {
    "fork": "a fork for each job",
    "inline": "no fork",
    "thread": "4 threads",
    "async": "10 tasks",
}

OUR_PLAIN, RUBY_PLAIN = "our plain job", "Ruby's plain job"


def measures() -> Iterator[Measure]:
    """A measure for each kind in each way; in a fork Ruby's same job stands beside."""
    for way, (_, share) in WAYS.items():
        for kind, title in KINDS.items():
            bounds = [Bound((OUR_PLAIN,), share)] if kind in BOUND else []
            forks = way == "fork" and kind in IN_RUBY
            if forks and kind in BOUND:
                bounds.append(Bound((RUBY,), 2))
            if forks and kind == "active":
                bounds.append(Bound((RUBY_PLAIN,), 2))
            yield Measure(
                f"{way}-{kind}",
                f"no-op, {TITLES[way]}, with {title}",
                "jobs/s",
                beside_plain(way, kind),
                tuple(bounds),
            )


def beside_plain(way: str, kind: str) -> Callable[[Bench], Figures]:
    """The pace of that kind beside a plain job's, in another order each round."""

    def take(bench: Bench) -> Figures:
        turns: list[tuple[str, Callable[[], float]]] = []
        sides = [(OURS, OUR_PLAIN)]
        if way == "fork" and kind in IN_RUBY:
            sides.append((RUBY, RUBY_PLAIN))
        for name, plain in sides:
            if name in bench.sides:
                side = bench.sides[name]
                turns.append((name, partial(rate, bench, side, way, kind)))
                turns.append((plain, partial(rate, bench, side, way, PLAIN)))
        if bench.round % 2:
            turns.reverse()
        return {name: turn() for name, turn in turns}

    return take


def rate(bench: Bench, side: Contender, way: str, kind: str) -> float:
    """Jobs a second of that kind: so many between two stamps."""
    many = bench.some(WAYS[way][0] // (1 if side.name == OURS else 4), 40)
    with stage(side, bench.url) as scene:
        words = (kind, way, str(max(20, many // 10)), str(many), str(scene.folder), str(NAPS))
        scene.ask(*words, by=KIND_PROGRAMS[side.name])
        scene.redis.rename(side.queue, ASIDE)
        scene.start(side.ways[f"kinds-{way}"], 1)
        scene.release()
        end, start = scene.await_stamps("end")[0][0], scene.await_stamps("start")[0][0]
        if end <= start:
            raise GivenUpError("its jobs did not begin in their order; let it have more of them")
        return many / (end - start)
