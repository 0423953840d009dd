"""The real resque-status beside ours: what either side enqueues the other performs, reads, and cancels.

With PYRESQUE_MANY=1000 a thousand jobs of each kind are performed, thirty are killed, and ten workers pruned.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.live.conftest import complaint, missing
from compat_tests.live.plugin_table import KILLS, MANY, PRUNINGS, USUAL
from pyresque.client import Resque
from pyresque.handles import Handle
from pyresque.job.perform import perform
from pyresque.plugins import Status
from tests.support import ROOT
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

    from compat_tests.live.peers import Peer, Web
    from tests.support.redis_server import RedisServer

REQUIRED = 'require "json"; require "multi_json"; require "resque"; require "resque-status"'

#: What Ruby's reader makes of all statuses.
ALL = "Resque::Plugins::Status::Hash.statuses.map { |s| [s.uuid, s.status, s.pct_complete, s.message, s['result']] }"


class Both:
    """A class with a status, in both languages."""

    def __init__(self, peer: Peer, url: str, db: redis.Redis) -> None:
        self.peer, self.url, self.db = peer, url, db
        self.ruby("""
          require "resque-status"
          class Report
            include Resque::Plugins::Status
            @queue = :low
            def perform
              steps = options["steps"] || 2
              steps.times { |n| at(n + 1, steps, "step #{n + 1}") }
              raise ArgumentError, "boom" if options["what"] == "fail"
            end
          end unless defined?(Report)
          true
        """)
        self.resque = Resque(url)
        self.resque.declare("Report", queue="low", plugins=[Status()])

    def ruby(self, code: str) -> Any:
        return self.peer.ask("ruby", code=code)

    def enqueue(self, **options: object) -> Handle[Any]:
        handle = self.resque.enqueue("Report", **options)
        assert isinstance(handle, Handle)
        return handle

    def ruby_works(self) -> None:
        self.ruby(
            "w = Resque::Worker.new('low'); w.fork_per_job = false; w.term_child = false; w.work(0); true"
        )

    def worker(self, *flags: str) -> subprocess.Popen[bytes]:
        command = (sys.executable, "-m", "pyresque.cli", "worker", "-A", "status_app", "-q", "low")
        path = os.pathsep.join([str(ROOT / "compat_tests" / "live"), str(ROOT)])
        env = {**os.environ, "REDIS_URL": self.url, "PYTHONPATH": path}
        return subprocess.Popen((*command, *flags), env=env)

    def works(self, *flags: str) -> None:
        assert self.worker("--burst", *flags).wait(110) == 0

    def seen(self) -> Counter[str]:
        """How many jobs Ruby's reader sees in each state."""
        return Counter(status for _, status, *_ in self.ruby(ALL))

    def left(self) -> set[str]:
        usual = {
            *USUAL,
            "resque:_statuses",
            "resque:steps",
            "resque:pruning_dead_workers_in_progress",
        }
        keys = {key.decode() for key in self.db.keys("*")}
        return {key for key in keys - usual if not key.startswith("resque:status:")}


@pytest.fixture
def peer_env() -> dict[str, str]:
    """What a Ruby process of a test's own has in its environment; without anything the test shares one with all others."""
    return {}


@pytest.fixture
def both(
    ruby_peer: Callable[..., Peer],
    redis_server: RedisServer,
    db: redis.Redis,
    peer_env: dict[str, str],
) -> Iterator[Both]:
    reason = complaint(["ruby", "-e", REQUIRED])
    if reason:
        missing("PYRESQUE_REQUIRE_RUBY", f"ruby cannot require resque-status: {reason}")
    peer = ruby_peer(**peer_env)
    peer.ask("configure")
    made = Both(peer, redis_server.url, db)
    yield made
    made.resque.close()


def test_rubys_reader_shows_what_python_performed(both: Both) -> None:
    both.ruby(
        f"{MANY}.times {{ |n| Report.create(what: 'do', n: n); Report.create(what: 'fail') }}; true"
    )
    both.works()
    assert both.seen() == {"completed": MANY, "failed": MANY}
    statuses = both.ruby(ALL)
    done = sorted(result["n"] for *_, result in statuses if result)
    assert done == list(range(MANY))
    assert {
        (percent, message) for _, status, percent, message, _ in statuses if status == "failed"
    } == {(50, "The task failed because of an error: boom")}
    assert both.db.llen("resque:failed") == MANY
    assert both.left() == set()


def test_ruby_performs_what_python_enqueued_and_the_handle_sees_it(both: Both) -> None:
    good = [both.enqueue(what="do", steps=3) for _ in range(MANY)]
    bad = [both.enqueue(what="fail") for _ in range(MANY)]
    assert both.seen() == {"queued": 2 * MANY}
    both.ruby_works()
    assert {handle.wait(0).status for handle in good} == {"completed"}
    assert {handle.wait(0).message for handle in bad} == {
        "The task failed because of an error: boom"
    }
    assert (good[0].status().name, good[0].status().num) == (
        both.ruby(f"Resque::Plugins::Status::Hash.get('{good[0].id}').name"),
        3,
    )
    assert both.left() == set()


