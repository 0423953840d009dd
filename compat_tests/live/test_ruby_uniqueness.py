"""The real activejob-uniqueness beside ours: what one side enqueues the other performs, and then either may enqueue it again.

With PYRESQUE_MANY=1000 a thousand jobs of each kind are performed, thirty are killed, and ten workers pruned.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.live.conftest import complaint, missing
from compat_tests.live.plugin_table import KILLS, MANY, PRUNINGS, USUAL
from pyresque.activejob import Symbol
from pyresque.client import Resque
from pyresque.errors import JobNotUnique
from tests.support import ROOT
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

    from compat_tests.live.peers import Peer
    from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.timeout(300 + MANY)

#: Those that take a lock at enqueue, and delete it by the job's end.
AT_ENQUEUE = ["until_executing", "until_executed", "until_and_while_executing"]
STRATEGIES = [*AT_ENQUEUE, "while_executing"]


class Both:
    """One unique job in both languages."""

    def __init__(self, strategy: str, peer: Peer, url: str, db: redis.Redis) -> None:
        self.strategy, self.peer, self.url, self.db = strategy, peer, url, db
        self.ruby(f"""
          require "activejob/uniqueness"
          ActiveJob::Uniqueness.config.redlock_servers = ["{url}"]
          ActiveJob::Uniqueness.reset_manager!
          class AjUniqueJob < ActiveJob::Base
            queue_as :low
            unique :{strategy}
            def perform(number, what, more: nil)
              raise ArgumentError, number.to_s if what == "fail"
              Process.kill(:KILL, Process.pid) if what == "die"
            end
          end unless defined?(AjUniqueJob)
          true
        """)
        version = peer.ask("versions")["activejob"]
        self.settings = {"rails_version": version, "dialect": "json_gem_activesupport"}
        self.resque = Resque(url, **self.settings)
        self.job = self.resque.active_job("AjUniqueJob", queue="low", unique=strategy)

    def ruby(self, code: str) -> Any:
        return self.peer.ask("ruby", code=code)

    def ruby_enqueues(self, count: int, what: str) -> int:
        """Ruby enqueues that many jobs, each twice; how many are queued then."""
        self.ruby(f"""
          {count}.times {{ |n| 2.times {{
            begin; AjUniqueJob.perform_later(n, '{what}'); rescue ActiveJob::Uniqueness::JobNotUnique; end
          }} }}; true
        """)
        return int(self.resque.size("low"))

    def python_enqueues(self, count: int, what: str) -> int:
        for number in range(count):
            for _ in range(2):
                try:
                    self.job.enqueue(number, what)
                except JobNotUnique:
                    continue
        return int(self.resque.size("low"))

    def ruby_works(self) -> None:
        self.ruby("w = Resque::Worker.new('low'); w.fork_per_job = false; w.work(0); true")

    def python_worker(self, *flags: str) -> subprocess.Popen[bytes]:
        command = (sys.executable, "-m", "pyresque.cli", "worker", "-A", "unique_app", "-q", "low")
        path = os.pathsep.join([str(ROOT / "compat_tests" / "live"), str(ROOT)])
        env = {
            "REDIS_URL": self.url,
            "PYTHONPATH": path,
            "LIVE_STRATEGY": self.strategy,
            "RESQUE_RAILS_VERSION": self.settings["rails_version"],
            "RESQUE_JSON": self.settings["dialect"],
        }
        return subprocess.Popen((*command, *flags), env={**os.environ, **env})

    def python_works(self, *flags: str) -> None:
        assert self.python_worker("--burst", *flags).wait(110 + MANY) == 0

    def left(self) -> set[str]:
        """Keys that are not those of any worker."""
        usual = {*USUAL, "resque:pruning_dead_workers_in_progress"}
        return {key.decode() for key in self.db.keys("*")} - usual


@pytest.fixture
def both(
    ruby_peer: Callable[..., Peer], redis_server: RedisServer, db: redis.Redis
) -> Iterator[Callable[[str], Both]]:
    made: list[Both] = []

    def make(strategy: str) -> Both:
        load = 'require "logger"; require "active_job"; require "activejob/uniqueness"; ActiveJob::Uniqueness.lock_manager'
        reason = complaint(["ruby", "-e", load])
        if reason:
            missing("PYRESQUE_REQUIRE_RUBY", f"ruby cannot require activejob/uniqueness: {reason}")
        peer = ruby_peer(RESQUE_ACTIVEJOB="1", LIVE_STRATEGY=strategy)
        peer.ask("configure")
        made.append(Both(strategy, peer, redis_server.url, db))
        return made[-1]

    yield make
    for one in made:
        one.resque.close()


@pytest.mark.parametrize("what", ["do", "fail"])
@pytest.mark.parametrize("strategy", AT_ENQUEUE)
def test_rails_enqueues_python_performs_and_rails_may_enqueue_again(
    both: Callable[[str], Both], strategy: str, what: str
) -> None:
    pair = both(strategy)
    assert pair.ruby_enqueues(MANY, what) == MANY
    assert pair.python_enqueues(MANY, what) == MANY  # refused: Rails' keys are ours
    pair.python_works()
    assert pair.left() == set()
    assert pair.db.llen("resque:failed") == (MANY if what == "fail" else 0)
    assert pair.ruby_enqueues(MANY, "do") == MANY


@pytest.mark.parametrize("strategy", AT_ENQUEUE)
def test_python_enqueues_rails_performs_and_python_may_enqueue_again(
    both: Callable[[str], Both], strategy: str
) -> None:
    pair = both(strategy)
    assert pair.python_enqueues(MANY, "do") == MANY
    assert pair.ruby_enqueues(MANY, "do") == MANY
    pair.ruby_works()
    assert pair.left() == set()
    assert pair.db.llen("resque:failed") == 0
    assert pair.python_enqueues(MANY, "do") == MANY


def test_what_fails_in_rails_keeps_its_key_for_python_too(both: Callable[[str], Both]) -> None:
    pair = both("until_executed")
    pair.job.enqueue(1, "fail")
    pair.ruby_works()
    with pytest.raises(JobNotUnique):
        pair.job.enqueue(1, "fail")
    pair.resque.unlock_active_jobs("AjUniqueJob", 1, "fail")
    assert pair.job.enqueue(1, "fail") is not None


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_killed_jobs_leave_no_key(both: Callable[[str], Both], strategy: str) -> None:
    pair = both(strategy)
    for number in range(KILLS):
        pair.ruby(f"AjUniqueJob.perform_later({number}, 'die'); true")
    pair.python_works()
    assert pair.left() == set()
    assert pair.db.llen("resque:failed") == KILLS
    assert pair.ruby_enqueues(KILLS, "do") >= KILLS


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_killed_workers_leave_no_key_once_they_are_pruned(
    both: Callable[[str], Both], strategy: str
) -> None:
    pair = both(strategy)
    for number in range(PRUNINGS):
        pair.ruby(f"AjUniqueJob.perform_later({number}, 'sleep'); true")
        worker = pair.python_worker("--executor", "inline")
        eventually(lambda: pair.resque.working() and pair.resque.size("low") == 0)
        if number % 2 and "while" in strategy:  # in perform; else as soon as the job is taken
            held = "*:runtime" if strategy in AT_ENQUEUE else "activejob_uniqueness*"
            eventually(lambda held=held: pair.db.keys(held))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        pair.db.delete("resque:pruning_dead_workers_in_progress")
        pair.python_works()
        assert pair.left() == set(), number
    assert pair.db.llen("resque:failed") == PRUNINGS


def test_keywords_symbols_and_markup_make_the_same_key(both: Callable[[str], Both]) -> None:
    pair = both("until_executed")
    pair.ruby("AjUniqueJob.perform_later(1, '<b>&', more: { id: :x, 'at' => 1.0e20 }); true")
    with pytest.raises(JobNotUnique):
        pair.job.enqueue(1, "<b>&", more={Symbol("id"): Symbol("x"), "at": 1e20})
    pair.job.enqueue(2, "<b>&", more={Symbol("id"): None})
    said = pair.ruby("""
      begin; AjUniqueJob.perform_later(2, '<b>&', more: { id: nil }); rescue => e; e.class.name; end
    """)
    assert said == "ActiveJob::Uniqueness::JobNotUnique"
    pair.python_works()
    assert pair.left() == set()
