"""The doctor beside real Ruby: what its workers, its scheduler and the gems write is no finding; what they leave behind is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.live.app import BoomJob, EchoJob, HoldJob
from compat_tests.live.conftest import complaint, missing
from compat_tests.live.peers import echoed, noted
from pyresque.client import Resque
from pyresque.doctor.checkup import Checkup
from pyresque.process.host.this_host import ThisHost
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

    from compat_tests.live.peers import Peer
    from pyresque.doctor.finding import Finding

#: What the test's server, and a queue without a worker, are for themselves.
USUAL = {"no-persistence", "queue-without-worker"}

#: What Ruby requires for each gem, what its class says, what it then does, and what is found once the job is lost.
GEMS: dict[str, tuple[str, str, str, str]] = {
    "resque-loner": (
        *("resque-loner", "include Resque::Plugins::UniqueJob"),
        *("Resque.enqueue(Lost, 1, { b: 2, a: [1, 'x'] })", "mark-without-job"),
    ),
    "resque_solo": (
        *("resque_solo", "include Resque::Plugins::UniqueJob"),
        *("Resque.enqueue(Lost, 'é', nil)", "mark-without-job"),
    ),
    "resque-lock": (
        *("resque/plugins/lock", "extend Resque::Plugins::Lock"),
        *("Resque.enqueue(Lost, :a, { b: { 'c' => 2.5 } })", "lock-without-job"),
    ),
    "resque-queue-lock": (
        *("resque/plugins/queue/lock", "extend Resque::Plugins::Queue::Lock"),
        *("Resque.enqueue(Lost, 1, ['x'])", "lock-without-job"),
    ),
    "resque-lock-timeout": (
        *("resque-lock-timeout", "extend Resque::Plugins::LockTimeout; @loner = true"),
        *("Resque.enqueue(Lost, 1, 'x')", "lock-without-job"),
    ),
    "resque-retry": (
        *("resque-retry", "extend Resque::Plugins::Retry; @retry_delay = 600"),
        "Resque.enqueue(Lost, 1, { 'a' => :b }); Resque.reserve(:low).perform rescue nil",
        "retry-counter-without-job",
    ),
}


def examined(resque: Resque, **options: Any) -> dict[str, Finding]:
    report = resque.run(Checkup(resque.core, whole=True, **options).examine())
    assert report.unseen == []
    return {one.kind.name: one for one in report.findings}


@pytest.fixture
def plain(redis_url: str) -> Iterator[Resque]:
    """A client that registers no job, as of a team that has only Ruby."""
    with Resque(redis_url) as client:
        yield client


@pytest.mark.parametrize("gem", GEMS)
def test_what_a_gem_holds_belongs_to_its_job_until_that_is_lost(
    gem: str, ruby_peer: Callable[..., Peer], plain: Resque, db: redis.Redis
) -> None:
    required, body, then, kind = GEMS[gem]
    reason = complaint(["ruby", "-e", f'require "resque"; require "{required}"'])
    if reason:
        missing("PYRESQUE_REQUIRE_RUBY", f"Ruby has no {gem}: {reason}")
    peer = ruby_peer(DOCTOR_OF=gem)
    peer.ask("configure")
    peer.ask(
        "ruby",
        code=f"""
          require "resque-scheduler"
          require "{required}"
          class Lost
            @queue = :low
            def self.queue; :low; end
            {body}
            def self.perform(*args); raise ArgumentError, "no"; end
          end unless defined?(Lost)
          {then}
          true
        """,
    )
    found = examined(plain)
    assert set(found) - USUAL <= {"no-scheduler"}, found
    db.delete("resque:queue:low", *db.keys("resque:delayed:*"), "resque:delayed_queue_schedule")
    one = examined(plain)[kind]
    assert (one.evidence["gem"], one.evidence["count"]) == (gem, 1)
    db.delete(*one.evidence["keys"])
    assert kind not in examined(plain)


def test_rubys_workers_and_scheduler_at_work_are_no_findings(
    ruby: Peer, ruby_worker, ruby_scheduler, resque: Resque, db: redis.Redis
) -> None:
    ruby_worker("hold,echo,boom,low")
    ruby_scheduler()
    ruby.ask("enqueue", class_="EchoJob", args=["a & <b>", {"c": [1, None]}])
    ruby.ask("enqueue", class_="BoomJob", args=["no"])
    resque.enqueue_in(3600, EchoJob, "later")
    assert echoed(db, 1)
    eventually(lambda: db.llen("resque:failed"))
    eventually(lambda: db.exists("resque:resque:resque_scheduler_master_lock"))
    assert set(examined(resque, host=ThisHost())) <= USUAL
    resque.enqueue(HoldJob, 1)
    noted(db, "live:started")
    resque.enqueue(BoomJob, "waits")
    assert set(examined(resque, host=ThisHost())) <= USUAL
    db.rpush("live:release", "go")


def test_a_ruby_worker_that_was_killed_is_found_with_its_job(
    ruby_worker, resque: Resque, db: redis.Redis
) -> None:
    worker = ruby_worker("hold")
    resque.enqueue(HoldJob, 1)
    noted(db, "live:started")
    worker.kill()
    one = examined(resque, host=ThisHost())["worker-without-process"]
    assert one.severity == "error"
    assert f":{worker.pid}:hold" in one.evidence["with_a_job"][0]
    assert one.mend[0].startswith("pyresque workers prune --yes")
