"""An inventory of what the real gems have just written: each is recognised, and the line to write is one that Python takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.live.conftest import complaint, missing
from pyresque import plugins
from pyresque.client import Resque
from pyresque.migrate.marks import registration
from tests.support.inventories import inventory

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from compat_tests.live.peers import Peer

#: What Ruby requires, what its class says, and what it then does.
GEMS: dict[str, tuple[str, str, str]] = {
    "resque-loner": (
        "resque-loner",
        "include Resque::Plugins::UniqueJob",
        "Resque.enqueue(Marked, 1, { b: 2, a: [1] })",
    ),
    "resque_solo": (
        "resque_solo",
        "include Resque::Plugins::UniqueJob",
        "Resque.enqueue(Marked, 1, { b: 2 })",
    ),
    "resque-lock": (
        "resque/plugins/lock",
        "extend Resque::Plugins::Lock",
        "Resque.enqueue(Marked, 1)",
    ),
    "resque-queue-lock": (
        "resque/plugins/queue/lock",
        "extend Resque::Plugins::Queue::Lock",
        "Resque.enqueue(Marked, 1)",
    ),
    "resque-retry": (
        "resque-retry",
        "extend Resque::Plugins::Retry; @retry_delay = 60",
        "Resque.enqueue(Marked, 1); Resque.reserve(:low).perform rescue nil",
    ),
    "resque-status": (
        "resque/plugins/status",
        "include Resque::Plugins::Status",
        "Marked.create(num: 1)",
    ),
}


#: The names that a line to write uses.
PLUGINS = {name: getattr(plugins, name) for name in plugins.__all__}


def write(ruby_peer: Callable[..., Peer], gem: str, code: str, load: str, **env: str) -> None:
    """Have a Ruby process of this gem's own run the code."""
    reason = complaint(["ruby", "-e", load])
    if reason:
        missing("PYRESQUE_REQUIRE_RUBY", f"Ruby has no {gem}: {reason}")
    peer = ruby_peer(INVENTORY_OF=gem, **env)
    peer.ask("configure")
    peer.ask("ruby", code=code)


@pytest.mark.parametrize("gem", GEMS)
def test_a_job_that_a_gem_has_written_is_recognised(
    gem: str, ruby_peer: Callable[..., Peer], db: redis.Redis, redis_url: str
) -> None:
    required, body, then = GEMS[gem]
    code = f"""
      require "resque-scheduler"
      require "{required}"
      class Marked
        @queue = :low
        def self.queue; :low; end
        {body}
        def self.perform(*args); raise ArgumentError, "no"; end
      end unless defined?(Marked)
      {then}
      true
    """
    write(ruby_peer, gem, code, f'require "resque"; require "{required}"')
    one = inventory(redis_url).classes.classes["Marked"]
    assert list(one.marks) == [gem]
    assert one.marks[gem].certain
    line = registration(one)
    assert line is not None
    assert declared(line, redis_url)


def declared(line: str, url: str) -> Any:
    """Register by that line."""
    with Resque(url) as resque:
        code = line.removeprefix("@").replace(", ...", ', queue="low"')
        return eval(code, {**PLUGINS, "resque": resque})(lambda *_: None)


def test_a_unique_active_job_is_recognised(
    ruby_peer: Callable[..., Peer], db: redis.Redis, redis_url: str
) -> None:
    load = 'require "logger"; require "active_job"; require "activejob/uniqueness"'
    code = f"""
      require "activejob/uniqueness"
      ActiveJob::Uniqueness.config.redlock_servers = ["{redis_url}"]
      ActiveJob::Uniqueness.reset_manager!
      class MarkedUniqueJob < ActiveJob::Base
        queue_as :low
        unique :until_executed
        def perform(number, more: nil); end
      end unless defined?(MarkedUniqueJob)
      MarkedUniqueJob.perform_later(7, more: :sym)
      true
    """
    write(ruby_peer, "activejob-uniqueness", code, load, RESQUE_ACTIVEJOB="1")
    one = inventory(redis_url).classes.classes["MarkedUniqueJob"]
    assert list(one.marks) == ["activejob-uniqueness"]
    assert str(one.arguments) == "(integer, more: Symbol)"
    assert declared(registration(one) or "", redis_url)
