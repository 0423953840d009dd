"""The real gems beside our plugins: what one side enqueues the other performs, and then either may enqueue it again.

With PYRESQUE_MANY=1000 a thousand jobs of each kind are performed, thirty are killed, and ten workers pruned.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.live.conftest import complaint, missing
from compat_tests.live.plugin_table import CLASSES, KILLS, MANY, PRUNINGS, USUAL
from pyresque.client import Resque
from pyresque.errors import ThrottledError
from pyresque.job.perform import perform
from pyresque.plugins import Meta, Retry, Throttle
from tests.support import ROOT
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

    from compat_tests.live.peers import Peer
    from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.timeout(300 + MANY)

#: Those that let one job be performed at a time, and those that keep an equal job out of the queue.
SERIAL = ["resque-lonely_job", "resque-workers-lock"]
UNIQUE = [
    *("resque-loner", "resque_solo", "resque-lock", "resque-lock-timeout"),
    "resque-queue-lock",
]
LOCKING = [*UNIQUE, *SERIAL]

#: Options with which a job of another class takes the lock of ``Plugged``.
HOLDER: dict[str, dict[str, Any]] = {
    "resque-lonely_job": {"redis_key": lambda *_: "lonely_job:low"},
    "resque-workers-lock": {"lock_workers": lambda *_: 'Plugged-[1, "do"]'},
}


class Both:
    """One plugin in both languages."""

    def __init__(self, name: str, peer: Peer, url: str, db: redis.Redis) -> None:
        self.name, self.peer, self.url, self.db = name, peer, url, db
        file, body, plugin = CLASSES[name]
        self.ruby(f"""
          require "{file}"
          class Plugged
            @queue = :low
            {body}
            def self.perform(*args)
              args.shift if respond_to?(:get_meta)
              number, what = args
              raise ArgumentError, number.to_s if what == "fail"
              Process.kill(:KILL, Process.pid) if what == "die"
            end
          end unless defined?(Plugged)
          true
        """)
        self.resque = Resque(url)
        self.resque.declare("Plugged", queue="low", plugins=[plugin])

    def ruby(self, code: str) -> Any:
        return self.peer.ask("ruby", code=code)

    def ruby_enqueues(self, count: int, what: str) -> int:
        """Ruby enqueues that many jobs, each twice, if an equal one is kept out; how many are queued then."""
        times = 2 if self.name in UNIQUE else 1
        self.ruby(
            f"{count}.times {{ |n| {times}.times {{ Resque.enqueue(Plugged, n, '{what}') }} }}; true"
        )
        return int(self.resque.size("low"))

    def python_enqueues(self, count: int, what: str) -> int:
        for number in range(count):
            for _ in range(2 if self.name in UNIQUE else 1):
                self.resque.enqueue("Plugged", number, what)
        return int(self.resque.size("low"))

    def ruby_works(self, *queues: str) -> None:
        names = ", ".join(f"'{queue}'" for queue in queues or ("low",))
        self.ruby(
            f"w = Resque::Worker.new({names}); w.fork_per_job = false; w.term_child = false; w.work(0); true"
        )

    def python_worker(self, *flags: str) -> subprocess.Popen[bytes]:
        command = (sys.executable, "-m", "pyresque.cli", "worker", "-A", "plugin_app", "-q", "low")
        path = os.pathsep.join([str(ROOT / "compat_tests" / "live"), str(ROOT)])
        env = {"REDIS_URL": self.url, "PYTHONPATH": path, "LIVE_PLUGIN": self.name}
        return subprocess.Popen((*command, *flags), env={**os.environ, **env})

    def python_works(self, *flags: str) -> None:
        assert self.python_worker("--burst", *flags).wait(110 + MANY) == 0

    def left(self) -> set[str]:
        """Keys that are not those of any worker."""
        usual = (*USUAL, "resque:pruning_dead_workers_in_progress")
        return {key.decode() for key in self.db.keys("*")} - set(usual)


@pytest.fixture
def both(
    ruby_peer: Callable[..., Peer], redis_server: RedisServer, db: redis.Redis
) -> Iterator[Callable[[str], Both]]:
    made: list[Both] = []

    def make(name: str) -> Both:
        file = CLASSES[name][0]
        reason = complaint(
            [
                "ruby",
                "-e",
                f'require "json"; require "multi_json"; require "resque"; require "{file}"',
            ]
        )
        if reason:
            missing("PYRESQUE_REQUIRE_RUBY", f"ruby cannot require {file}: {reason}")
        peer = ruby_peer(LIVE_PLUGIN=name)
        peer.ask("configure")
        made.append(Both(name, peer, redis_server.url, db))
        return made[-1]

    yield make
    for one in made:
        one.resque.close()


@pytest.mark.parametrize("what", ["do", "fail"])
@pytest.mark.parametrize("name", UNIQUE)
def test_ruby_enqueues_python_performs_and_ruby_may_enqueue_again(
    both: Callable[[str], Both], name: str, what: str
) -> None:
    pair = both(name)
    assert pair.ruby_enqueues(MANY, what) == MANY
    assert pair.python_enqueues(MANY, what) == MANY  # refused: Ruby's keys are ours
    pair.python_works()
    assert pair.left() == set()
    assert pair.db.llen("resque:failed") == (MANY if what == "fail" else 0)
    assert pair.ruby_enqueues(MANY, "do") == MANY


@pytest.mark.parametrize("what", ["do", "fail"])
@pytest.mark.parametrize("name", UNIQUE)
def test_python_enqueues_ruby_performs_and_python_may_enqueue_again(
    both: Callable[[str], Both], name: str, what: str
) -> None:
    pair = both(name)
    assert pair.python_enqueues(MANY, what) == MANY
    assert pair.ruby_enqueues(MANY, what) == MANY
    pair.ruby_works()
    assert pair.left() == set()
    assert pair.db.llen("resque:failed") == (MANY if what == "fail" else 0)
    assert pair.python_enqueues(MANY, "do") == MANY


@pytest.mark.parametrize("name", LOCKING)
def test_killed_jobs_leave_no_key(both: Callable[[str], Both], name: str) -> None:
    pair = both(name)
    assert pair.ruby_enqueues(KILLS, "die") == KILLS
    pair.python_works()
    assert pair.left() == set()
    assert pair.db.llen("resque:failed") == KILLS
    assert pair.ruby_enqueues(KILLS, "do") == KILLS


@pytest.mark.parametrize("name", LOCKING)
def test_killed_workers_leave_no_key_once_they_are_pruned(
    both: Callable[[str], Both], name: str
) -> None:
    pair = both(name)
    for number in range(PRUNINGS):
        pair.ruby(f"Resque.enqueue(Plugged, {number}, 'sleep'); true")
        worker = pair.python_worker("--executor", "inline")
        eventually(lambda: pair.resque.working() and pair.resque.size("low") == 0)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        pair.db.delete("resque:pruning_dead_workers_in_progress")
        pair.python_works()
        assert pair.left() == set(), number
    assert pair.db.llen("resque:failed") == PRUNINGS
    assert pair.ruby_enqueues(1, "sleep") == 1


@pytest.mark.parametrize("name", LOCKING)
def test_hashes_with_symbols_are_released(both: Callable[[str], Both], name: str) -> None:
    pair = both(name)
    pair.ruby("Resque.enqueue(Plugged, 1, 'do', { id: 1, at: { x: 2.5 } }); true")
    pair.ruby("Resque.enqueue(Plugged, 1, 'do', { 'id' => 1, 'at' => nil }); true")
    pair.python_works()
    assert pair.left() == set()


@pytest.mark.parametrize("what", ["do", "fail"])
@pytest.mark.parametrize("name", SERIAL)
def test_either_language_performs_what_the_other_enqueues_and_leaves_no_lock(
    both: Callable[[str], Both], name: str, what: str
) -> None:
    pair = both(name)
    assert pair.ruby_enqueues(MANY, what) == MANY
    pair.python_works()
    assert pair.left() == set()
    assert pair.python_enqueues(MANY, what) == MANY
    pair.ruby_works()
    assert pair.left() == set()
    assert pair.db.llen("resque:failed") == (2 * MANY if what == "fail" else 0)
    assert pair.db.get("resque:stat:processed") == str(2 * MANY).encode()


@pytest.mark.parametrize("holder", ["ruby", "python"])
@pytest.mark.parametrize("name", SERIAL)
def test_a_job_waits_while_the_other_language_performs_one(
    both: Callable[[str], Both], name: str, holder: str
) -> None:
    pair = both(name)
    app = Resque(pair.url)
    plugin = CLASSES[name][2]
    app.job("Plugged", queue="low", plugins=[plugin])(lambda *args: seen.append(args))
    seen: list[tuple[object, ...]] = []
    one_job = (
        "w = Resque::Worker.new('low'); w.fork_per_job = false; j = w.reserve; w.perform(j); true"
    )
    key = {
        "resque-lonely_job": "resque:lonely_job:low",
        "resque-workers-lock": 'resque:workerslock:Plugged-[1, "do"]',
    }[name]
    take = {
        "resque-lonely_job": "Plugged.can_lock_queue?(1, 'do')",
        "resque-workers-lock": "Plugged.before_perform_workers_lock(1, 'do'); true",
    }[name]
    pair.resque.enqueue("Plugged", 1, "do")
    if holder == "ruby":
        assert pair.ruby(take) is True
        assert app.run(perform(app.core.registry, app.reserve("low"))) is False
    else:

        @app.job("Holder", queue="low", plugins=[type(plugin)(**HOLDER[name])])
        def holding(*args: object) -> None:
            """Hold the lock that a job of Plugged takes, while Ruby performs one."""
            assert pair.db.exists(key)
            pair.ruby(one_job)

        app.enqueue("Holder", 1, "do")
        first, second = app.reserve("low"), app.reserve("low")
        pair.db.rpush("resque:queue:low", first.raw)
        app.run(perform(app.core.registry, second))
    assert seen == []
    waiting = pair.resque.size("low") + pair.resque.count_all_scheduled_jobs()
    assert waiting == 1
    pair.db.delete(key)
    if pair.resque.count_all_scheduled_jobs():
        pair.resque.move_due(4102444800)
    app.run(perform(app.core.registry, app.reserve("low")))
    assert seen == [(1, "do")]
    assert not pair.db.exists(key)
    app.close()


def test_statistics_of_both_languages_count_together(both: Callable[[str], Both]) -> None:
    """Ruby's own reader tells them."""
    pair = both("resque-job-stats")
    works = {"ruby": pair.ruby_works, "python": pair.python_works}
    enqueues = {"ruby": pair.ruby_enqueues, "python": pair.python_enqueues}
    counts = "[Plugged.jobs_enqueued, Plugged.jobs_performed, Plugged.jobs_failed]"
    done = failed = 0
    keys: set[str] = set()
    for here, there in (("ruby", "ruby"), ("ruby", "python"), ("python", "ruby")):
        for what in ("do", "fail"):
            assert enqueues[here](MANY, what) == MANY
            works[there]()
            done, failed = done + MANY * (what == "do"), failed + MANY * (what == "fail")
            assert pair.ruby(counts) == [done + failed, done, failed]
        named = {key for key in pair.left() if "timeseries" not in key}
        keys = keys or named  # those that Ruby alone has made
        assert named == keys
    assert pair.ruby("Plugged.job_durations.size") == MANY
    # Ruby trims the lists to that index.
    lengths = [
        pair.db.llen(f"resque:stats:jobs:Plugged:{name}") for name in ("duration", "history")
    ]
    assert lengths == [MANY + 1, MANY + 1]
    for number in range(KILLS):
        pair.resque.enqueue("Plugged", number, "die")
    pair.python_works()
    assert pair.ruby("Plugged.jobs_failed") == failed + KILLS


