"""The script that reserves, on a real server: whatever it takes from a queue can be read back from the worker's record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from pyresque import Resque
from pyresque.clock import utc
from pyresque.errors import RedisCommandError
from pyresque.job.job import read_job
from pyresque.job.worker_registry import read_record
from pyresque.process.worker.current_job import CurrentJob
from pyresque.process.worker.queue_list import QueueList
from pyresque.process.worker.redis_retry import RedisRetry
from pyresque.store.reserve import NO_FAILURE, FailureEntry, Reserver
from tests.live.bad import PERFORMED, REFUSED

if TYPE_CHECKING:
    import redis

DEEP = b'{"class":"X","args":' + b"[" * 99 + b"]" * 99 + b"}"
QUIET = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PAYLOADS = st.one_of(
    st.binary(min_size=1),
    st.sampled_from([raw for raw, *_ in (*REFUSED.values(), *PERFORMED.values()) if raw]),
    st.text().map(
        lambda text: b'{"class":"X","args":["' + text.encode("utf-8", "replace") + b'"]}'
    ),
)


@QUIET
@given(PAYLOADS, st.sampled_from(["json", "msgpack"]))
@example(DEEP, "json")
@example(b"\x90\x00", "msgpack")
@example(b"\x80\xc0", "msgpack")
@example(b'{"class":"X","args":["\x01"]}', "json")
@example(b'{"class":"X","args":["a\nb"]}', "json")
@example(b'{\n\t"class":"X",\r\n"args":["1. -.5 v2.x"]}', "json")
@example(b'{"class":"X","args":[1.]}', "json")
@example(b'{"class":"X","args":[-.5]}', "json")
@example(b'{"class":"X","args":[01]}', "json")
@example(b'{"class":"X","args":[+1]}', "json")
@example(b"{" + b"\xff" * 20, "json")
@example(b'{"class":"X","args":[0x10]}', "json")
@example(b'{"class":"X","args":[1e999,-0.0,12345678901234567890]}', "json")
@example(b'{"class":"X","args":["/\\u0000\x7f"]} ', "json")
def test_whatever_is_reserved_can_be_read_back_byte_for_byte(
    db: redis.Redis, redis_url: str, raw: bytes, codec: str
) -> None:
    db.flushall()
    db.rpush("resque:queue:lö", raw)
    with Resque(redis_url, codec=codec) as resque:
        core = resque.core
        forms = core.worker_registry.record_template(("none", "lö"), utc(core.clock))
        reserver = Reserver(core.keys, "h:1:lö")
        reserver.set_queues(("none", "lö"), forms)
        turn = resque.run(reserver.reserve(b""))
        assert (turn.queue, turn.raw) == ("lö", raw)
        assert turn.record == db.get("resque:worker:h:1:lö")
        held = read_record(core.codec, turn.record)
        # Blanks around an object are the one thing that JSON within JSON does not keep.
        assert held.job.raw.strip() == raw.strip()
        assert held.job.queue == "lö"
        assert held.run_at is not None
        assert read_job(core.codec, "lö", raw).payload == held.job.payload
        again = resque.run(reserver.finish(turn.record))
        assert again.finished
        assert db.keys("resque:worker*") == []


@pytest.mark.parametrize("text", ["true", " TRUE \n", "True"])
def test_a_pause_key_that_says_true_lets_nothing_be_taken(
    db: redis.Redis, redis_url: str, text: str
) -> None:
    db.set("resque:pause-all-workers", text)
    db.rpush("resque:queue:low", b"{}")
    with Resque(redis_url) as resque:
        forms = resque.core.worker_registry.record_template(("low",), utc(resque.core.clock))
        reserver = Reserver(resque.core.keys, "h:1:low")
        reserver.set_queues(("low",), forms)
        turn = resque.run(reserver.reserve(b""))
    assert turn.paused
    assert db.llen("resque:queue:low") == 1


def test_only_the_worker_that_still_has_a_job_gives_it_back_or_finishes_it(
    db: redis.Redis, redis_url: str
) -> None:
    with Resque(redis_url) as resque:
        table = resque.core.worker_registry.table
        db.set("resque:worker:h:1:low", b"mine")
        assert resque.run(table.return_unperformed("h:1:low", b"other", "low", b"{}")) is False
        assert resque.run(Reserver(table.keys, "h:1:low").finish(b"other")).finished is False
        assert resque.run(table.return_unperformed("h:1:low", b"mine", "low", b"{}")) is True
    assert db.lrange("resque:queue:low", 0, -1) == [b"{}"]
    assert db.get("resque:stat:processed") is None


def failing(redis_url: str, db: redis.Redis) -> tuple[Resque, Reserver, bytes]:
    """A worker that has a job, and another to take."""
    resque = Resque(redis_url)
    reserver = Reserver(resque.core.keys, "h:1:low")
    reserver.set_queues(
        ("low",), resque.core.worker_registry.record_template(("low",), utc(resque.core.clock))
    )
    db.rpush("resque:queue:low", b'{"class":"X","args":[1]}', b'{"class":"X","args":[2]}')
    return resque, reserver, resque.run(reserver.reserve(b"")).record


def test_a_failure_is_written_although_memory_is_full(db: redis.Redis, redis_url: str) -> None:
    resque, reserver, record = failing(redis_url, db)
    with resque:
        before = db.config_get("maxmemory")["maxmemory"]
        db.config_set("maxmemory", 1)
        try:
            turn = resque.run(reserver.reserve(record, FailureEntry(b"{}")))
            assert (turn.finished, turn.raw) == (True, b'{"class":"X","args":[2]}')
            assert resque.run(reserver.finish(turn.record, FailureEntry(b"{}"))).finished
        finally:
            db.config_set("maxmemory", before)
    assert db.lrange("resque:failed", 0, -1) == [b"{}", b"{}"]
    assert db.mget("resque:stat:processed", "resque:stat:failed") == [b"2", b"2"]


def test_a_failed_list_of_another_type_is_found_out_before_anything_is_written(
    db: redis.Redis, redis_url: str
) -> None:
    resque, reserver, record = failing(redis_url, db)
    db.set("resque:failed", "text")
    with resque, pytest.raises(RedisCommandError, match="WRONGTYPE"):
        resque.run(reserver.reserve(record, FailureEntry(b"{}")))
    assert db.get("resque:worker:h:1:low") == record
    assert db.llen("resque:queue:low") == 1
    assert db.get("resque:stat:processed") is None


@pytest.mark.parametrize("denied", ["rpush", "incr", "sadd"])
@pytest.mark.parametrize("paused", [False, True])
def test_a_failed_record_is_written_first_or_nothing_is_done_where_a_command_is_denied(
    db: redis.Redis, redis_url: str, denied: str, paused: bool
) -> None:
    _, reserver, record = failing(redis_url, db)
    db.execute_command("ACL", "SETUSER", "clerk", "reset", "on", ">pw", "~*", "+@all", f"-{denied}")
    if paused:
        db.set("resque:pause-all-workers", "true")
    try:
        with Resque(redis_url.replace("//", "//clerk:pw@")) as resque:
            take = reserver.reserve(record, FailureEntry(b"{}", name="failed"))
            if denied == "rpush":
                with pytest.raises(RedisCommandError):
                    resque.run(take)
            else:
                assert resque.run(take).finished
    finally:
        db.acl_deluser("clerk")
    done = denied != "rpush"
    assert db.lrange("resque:failed", 0, -1) == [b"{}"] * done
    assert db.llen("resque:queue:low") == (0 if done and not paused else 1)
    assert (db.get("resque:worker:h:1:low") == record) is not done


def test_a_job_is_entered_although_another_type_stands_in_the_workers_own_key(
    db: redis.Redis, redis_url: str
) -> None:
    resque, reserver, _ = failing(redis_url, db)
    db.delete("resque:worker:h:1:low")
    db.hset("resque:worker:h:1:low", "of", "another type")
    with resque:
        turn = resque.run(reserver.reserve(b""))
    assert turn.wrong_keys == ("resque:worker:h:1:low",)
    assert turn.raw == b'{"class":"X","args":[2]}'
    assert db.get("resque:worker:h:1:low") == turn.record


def globbing(redis_url: str, patterns: tuple[str, ...]) -> tuple[Resque, CurrentJob]:
    resque = Resque(redis_url)
    patience = RedisRetry(lambda _seconds: None, lambda: False)
    return resque, CurrentJob(resque.core, "h:1:*", QueueList.parse(patterns), patience)


def test_a_glob_costs_no_further_look_while_the_queues_stay_the_same(
    db: redis.Redis, redis_url: str
) -> None:
    resque, current_job = globbing(redis_url, ("h*", "*"))
    with resque:
        for queue in ("low", "high", "other"):
            resque.enqueue_to(queue, "X", queue)
            resque.enqueue_to(queue, "X", queue)
        assert resque.run(current_job.next_job(NO_FAILURE)).queue == "high"
        db.config_resetstat()
        taken = [resque.run(current_job.next_job(NO_FAILURE)).queue for _ in range(5)]
        asked = db.info("commandstats")
    assert taken == ["high", "low", "low", "other", "other"]
    assert asked["cmdstat_evalsha"]["calls"] == 5
    assert set(asked) - {"cmdstat_config|resetstat"} <= {
        *("cmdstat_evalsha", "cmdstat_get", "cmdstat_getset", "cmdstat_incr", "cmdstat_lpop"),
        *("cmdstat_exists", "cmdstat_smembers", "cmdstat_info"),
    }


def test_a_queue_that_is_new_is_seen_by_the_very_next_turn_in_its_place(
    db: redis.Redis, redis_url: str
) -> None:
    resque, current_job = globbing(redis_url, ("*",))
    with resque:
        resque.enqueue_to("low", "X")
        resque.enqueue_to("low", "X")
        assert resque.run(current_job.next_job(NO_FAILURE)).queue == "low"
        resque.enqueue_to("high", "X")
        assert resque.run(current_job.next_job(NO_FAILURE)).queue == "high"
        assert db.get("resque:stat:processed") == b"1"
        assert resque.run(current_job.next_job(NO_FAILURE)).queue == "low"
        resque.remove_queue("low")
        assert resque.run(current_job.next_job(NO_FAILURE)) is None
    assert db.get("resque:stat:processed") == b"3"
