"""Workers of every kind trim the failed list after a failure, where that is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.live_worker import worker

if TYPE_CHECKING:
    import redis


@pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])
def test_a_worker_trims_after_a_failure(db: redis.Redis, redis_url: str, executor: str) -> None:
    options = {"RESQUE_EXECUTOR": executor, "RESQUE_FAILED_MAX_COUNT": "3", "INTERVAL": "0"}
    db.rpush("resque:failed", *["{}"] * 10)
    db.rpush("resque:queue:low", '{"class":"NobodyKnows","args":[]}')
    with worker(redis_url, "low", **options) as process:
        assert process.ended() == 0
        assert "removed 8 failed records" in process.log
    assert db.llen("resque:failed") == 3
    assert b"NobodyKnows" in db.lindex("resque:failed", -1)
