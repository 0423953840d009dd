"""The real gems beside our plugins: what one side enqueues the other performs, and then either may enqueue it again.

With PYRESQUE_REQUIRE_RUBY=1 a thousand jobs of each kind are performed, thirty are killed, and ten workers pruned.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.live.conftest import complaint, missing
from pyresque.client import Resque
from pyresque.job.perform import perform
from pyresque.plugins import Lock, LockTimeout, Loner, Restriction, Retry, Solo
from tests.support import ROOT
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

    from compat_tests.live.peers import Peer
    from pyresque.plugins import Plugin
    from tests.support.redis_server import RedisServer

WHOLE = os.environ.get("PYRESQUE_REQUIRE_RUBY") == "1"
MANY, KILLS, PRUNINGS = (1000, 30, 10) if WHOLE else (60, 4, 2)

#: The Ruby class of each gem, and our plugin.
CLASSES: dict[str, tuple[str, str, Plugin]] = {
    "resque-loner": ("resque-loner", "include Resque::Plugins::UniqueJob", Loner()),
    "resque_solo": ("resque_solo", "include Resque::Plugins::UniqueJob", Solo()),
    "resque-lock": ("resque/plugins/lock", "extend Resque::Plugins::Lock", Lock()),
    "resque-lock-timeout": (
        "resque-lock-timeout",
        "extend Resque::Plugins::LockTimeout; @loner = true",
        LockTimeout(loner=True),
    ),
    "resque-retry": (
        "resque-retry",
        "@retry_limit = 3; extend Resque::Plugins::Retry",
        Retry(limit=3),
    ),
    "resque-restriction": (
        "resque/restriction",
        f"extend Resque::Plugins::Restriction; restrict per_year: {MANY // 2}, concurrent: 3",
        Restriction(per_year=MANY // 2, concurrent=3),
    ),
}
UNIQUE = [name for name in CLASSES if name not in {"resque-retry", "resque-restriction"}]

#: Keys that any worker leaves.
USUAL = {"resque:queues", "resque:failed", "resque:stat:processed", "resque:stat:failed"}


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
            def self.perform(number, what, more = nil)
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
        """Ruby enqueues that many jobs, each twice; how many are queued then."""
        self.ruby(
            f"{count}.times {{ |n| 2.times {{ Resque.enqueue(Plugged, n, '{what}') }} }}; true"
        )
        return int(self.resque.size("low"))

    def python_enqueues(self, count: int, what: str) -> int:
        for number in range(count):
            for _ in range(2):
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
        assert self.python_worker("--burst", *flags).wait(110) == 0

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


@pytest.mark.parametrize("name", UNIQUE)
def test_killed_jobs_leave_no_key(both: Callable[[str], Both], name: str) -> None:
    pair = both(name)
    assert pair.ruby_enqueues(KILLS, "die") == KILLS
    pair.python_works()
    assert pair.left() == set()
    assert pair.db.llen("resque:failed") == KILLS
    assert pair.ruby_enqueues(KILLS, "do") == KILLS


@pytest.mark.parametrize("name", UNIQUE)
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


@pytest.mark.parametrize("name", UNIQUE)
def test_hashes_with_symbols_are_released(both: Callable[[str], Both], name: str) -> None:
    pair = both(name)
    pair.ruby("Resque.enqueue(Plugged, 1, 'do', { id: 1, at: { x: 2.5 } }); true")
    pair.ruby("Resque.enqueue(Plugged, 1, 'do', { 'id' => 1, 'at' => nil }); true")
    pair.python_works()
    assert pair.left() == set()


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
