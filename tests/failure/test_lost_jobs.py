from __future__ import annotations

import pytest

from pyresque import Resque
from pyresque.errors import DirtyExit
from pyresque.store.scripts import script
from tests.support.scripted_driver import ScriptedDriver

RECORD = b'{"queue":"low","run_at":"2026-03-01T12:00:00Z","payload":{"class":"X","args":[1]}}'
STRUCK_OUT = [1, 1, 1, 1, 1, 0, 0]


class Elsewhere:
    """A failure backend that is no list, and is away."""

    def entry(self, failure):
        return None

    async def save(self, failure):
        raise ConnectionError("the other place is away")


@pytest.fixture
def resque():
    app = Resque("redis://nowhere.invalid")
    app.job("X", queue="low", on_dirty_exit="requeue", max_redeliveries=2)(lambda _: None)
    return app


def struck_out(resque, *replies):
    hand = ScriptedDriver(*replies)
    error = DirtyExit("Job still being processed")
    assert hand.run(resque.core.lost_jobs.unregister("h:1:low", error)) == tuple(STRUCK_OUT[1:])
    return hand


def test_a_job_goes_back_in_the_script_that_strikes_its_worker_out(resque):
    hand = struck_out(resque, RECORD, b"1", STRUCK_OUT)
    get, count, strike = hand.asked
    assert (get[0], count[0]) == ("GET", "GET")
    assert strike[1] == script("unregister").sha
    assert strike[2] == 11
    assert strike[11:13] == (b"resque:queue:low", b"resque:queues")
    assert strike[13] == count[1]
    assert strike[17:19] == (b'{"class":"X","args":[1]}', b"low")


def test_after_its_last_time_it_fails_and_its_count_goes(resque):
    hand = struck_out(resque, RECORD, b"2", STRUCK_OUT, 1)
    assert [args[0] for args in hand.asked] == ["GET", "GET", "EVALSHA", "DEL"]
    strike = hand.asked[2]
    assert strike[11] == b"resque:failed"
    assert b'"exception":"Resque::DirtyExit"' in strike[16]


def test_where_the_job_changed_meanwhile_everything_is_asked_again(resque):
    hand = struck_out(resque, RECORD, b"1", [0], None, STRUCK_OUT)
    assert [args[0] for args in hand.asked] == ["GET", "GET", "EVALSHA", "GET", "EVALSHA"]


def test_a_record_that_its_backend_cannot_keep_goes_to_the_failed_list(caplog):
    resque = Resque("redis://nowhere.invalid", failures=Elsewhere())
    hand = struck_out(resque, RECORD, STRUCK_OUT, 1)
    push = hand.asked[-1]
    assert push[:2] == ("RPUSH", b"resque:failed")
    assert "the other place is away" in caplog.text
