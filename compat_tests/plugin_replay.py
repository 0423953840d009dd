"""Recorded scenarios of Ruby's plugins, replayed step by step through the real client, worker and scheduler."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from compat_tests.golden import FOLDER, TTL_SLACK, Scenario, put_state, read_state
from compat_tests.ruby_steps import Symbol, calls
from compat_tests.worker_play import Play
from pyresque.errors import DirtyExit, PyresqueError
from pyresque.ruby.inspect import inspect
from pyresque.user_errors import exception_name

if TYPE_CHECKING:
    from compat_tests.conftest import Enter
    from compat_tests.ruby_steps import Step
    from compat_tests.world import World

#: Every scenario's clock at its start.
START = 1709618828.123456789

#: The dump leaves out the worker's own keys.
OWN = re.compile(
    r"resque:(worker:.*|workers(:.*)?|stat:(processed|failed):.*|pruning.*)", re.DOTALL
)

MASKS = (
    (re.compile(r'"backtrace":\[.*?\](?=,"|\},)'), '"backtrace":["<backtrace>"]'),
    (re.compile(r"signal pid \d+"), "signal pid <pid>"),
)

#: Verbs whose answer is compared; of the others Ruby returns what its last command answered.
ANSWERS = (
    "Resque.enqueue",
    "Resque.enqueue_to",
    "Resque.enqueue_in",
    "Resque.dequeue",
    "Resque::Job.destroy",
)


class Boom(Exception):
    """The error of the recorder's jobs."""


def recordings(plugin: str) -> list[dict[str, Any]]:
    """The recordings of one plugin: each with its version and its scenarios."""
    found: list[dict[str, Any]] = json.loads(
        (FOLDER / "plugins" / f"{plugin}.json").read_text("utf-8")
    )["recordings"]
    return found


@cache
def scenarios(plugin: str) -> dict[str, dict[str, Any]]:
    """Every scenario of a plugin by name; one recorded twice bears a ``2``."""
    found: dict[str, dict[str, Any]] = {}
    for recording in recordings(plugin):
        for row in recording["scenarios"]:
            found[row["name"] + ("2" if row["name"] in found else "")] = row
    return found


