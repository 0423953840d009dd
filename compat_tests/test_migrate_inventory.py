"""What real Ruby has written, recognised by an inventory: payloads of ActiveJob, and the marks of each plugin."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.golden import document, put_state
from compat_tests.plugin_replay import recordings
from pyresque.migrate.as_json import classes_json
from tests.support.inventories import inventory

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

#: The plugins whose keys name a class, a queue or a job of theirs.
PLUGINS = [
    *("activejob-uniqueness", "resque-job-stats", "resque-lock", "resque-lock-timeout"),
    *("resque-lonely_job", "resque-loner", "resque-meta", "resque-queue-lock"),
    *("resque-restriction", "resque-retry", "resque-status", "resque-workers-lock", "resque_solo"),
]


def states(plugin: str) -> Iterator[dict[str, Any]]:
    """What Ruby left in Redis after each step of each scenario of a plugin."""
    for recording in recordings(plugin):
        for scenario in recording["scenarios"]:
            for step in scenario.get("steps", ()):
                if step.get("redis"):
                    yield step["redis"]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_is_recognised_by_what_ruby_left_in_redis(plugin, db: redis.Redis, redis_url):
    recognised: list[str] = []
    others: set[str] = set()
    for state in states(plugin):
        db.flushall()
        put_state(db, state)
        for one in inventory(redis_url).classes:
            recognised += [one.name] if plugin in one.marks else []
            others |= {gem for gem, mark in one.marks.items() if gem != plugin and mark.certain}
    assert recognised
    assert not others


def test_every_payload_that_rails_wrote_is_an_active_job_with_its_arguments(db, redis_url):
    raws = [
        one["raw"].encode()
        for entry in document("activejob")["entries"]
        if not entry["name"].startswith("inbound_")  # some of these are broken on purpose
        for one in entry.get("payloads") or ()
        if isinstance(one.get("raw"), str)
    ]
    assert len(raws) > 50
    db.sadd("resque:queues", "q")
    db.rpush("resque:queue:q", *raws)
    found = inventory(redis_url)
    assert all(list(one.writers) == ["ActiveJob"] for one in found.classes)
    assert found.read == len(raws)
    kinds = {
        kind
        for one in classes_json(found)
        for shape in one["arguments"]["positions"]
        for kind in shape["types"]
    }
    assert {"Symbol", "Duration", "Time", "Date", "Range", "BigDecimal", "hash"} <= kinds
    assert any(kind.startswith("GlobalID ") for kind in kinds)
    json.dumps(list(classes_json(found)))


def test_every_payload_that_ruby_encoded_is_read(db, redis_url):
    raws = [
        one["bytes"].encode("utf-8", "surrogatepass")
        for scenario in document("json_payloads")["scenarios"]
        for one in (scenario.get("returns") or {}).values()
        if isinstance(one, dict) and isinstance(one.get("bytes"), str)
    ]
    assert len(raws) > 50
    db.sadd("resque:queues", "q")
    db.rpush("resque:queue:q", *raws)
    assert inventory(redis_url).read == len(raws)