def test_attempts_in_both_languages_count_together(both: Callable[[str], Both]) -> None:
    """Four attempts, by turns: Ruby's first, ours last; then the other way round."""
    pair = both("resque-retry")
    one_job = (
        "w = Resque::Worker.new('low'); w.fork_per_job = false; j = w.reserve; w.perform(j); true"
    )
    app = Resque(pair.url)

    @app.job("Plugged", queue="low", plugins=[Retry(limit=3)])
    def plugged(number: int, what: str) -> None:
        raise ValueError(number)

    for first in ("ruby", "python"):
        pair.resque.enqueue("Plugged", 1, "fail")
        for attempt in range(4):
            assert pair.resque.size("low") == 1
            if (attempt % 2 == 0) == (first == "ruby"):
                pair.ruby(one_job)
            else:
                with pytest.raises(ValueError, match="1"):
                    app.run(perform(app.core.registry, app.reserve("low")))
            counters = [pair.db.get(key) for key in pair.db.keys("resque:resque-retry:*")]
            assert counters == ([str(attempt).encode()] if attempt < 3 else [])
        assert pair.resque.size("low") == 0
    app.close()


@pytest.mark.parametrize("first", ["ruby", "python"])
@pytest.mark.parametrize("what", ["do", "fail"])
def test_limits_count_jobs_of_both_languages(
    both: Callable[[str], Both], what: str, first: str
) -> None:
    """The first language performs a part of what the limit allows, the other one the rest; no place is lost."""
    pair = both("resque-restriction")
    queues, allowed, part = ("restriction_low", "low"), MANY // 2, MANY // 5
    works = {
        "ruby": lambda: pair.ruby_works(*queues),
        "python": lambda: pair.python_works("-q", ",".join(queues)),
    }
    (counter,) = ("resque:restriction:Plugged:" + pair.ruby("Date.today.year.to_s"),)
    for number in range(part):
        pair.resque.enqueue("Plugged", number, what)
    works[first]()
    assert pair.db.get(counter) == str(allowed - part).encode()
    pair.ruby(f"{MANY - part}.times {{ |n| Resque.enqueue(Plugged, n, '{what}') }}; true")
    works["python" if first == "ruby" else "ruby"]()
    assert pair.db.get(counter) == b"0"
    assert pair.resque.size("restriction_low") == MANY - allowed
    assert pair.db.llen("resque:failed") == (allowed if what == "fail" else 0)
    pair.db.delete(counter)
    works[first]()
    assert pair.resque.size("restriction_low") == 0
    assert pair.left() == {counter, "resque:restriction:Plugged:*"}
    assert pair.db.get("resque:restriction:Plugged:*") == b"3"


