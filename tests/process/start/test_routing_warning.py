"""A start says that there is a routing table where the worker would not heed it."""

from __future__ import annotations

import pytest

from pyresque import Resque
from pyresque.process.start.startup import _look_for_redis


@pytest.mark.parametrize(
    ("settings", "routed", "warned"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"only_registered": True}, True, False),
        ({"routes": {"Report": "python"}}, True, False),
    ],
)
def test_only_a_worker_that_takes_everything_is_warned(
    redis_url, db, caplog, settings, routed, warned
):
    with Resque(redis_url, **settings) as resque:
        if routed:
            resque.routes.set("Report", "ruby")
            caplog.clear()
        _look_for_redis(resque, "worker")
    assert ("start it with --only-registered" in caplog.text) is warned


def test_a_table_of_another_type_is_a_table_too(redis_url, db, caplog):
    db.rpush("resque:migrate:routes", "x")
    with Resque(redis_url) as resque:
        _look_for_redis(resque, "pool")
    assert "resque:migrate:routes" in caplog.text