class Replay:
    """One scenario: its world, its clock, and the recorder's helpers."""

    def __init__(self, face: Any, play: Play) -> None:
        self.r = face
        self.play = play
        self.world: World = play.world
        self.world.clock.now = START
        self.seen = 0
        #: Whether a job's process may be killed here: then its last argument ``die`` does so.
        self.dies: Callable[[], None] = lambda: None
        self.scheduler_errors: list[str] = []

    # -- what the recorder's jobs do

    def snap(self, job: str, args: Sequence[Any]) -> None:
        """Note a performed job with the state inside perform."""
        during = {key: value for key, value in self.state().items() if not OWN.fullmatch(key)}
        self.world.events.note(
            "performed", {"job": job, "args": inspect(list(args)), "during": during}
        )

    def note(self, what: str, args: Sequence[Any]) -> None:
        """Note a hook."""
        self.world.events.note("performed", {"job": what, "args": inspect(list(args))})

    def perform(self, name: str, *, fails: bool = False) -> Callable[..., None]:
        """A job that notes itself; it fails where its first or last argument is ``fail``, and dies where the last is ``die``."""

        def perform(*args: Any) -> None:
            self.snap(name, args)
            if fails or (args and "fail" in (args[0], args[-1])):
                raise Boom("boom")
            if args and args[-1] == "die":
                self.dies()

        return perform

    # -- the recorder's helpers

    def state(self) -> dict[str, Any]:
        """All that stands in Redis but the worker's own keys."""
        found = read_state(self.world.client)
        return {key: entry for key, entry in found.items() if not OWN.fullmatch(key)}

    def worker(self, *queues: str, executor: str = "", host: str = "worker-host") -> Any:
        if executor:
            return Play(self.world, executor).worker(*queues or ("*",), host=host)
        return self.play.worker(*queues or ("*",), host=host)

    def work_one(self, *queues: str, executor: str = "") -> None:
        worker = self.worker(*queues, executor=executor)
        self.play.run(worker.register_worker())
        self.play.run(worker.work_one_job())
        self.play.run(worker.unregister_worker())
        worker.executor.close()  # a later worker's fork server would inherit, and so keep open, what ends this one's

    def kill_one(self, *queues: str) -> None:
        self.dies = lambda: os.kill(os.getpid(), signal.SIGKILL)
        self.work_one(*queues, executor="fork")

    def abandon_one(self, *queues: str) -> None:
        """A worker in a process of its own dies inside perform."""
        pid = os.fork()
        if pid == 0:
            self.dies = lambda: os._exit(0)
            try:
                self.world.resque.driver.close()
                self.work_one(*queues)
            finally:
                os._exit(1)
        _, status = os.waitpid(pid, 0)
        assert status == 0, "the worker was to die inside perform"

    def prune(self) -> None:
        """Another host's worker prunes the dead one."""
        long_ago = b"2024-03-04T06:07:08+00:00"
        for worker in self.world.client.smembers("resque:workers"):
            self.world.client.hset("resque:workers:heartbeat", worker, long_ago)
        self.world.client.delete("resque:pruning_dead_workers_in_progress")
        self.play.run(self.worker(host="other-host").prune_dead_workers())

    def fail_reserved(self, between: Callable[[], Any] = lambda: None) -> None:
        """Ruby: ``j = Resque.reserve(:work); ...; j.fail(DirtyExit)``: the job's process died, and its worker notes it."""
        job = self.r.reserve("work")
        between()
        worker = self.worker("work")
        self.play.run(worker.register_worker())
        self.play.run(worker.working_on(job))
        self.play.run(worker.unregister_worker(DirtyExit("killed")))

    def move_due(self) -> None:
        self.r.move_due(self.world.clock.now)

    # -- Ruby's calls

    def do(self, step: Step) -> Any:
        """One call of a recorded line."""
        verb, args = step
        r = self.r
        own: dict[str, Callable[..., Any]] = {
            "Resque.enqueue": r.enqueue,
            "Resque.enqueue_to": r.enqueue_to,
            "Resque.enqueue_in": r.enqueue_in,
            "Resque.enqueue_at": r.enqueue_at,
            "Resque.enqueue_in_with_queue": r.enqueue_in_with_queue,
            "Resque.dequeue": r.dequeue,
            "Resque.remove_delayed": r.remove_delayed,
            "Resque::Job.destroy": r.destroy,
            "Resque.remove_queue": r.remove_queue,
            "Resque.pop": r.pop,
            "Resque::Failure.requeue": r.failures.requeue,
            "push!": lambda queue, raw: (
                self.world.client.pipeline()
                .sadd("resque:queues", queue)
                .rpush(f"resque:queue:{queue}", raw)
                .execute()
            ),
            "Resque.redis.set": lambda key, value: self.world.client.set(f"resque:{key}", value),
            "Resque.redis.del": lambda key: self.world.client.delete(f"resque:{key}"),
            "advance!": self.advance,
            "work_one!": self.work_one,
            "kill_one!": self.kill_one,
            "abandon_one!": self.abandon_one,
            "prune!": self.prune,
            "move_due!": self.move_due,
            "config!": r.enqueue_from_config,
        }
        return own[verb](*map(plain, args))

    def advance(self, seconds: float) -> None:
        self.world.clock.now += seconds

    def performed(self) -> list[Any]:
        """What was noted since the last step."""
        events = self.world.events.all()
        new, self.seen = events[self.seen :], len(events)
        return [event[1] for event in new if event[0] == "performed"]


def plain(value: Any) -> Any:
    """A parsed Ruby value as Python gives it: symbols as text."""
    if isinstance(value, Symbol):
        return str.__str__(value)
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {plain(key): plain(one) for key, one in value.items()}
    return str(value) if isinstance(value, str) else value


#: The faces; jobs are performed in the worker's process, or in a thread's slot.
HOWS = ("blocking", "awaited", "thread")

#: What registers a scenario's classes.
Setup = Callable[[Replay], None]