def test_killed_jobs_and_pruned_workers_give_their_places_back(both: Callable[[str], Both]) -> None:
    pair = both("resque-restriction")
    for number in range(3):
        pair.ruby(f"Resque.enqueue(Plugged, {number}, 'die'); true")
    pair.python_works()
    assert pair.db.get("resque:restriction:Plugged:*") == b"3"
    for _ in range(PRUNINGS):
        pair.ruby("Resque.enqueue(Plugged, 1, 'sleep'); true")
        worker = pair.python_worker("--executor", "inline")
        eventually(lambda: pair.resque.working() and pair.resque.size("low") == 0)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        pair.db.delete("resque:pruning_dead_workers_in_progress")
        pair.python_works()
        assert pair.db.get("resque:restriction:Plugged:*") == b"3"


def test_data_about_a_job_are_read_and_written_by_both(both: Callable[[str], Both]) -> None:
    """Either side enqueues, the other performs, and the first one reads how that ended."""
    pair = both("resque-meta")
    meta = CLASSES["resque-meta"][2]
    assert isinstance(meta, Meta)
    for what, well in (("do", True), ("fail", False), ("die", False)):
        given = pair.ruby(f"Plugged.enqueue(1, '{what}').meta_id")
        data = pair.resque.run(meta.get(pair.resque, "Plugged", given))
        assert data is not None
        assert set(data) == {"meta_id", "job_class", "enqueued_at"}
        pair.python_works()
        said = pair.ruby(
            f"m = Plugged.get_meta('{given}'); [m.succeeded?, m.seconds_processing >= 0, m.expire_at > 0]"
        )
        assert said == [well, True, True]
    for what, well in (("do", True), ("fail", False)):
        given = pair.resque.run(meta.enqueue(pair.resque, "Plugged", 1, what))
        assert given is not None
        assert pair.ruby(f"Plugged.get_meta('{given}').enqueued?") is True
        pair.ruby_works()
        data = pair.resque.run(meta.get(pair.resque, "Plugged", given))
        assert data is not None
        assert data["succeeded"] is well
        assert 86_000 < pair.db.ttl(f"resque:meta:{given}") <= 86_400


