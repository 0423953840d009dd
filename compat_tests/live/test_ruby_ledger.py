"""The ledger of what a real Ruby worker with the guard has performed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from pyresque.cli.main import cli
from tests.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from compat_tests.live.peers import Peer
    from pyresque.client import Resque


def ledger(url: str) -> dict[str, dict[str, Any]]:
    """The lines of ``migrate status``, by class."""
    result = CliRunner().invoke(cli, ["migrate", "status", "--whole", "--json", "-u", url])
    assert result.exit_code == 0, result.output
    return {one["class"]: one for one in json.loads(result.output)["classes"]}


def test_what_ruby_performed_with_the_guard_stands_in_the_ledger(
    ruby_peer: Callable[..., Peer], resque: Resque, db: redis.Redis, redis_url: str
) -> None:
    peer = ruby_peer(LEDGER="1")
    peer.ask("configure")
    guard = ROOT / "pyresque" / "migrate" / "resque_guard.rb"
    code = f"""
      require "{guard}"
      class Ledgered
        @queue = :low
        def self.perform(number); raise ArgumentError, "no" if number == 3; end
      end unless defined?(Ledgered)
      4.times {{ |number| Resque.enqueue(Ledgered, number) }}
      w = Resque::Worker.new("low"); w.fork_per_job = false; w.work(0)
      true
    """
    peer.ask("ruby", code=code)
    line = ledger(redis_url)["Ledgered"]
    days = line["days"]
    counted = [sum(day["ruby"][what] for day in days) for what in ("done", "failed")]
    assert (counted, sum(day["python"]["done"] for day in days)) == ([3, 1], 0)
    assert line["last_by_ruby"] is not None
    assert line["why"] == "no rule leads it to Python"
    resque.routes.set("Ledgered", "python")
    assert ledger(redis_url)["Ledgered"]["why"] == "there are jobs: 1 failed"
    resque.failures.clear()
    line = ledger(redis_url)["Ledgered"]
    assert line["safe_to_delete_in_ruby"] is False
    assert "less than an hour ago" in str(line["why"])
