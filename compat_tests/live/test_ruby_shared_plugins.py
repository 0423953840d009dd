"""Classes with plugins on a queue that a real Ruby worker with the guard and a selective Python worker share.

Each side performs its own classes, whoever enqueues them; marks, locks and counters are those of one fleet.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from compat_tests.live.conftest import complaint, missing
from compat_tests.live.peers import Program
from compat_tests.live.plugin_table import CLASSES, USUAL
from pyresque.migrate import __file__ as migrate
from tests.support import ROOT
from tests.support.eventually import eventually

GUARD = Path(migrate).with_name("resque_guard.rb")
QUEUE, ASIDE = "resque:queue:low", "resque:migrate:queue:low"

#: A lock that expires by itself.
PRUNING = "resque:pruning_dead_workers_in_progress"

#: Jobs of each class; every third one fails.
JOBS = 12

#: The gems; resque-meta's jobs get an id by an enqueue of their own, which test_ruby_plugins.py tries.
GEMS = sorted({*CLASSES} - {"resque-meta"})

#: Gems that mark a job as long as it is queued.
MARKING = {"resque-loner": "loners:queue:low:job:", "resque_solo": "solo:queue:low:job:"}

#: Keys that are meant to stay: what the gem counts, and what routing counts.
STAY = ("resque:migrate:", "resque:stats:jobs:", "resque:resque_history", "live:")


class Side:
    """The peers of one test, which know one gem's classes."""

    def __init__(self, name, start_worker, peer, resque, url, folder):
        file, body, plugin = CLASSES[name]
        if name == "resque-restriction":
            body = "extend Resque::Plugins::Restriction; restrict concurrent: 3"
        classes = "\n".join(
            f"""
            class {each}
              @queue = :low
              {body}
              def self.perform(*args)
                number, what = args
                Live.redis.rpush("live:performed", ["ruby", "{each}", number].to_json)
                raise ArgumentError, number.to_s if what == "fail"
              end
            end
            """
            for each in ("PythonsOwn", "RubysOwn")
        )
        source = folder / "classes.rb"
        source.write_text(f'require "{file}"\n{classes}')
        guard = folder / "guarded.rb"
        text = GUARD.read_text().replace("PAUSE = 1.0", "PAUSE = 0.01")
        guard.write_text(f'require "{source}"\n{text}')
        self.guard, self.start_worker, self.peer = str(guard), start_worker, peer
        peer.ask("ruby", code=f'require "{source}"; true')
        self.resque, self.url, self.name = resque, url, name
        for each in ("PythonsOwn", "RubysOwn"):
            resque.declare(each, queue="low", plugins=[plugin])

    def ruby_enqueues(self, name, number, what="do"):
        self.peer.ask("ruby", code=f"Resque.enqueue({name}, {number}, '{what}'); true")

    def start_ruby(self):
        return self.start_worker("low", FORK_PER_JOB="false", LIVE_REQUIRE=self.guard)

    def start_python(self, programs):
        command = [sys.executable, "-m", "pyresque.cli", "worker", "-A", "shared_plugin_app"]
        path = os.pathsep.join([str(ROOT / "compat_tests" / "live"), str(ROOT)])
        env = {
            "REDIS_URL": self.url,
            "PYTHONPATH": path,
            "LIVE_PLUGIN": self.name,
            "INTERVAL": "0.1",
        }
        programs.append(Program([*command, "-q", "low", "--only-registered"], env))
        return programs[-1]


@pytest.fixture
def side(ruby_peer, ruby_worker, redis_server, resque, db, tmp_path):
    def make(name):
        file = CLASSES[name][0]
        load = f'require "json"; require "multi_json"; require "resque"; require "{file}"'
        reason = complaint(["ruby", "-e", load])
        if reason:
            missing("PYRESQUE_REQUIRE_RUBY", f"ruby cannot require {file}: {reason}")
        peer = ruby_peer(LIVE_PLUGIN=name)
        peer.ask("configure")
        resque.routes.set("*", "ruby")
        resque.routes.set("PythonsOwn", "python")
        return Side(name, ruby_worker, peer, resque, redis_server.url, tmp_path)

    return make


@pytest.mark.parametrize("name", MARKING)
def test_a_unique_job_that_is_handed_over_keeps_its_mark(side, db, programs, name):
    pair = side(name)
    pair.start_ruby()
    pair.ruby_enqueues("PythonsOwn", 1)
    eventually(lambda: db.llen(ASIDE) == 1)
    (mark,) = [key for key in db.scan_iter() if f"resque:{MARKING[name]}".encode() in key]
    assert (db.get(mark), db.ttl(mark)) == (b"1", -1)
    pair.ruby_enqueues("PythonsOwn", 1)
    assert not db.exists(QUEUE)
    pair.resque.enqueue("PythonsOwn", 1, "do")
    assert (db.llen(QUEUE), db.llen(ASIDE)) == (0, 1)
    pair.start_python(programs)
    eventually(lambda: db.llen("live:performed") == 1)
    assert not db.exists(mark)


@pytest.mark.parametrize("name", GEMS)
def test_each_side_performs_its_own_once_and_nothing_is_left(side, db, programs, name):
    pair = side(name)
    ruby, python = pair.start_ruby(), pair.start_python(programs)
    for number in range(JOBS):
        what = "fail" if number % 3 == 1 else "do"
        for each in ("PythonsOwn", "RubysOwn"):
            if number % 2:
                pair.ruby_enqueues(each, number, what)
            else:
                pair.resque.enqueue(each, number, what)
    attempts = 4 if name == "resque-retry" else 1
    wanted = {
        ("python" if each == "PythonsOwn" else "ruby", each, number): attempts
        if number % 3 == 1
        else 1
        for each in ("PythonsOwn", "RubysOwn")
        for number in range(JOBS)
    }

    def performed():
        return Counter(tuple(json.loads(one)) for one in db.lrange("live:performed", 0, -1))

    eventually(lambda: sum(performed().values()) >= sum(wanted.values()), within=60)
    eventually(lambda: not db.exists(QUEUE, ASIDE))
    assert ruby.stop(signal.SIGQUIT) == 0
    assert python.stop(signal.SIGQUIT) == 0
    assert performed() == wanted
    assert db.llen("resque:failed") == attempts * 2 * sum(n % 3 == 1 for n in range(JOBS))
    left = {key.decode() for key in db.scan_iter()} - USUAL - {PRUNING}
    if name == "resque-restriction":  # how many more may run at once
        counters = {f"resque:restriction:{each}:*" for each in ("PythonsOwn", "RubysOwn")}
        assert db.mget(sorted(counters)) == [b"3", b"3"]
        left -= counters
    assert {key for key in left if not key.startswith(STAY)} == set()