def test_the_history_of_both_languages_is_one_list(both: Callable[[str], Both]) -> None:
    """Both sides write records of one shape, and keep as many."""
    pair = both("resque-history")
    for enqueues, works in (
        (pair.ruby_enqueues, pair.python_works),
        (pair.python_enqueues, pair.ruby_works),
    ):
        for what in ("do", "fail"):
            assert enqueues(MANY, what) == MANY
            works()
    assert pair.left() == {"resque:resque_history"}
    records = [json.loads(raw) for raw in pair.db.lrange("resque:resque_history", 0, -1)]
    assert len(records) == 4 * MANY - 1
    for by_python, by_ruby in (
        (2 * MANY, 0),
        (3 * MANY, MANY),
    ):  # a failed job, and one that did well
        ours, theirs = records[by_python], records[by_ruby]
        assert ours.keys() == theirs.keys()
        assert [type(ours[key]) for key in theirs] == [type(one) for one in theirs.values()]
    assert {record["class"] for record in records} == {"Plugged"}
    for number in range(KILLS):
        pair.resque.enqueue("Plugged", number, "die")
    pair.python_works()
    assert pair.ruby("Resque.redis.llen('resque_history')") == len(records)


@pytest.mark.parametrize("first", ["ruby", "python"])
def test_what_one_language_throttles_the_other_does(
    ruby_peer: Callable[..., Peer], redis_server: RedisServer, db: redis.Redis, first: str
) -> None:
    reason = complaint(["ruby", "-e", 'require "resque"; require "resque-throttle"'])
    if reason:
        missing("PYRESQUE_REQUIRE_RUBY", f"ruby cannot require resque-throttle: {reason}")
    peer = ruby_peer()
    peer.ask("configure")
    peer.ask(
        "ruby",
        code="""
          require "resque-throttle"
          class Throttled < Resque::ThrottledJob
            throttle can_run_every: 90
            @queue = :low
            def self.identifier(*args) = args.first
          end
          true
        """,
    )

    def by_ruby(number: int) -> bool:
        code = f"begin; Resque.enqueue(Throttled, {number}); true; rescue Resque::ThrottledError; false; end"
        return bool(peer.ask("ruby", code=code))

    with Resque(redis_server.url) as resque:
        throttle = Throttle(can_run_every=90, identifier=lambda number: number)
        resque.declare("Throttled", queue="low", plugins=[throttle])

        def by_python(number: int) -> bool:
            try:
                resque.enqueue("Throttled", number)
            except ThrottledError:
                return False
            return True

        one, other = (by_ruby, by_python) if first == "ruby" else (by_python, by_ruby)
        for number in range(MANY):
            assert one(number) is True
            assert other(number) is False
            assert one(number) is False
            assert 80 < db.ttl(f"resque:Throttled:{number}") <= 90
            db.delete(f"resque:Throttled:{number}")
            assert other(number) is True
        assert resque.size("low") == 2 * MANY
