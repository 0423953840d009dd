from __future__ import annotations

from datetime import datetime, timezone

import pytest

from pyresque.clock import SystemClock
from pyresque.failure.base import Multiple
from pyresque.failure.record import Failure
from pyresque.failure.redis import RedisBackend, RedisMultiQueueBackend
from pyresque.failure.report import ErrorReport
from pyresque.job.job import JsonCodec, read_job
from pyresque.store.failed import FailedTable
from pyresque.store.keys import Keys
from tests.hand import Hand

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
PARTS = (FailedTable(Keys()), JsonCodec(), SystemClock())
FAILURE = Failure(
    read_job(JsonCodec(), "low", b'{"class":"X"}'), ErrorReport("E", "e"), "h:1:low", NOON
)


class Broken(RedisBackend):
    async def save(self, failure: Failure) -> None:
        raise OSError(f"cannot save {failure.job}")


def test_a_failure_goes_to_every_backend():
    hand = Hand(1, [1, 1])
    hand.run(Multiple([RedisBackend(*PARTS), RedisMultiQueueBackend(*PARTS)]).save(FAILURE))
    assert hand.asked[0][:2] == ("RPUSH", b"resque:failed")
    assert hand.asked[1][1][:2] == ("RPUSH", b"resque:low_failed")


def test_one_backends_error_does_not_keep_a_failure_from_the_others():
    hand = Hand(1)
    with pytest.raises(OSError, match="cannot save"):
        hand.run(Multiple([Broken(*PARTS), RedisBackend(*PARTS)]).save(FAILURE))
    assert hand.asked[0][:2] == ("RPUSH", b"resque:failed")


def test_everything_else_is_asked_of_the_first():
    hand = Hand(7)
    assert hand.run(Multiple([RedisBackend(*PARTS), RedisMultiQueueBackend(*PARTS)]).count()) == 7
    assert hand.asked == [("LLEN", b"resque:failed")]


def test_several_backends_are_never_one_append():
    assert Multiple([RedisBackend(*PARTS)]).entry(FAILURE) is None
    assert RedisBackend(*PARTS).entry(FAILURE).failure_queue == "failed"
    entry = RedisMultiQueueBackend(*PARTS).entry(FAILURE)
    assert (entry.failure_queue, entry.name) == ("low_failed", "low_failed")
