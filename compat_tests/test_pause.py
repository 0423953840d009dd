"""Paused queues as recorded with Ruby's plugin resque-pause: what its verbs leave, and what a worker takes meanwhile.

Left out of the file is what has no like here: another key for all queues, and the plugin's own hook of a job class, which sleeps
10 s in a job that was reserved before the pause, and then pushes it back.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.golden import Scenario, document, read_state
from compat_tests.replay import FACES
from compat_tests.worker_play import Play
from pyresque.job.perform import perform

if TYPE_CHECKING:
    from collections.abc import Callable

    from compat_tests.conftest import Enter

RECORDED = {row["name"]: row for row in document("pause")["scenarios"]}

#: What stands for an answer that Ruby's verb takes from Redis and ours does not give.
OK = "OK"


class Replay:
    """One scenario: a face, and a worker that takes one job at a time."""

    def __init__(self, face: Any, stage: Play) -> None:
        self.r = face
        self.stage = stage
        self.world = stage.world
        self.performed: list[dict[str, Any]] = []
        self.world.resque.job("PlainJob", queue="work")(self._perform)

    def _perform(self, *args: Any) -> None:
        self.performed.append(
            {"job": "PlainJob", "args": json.dumps(list(args)), "during": self.state()}
        )

    def state(self) -> dict[str, Any]:
        """All that stands in Redis but the worker's own keys, which the recorder left out."""
        own = ("resque:worker", "resque:stat:processed:")
        found = read_state(self.world.client)
        return {key: entry for key, entry in found.items() if not key.startswith(own)}

    def work_one(self, *queues: str) -> None:
        """A worker takes and performs one job, if it may."""
        worker = self.stage.worker(*queues)
        self.stage.run(worker.register_worker())
        self.stage.run(worker.work_one_job())
        self.stage.run(worker.unregister_worker())

    def performed_although_paused(self) -> None:
        """``PlainJob`` is reserved, its queue is paused, and then it is performed."""
        job = self.r.reserve("work")
        self.r.pause_queue("work")
        self.stage.run(perform(self.world.resque.core.registry, job))


def enqueue(p: Replay, *jobs: tuple[str, int]) -> bool:
    return all(p.r.enqueue_to(queue, "PlainJob", arg) for queue, arg in jobs)


def ok(*_: object) -> str:
    """Ruby's SET answers OK, ours nothing."""
    return OK


def raw(value: str) -> Callable[[Replay], Any]:
    return lambda p: ok(p.world.client.set("resque:pause:queue:work", value))


def advance(p: Replay) -> None:
    p.world.clock.now += 10


def moved(p: Replay) -> None:
    p.r.move_due(p.world.clock.now)


def paused(p: Replay) -> bool:
    return bool(p.r.queue_paused("work"))


PAUSE_TOO = lambda p: ok(enqueue(p, ("work", 1)), p.r.pause_queue("work"))  # noqa: E731
BOTH = (("work", 1), ("other", 2))

#: What we do for each step.
STEPS: dict[str, list[Callable[[Replay], Any]]] = {
    "pause_queue": [
        lambda p: ok(p.r.pause_queue("work")),
        paused,
        lambda p: p.r.queue_paused("other"),
        lambda p: p.r.resume_queue("work"),
        paused,
    ],
    "pause_all": [
        lambda p: ok(p.r.pause_all_queues()),
        paused,
        lambda p: p.r.all_queues_paused(),
        lambda p: (p.r.resume_queue("work"), paused(p))[1],
        lambda p: p.r.resume_all_queues(),
        paused,
    ],
    "reserve_while_paused": [
        PAUSE_TOO,
        lambda p: p.r.reserve("work"),
        lambda p: (
            '{"class"=>"PlainJob", "args"=>[1]}'
            if p.r.pop("work") == {"class": "PlainJob", "args": [1]}
            else None
        ),
    ],
    "work_while_paused": [
        lambda p: ok(enqueue(p, *BOTH), p.r.pause_queue("work")),
        lambda p: p.work_one("work", "other"),
        lambda p: p.work_one("work", "other"),
        lambda p: p.r.resume_queue("work"),
        lambda p: p.work_one("work", "other"),
    ],
    "work_while_all_paused": [
        lambda p: ok(enqueue(p, *BOTH), p.r.pause_all_queues()),
        lambda p: p.work_one("*"),
        lambda p: p.r.resume_all_queues(),
        lambda p: p.work_one("*"),
    ],
    "peek_size_enqueue_while_paused": [
        lambda p: (p.r.pause_queue("work"), enqueue(p, ("work", 1)))[1],
        lambda p: (
            '{"class"=>"PlainJob", "args"=>[1]}'
            if [json.loads(job.raw) for job in p.r.peek("work")]
            == [{"class": "PlainJob", "args": [1]}]
            else None
        ),
        lambda p: p.r.size("work"),
        lambda p: p.r.dequeue("PlainJob", 1),
    ],
    "scheduler_while_paused": [
        lambda p: (p.r.pause_queue("work"), p.r.enqueue_in(10, "PlainJob", 1))[1],
        advance,
        moved,
    ],
    "any_value_pauses_false_text": [raw("false"), paused],
    "any_value_pauses_empty": [raw(""), paused],
    "any_value_pauses_zero": [raw("0"), paused],
    "remove_queue_keeps_pause": [
        PAUSE_TOO,
        lambda p: str(list(p.r.remove_queue("work"))),
    ],
    "class_without_plugin_paused_after_reserve": [
        lambda p: enqueue(p, ("work", 1)),
        Replay.performed_although_paused,
    ],
    "web_form": [
        lambda p: enqueue(p, ("work", 1)),
        lambda p: p.r.pause_queue("work"),
        lambda p: p.r.pause_all_queues(),
        lambda p: (p.r.all_queues_paused(), p.r.queue_paused("work")),
        lambda p: p.r.resume_all_queues(),
        lambda p: p.r.resume_queue("work"),
    ],
    "web_json": [lambda p: p.r.pause_queue("work"), lambda p: p.r.resume_queue("work")],
}


def coverage() -> tuple[str, int, int]:
    return "pause.json", len(STEPS), len(RECORDED)


@pytest.mark.parametrize("how", [*FACES, "thread", "async"])
@pytest.mark.parametrize("name", RECORDED)
def test_replay(name: str, how: str, enter: Enter) -> None:
    """The executors perform where a worker works; a fork's children are seen in ``tests/live/test_queue_pauses.py``."""
    row = RECORDED[name]
    scenario = Scenario("pause", name, "", now=document("pause")["now"])
    with enter(scenario) as world:
        executor = "inline" if how in FACES else how
        replay = Replay(world.face(how if how in FACES else "blocking"), Play(world, executor))
        before: dict[str, Any] = {}
        for recorded, step in zip(row["steps"], STEPS[name], strict=True):
            replay.performed.clear()
            answer = step(replay)
            if not name.startswith("web_"):  # where a page answers in Ruby
                assert answer == recorded["result"], recorded["ruby"]
            assert replay.performed == recorded.get("performed", [])
            before = recorded.get("redis", before)
            assert replay.state() == before, recorded["ruby"]


def test_every_scenario_is_replayed() -> None:
    assert set(STEPS) == set(RECORDED)