def test_a_job_of_python_is_seen_at_work_and_obeys_rubys_kill_within_one_step(both: Both) -> None:
    job_id = both.ruby("Report.create(what: 'wait')")
    reader = f"Resque::Plugins::Status::Hash.get('{job_id}')"
    assert both.ruby(f"{reader}.queued?") is True
    worker = both.worker()
    try:
        eventually(lambda: both.db.llen("resque:steps") > 3)
        assert both.ruby(f"[{reader}.working?, {reader}.num > 0]") == [True, True]
        both.ruby(f"Resque::Plugins::Status::Hash.kill('{job_id}'); true")
        steps = both.db.llen("resque:steps")
        eventually(lambda: both.ruby(f"{reader}.killed?"))
        assert both.db.llen("resque:steps") <= steps + 1
    finally:
        worker.terminate()
        assert worker.wait(60) == 0
    assert both.ruby("Resque::Plugins::Status::Hash.kill_ids") == []
    assert both.ruby(f"{reader}.message").startswith("Killed at ")
    assert both.db.exists("resque:failed") == 0


def test_a_job_of_ruby_obeys_a_handles_cancel(both: Both) -> None:
    handle = both.enqueue(what="do")
    assert handle.cancel() is True
    assert both.ruby("Resque::Plugins::Status::Hash.kill_ids") == [handle.id]
    both.ruby_works()
    assert (handle.status().status, handle.status().num) == ("killed", None)


def test_jobs_whose_processes_die_are_seen_as_failed(both: Both) -> None:
    both.ruby(f"{KILLS}.times {{ Report.create(what: 'die') }}; true")
    both.works()
    assert both.seen() == {"failed": KILLS}
    assert all("SIGKILL" in message for *_, message, _ in both.ruby(ALL))
    assert both.db.llen("resque:failed") == KILLS
    assert both.left() == set()


def test_jobs_of_pruned_workers_are_seen_as_failed(both: Both) -> None:
    for number in range(PRUNINGS):
        both.ruby("Report.create(what: 'sleep'); true")
        worker = both.worker("--executor", "inline")
        eventually(lambda: both.seen()["working"] == 1)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        both.db.delete("resque:pruning_dead_workers_in_progress")
        both.works()
        assert both.seen() == {"failed": number + 1}
    assert both.left() == set()


def test_either_scheduler_makes_the_status_of_a_delayed_job(both: Both) -> None:
    both.resque.enqueue_at(4102444800, "Report", what="do")
    both.ruby("Resque.enqueue_at(Time.at(4102444800), Report, { 'what' => 'do' }); true")
    assert both.db.llen("resque:delayed:4102444800") == 2
    assert len(set(both.db.lrange("resque:delayed:4102444800", 0, -1))) == 1  # the same bytes
    assert both.resque.enqueue_next_item(4102444800)
    both.ruby("Resque::Scheduler.enqueue_next_item(4102444800); true")
    assert both.seen() == {"queued": 2}
    both.works()
    assert both.seen() == {"completed": 2}


@pytest.mark.parametrize("peer_env", [{"REPORT": "the page's"}], ids=["a Ruby of its own"])
def test_the_rails_controller_of_the_page_polls_python(both: Both) -> None:
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```ruby\n(.*?)```", page, re.DOTALL)
    # What the controller asks of Rails: parameters in, JSON or a bare status out.
    both.ruby(f"""
      Object.send(:remove_const, :Report)
      class ApplicationController
        attr_reader :params, :answer
        def initialize(params) = @params = params
        def render(json:, status: 200) = @answer = [status, json]
        def head(status) = @answer = [status, nil]
      end
      {code}
      Report.instance_variable_set(:@queue, :low)
      def browse(action, **params)
        c = ReportsController.new(params)
        c.public_send(action)
        c.answer
      end
      true
    """)
    status, begun = both.ruby("browse(:create, number: '44')")
    job_id = begun["id"]
    assert (status, both.ruby("browse(:show, id: 'nothing')")) == (202, ["not_found", None])
    both.works()
    assert both.ruby(f"browse(:show, id: '{job_id}')") == [
        200,
        {"status": "completed", "percent": 100, "result": {"steps": 2, "number": 44}},
    ]
    assert both.ruby(f"browse(:destroy, id: '{job_id}')") == ["accepted", None]


def test_the_tab_of_statuses_shows_pythons_jobs(both: Both, ruby_web: Callable[..., Web]) -> None:
    web = ruby_web(RUBYOPT="-rjson -rmulti_json -rresque/status_server")
    app = Resque(both.url)

    @app.job("Sums", queue="low", tracked=True)
    def sums(first: int, second: int) -> dict[str, int]:
        app.status().at(1, 4, "adding", digits=1)
        if second == 0:
            raise ValueError("nothing to add")
        return {"sum": first + second}

    waits = app.active_job("WaitsJob", queue="low", tracked=True).enqueue(7)
    done, failed, killed, queued = (app.enqueue(sums, 1, n) for n in (2, 0, 3, 4))
    assert web.post(f"/statuses/{killed.id}/kill").status in {302, 303}
    app.pop("low")
    for _ in range(3):
        with contextlib.suppress(ValueError):
            app.run(perform(app.core.registry, app.reserve("low")))
    page = web.get("/statuses")
    assert page.status == 200
    for handle in (done, failed, killed, queued):
        assert handle.id in page.body
    assert waits.job_id in page.body
    for handle, state in (
        (done, "completed"),
        (failed, "failed"),
        (killed, "killed"),
        (queued, "queued"),
    ):
        one = web.get(f"/statuses/{handle.id}.js")
        found = json.loads(one.body)
        assert (one.status, found["status"]) == (200, state)
        assert found["pct_complete"] == handle.status().percent
        assert web.get(f"/statuses/{handle.id}").status == 200
    assert json.loads(web.get(f"/statuses/{done.id}.js").body)["result"] == {"sum": 3}
    assert web.post("/statuses/clear/completed").status in {302, 303}
    assert app.statuses.get(done.id) is None
    app.close()