@dataclass(frozen=True)
class Plugged:
    """The tables of one plugin.

    ``setup``: the classes of most scenarios; ``setups``: of those with other options. ``steps``: what we do in place of a Ruby line, by
    scenario and number of the line. ``better``: scenarios in which we do otherwise on purpose, with the number of the first line whose
    state differs, what is to be seen there, and the reason. ``exceptions``: what has no like in Python, and why.
    ``superseded``: Ruby's scheduler breaks in these under redis gem 4; the like under redis gem 5 is replayed.
    """

    plugin: str
    setup: Setup
    setups: Mapping[str, Setup] = field(default_factory=dict)
    steps: Mapping[tuple[str, int], Callable[[Replay], Any]] = field(default_factory=dict)
    better: Mapping[str, tuple[int, Callable[[Replay], None], str]] = field(default_factory=dict)
    exceptions: Mapping[str, str] = field(default_factory=dict)
    superseded: Mapping[str, str] = field(default_factory=dict)

    @property
    def replayed(self) -> list[str]:
        """The scenarios that are run."""
        left = {*self.exceptions, *self.superseded}
        return [name for name in scenarios(self.plugin) if name not in left]

    def coverage(self) -> tuple[str, int, int]:
        """The file, how many of its scenarios are replayed, how many there are."""
        recorded = len(scenarios(self.plugin)) - len(self.superseded)
        return f"plugins/{self.plugin}.json", len(self.replayed), recorded

    def check(self) -> None:
        """Assert that the tables name recorded scenarios alone."""
        named = (*self.setups, *self.better, *self.exceptions, *self.superseded)
        known = scenarios(self.plugin)
        assert not [name for name in named if name not in known]

    def run(self, name: str, how: str, enter: Enter) -> None:
        """Replay one scenario with one face, or with one executor."""
        row = scenarios(self.plugin)[name]
        scenario = Scenario("plugins", name, "", now=int(START))
        with enter(scenario) as world:
            faces = ("blocking", "awaited")
            play = Play(world, "inline" if how in faces else how)
            replay = Replay(world.face(how if how in faces else "blocking"), play)
            put_state(world.client, row.get("before"))
            self.setups.get(name, self.setup)(replay)
            before = row.get("before") or {}
            stop, look = self.better[name][:2] if name in self.better else (-1, None)
            for number, step in enumerate(row["steps"]):
                if number == stop and look is not None:
                    look(replay)
                    return
                self._step(replay, name, number, step)
                expected = [masked_during(one) for one in step.get("performed", [])]
                found = [masked_during(one) for one in replay.performed()]
                assert not unlike(expected, found), (step["ruby"], expected, found)
                before = step.get("redis", before)
                wrong = unlike(masked(before), masked(replay.state()))
                assert not wrong, (step["ruby"], wrong)

    def _step(self, replay: Replay, name: str, number: int, step: Mapping[str, Any]) -> None:
        own = self.steps.get((name, number))
        if own is not None:
            own(replay)
            return
        answer: Any = None
        raised = None
        try:
            for call in calls(step["ruby"], replay.world.clock.now):
                answer = replay.do(call)
        except PyresqueError as error:
            raised = {"class": exception_name(error), "message": str(error)}
        assert raised == step.get("error"), step
        if raised is not None:
            return
        if call.verb in ANSWERS and ".times" not in step["ruby"]:
            assert answer == step.get("result"), (step["ruby"], answer)


def masked(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state whose failed records have neither backtrace nor process ids."""
    return {key: {**entry, "value": _masked(entry["value"])} for key, entry in state.items()}


def masked_during(performed: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(performed)
    if "during" in found:
        found["during"] = masked(found["during"])
    return found


def _masked(value: Any) -> Any:
    if isinstance(value, list):
        return [_masked(one) for one in value]
    if isinstance(value, dict):
        return {key: _masked(one) for key, one in value.items()}
    if isinstance(value, str):
        for pattern, text in MASKS:
            value = pattern.sub(text, value)
    return value


def unlike(theirs: Any, ours: Any, path: str = "") -> list[str]:
    """Where ours differs from what was recorded."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = [f"{path}.{key}: only Ruby: {theirs[key]}" for key in theirs.keys() - ours.keys()]
        found += [f"{path}.{key}: only ours: {ours[key]}" for key in ours.keys() - theirs.keys()]
        for key in theirs.keys() & ours.keys():
            if key == "ttl":
                if not theirs[key] - TTL_SLACK <= ours[key] <= theirs[key]:
                    found.append(f"{path}.ttl: {theirs[key]} and ours {ours[key]}")
            else:
                found += unlike(theirs[key], ours[key], f"{path}.{key}")
        return found
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        pairs = enumerate(zip(theirs, ours, strict=True))
        return [one for at, (a, b) in pairs for one in unlike(a, b, f"{path}[{at}]")]
    return [] if theirs == ours else [f"{path}:\n  Ruby: {theirs!r}\n  ours: {ours!r}"]
