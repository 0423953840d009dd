"""Nothing that stands in Redis stops a worker, and nothing of it is lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from pyresque.errors import ConnectError, DuplicateJobError, RedisUnavailable, SettingsError
from tests.live.bad import PERFORMED, REFUSED
from tests.support.live_worker import burst, reported
from tests.support.redis_server import free_port

if TYPE_CHECKING:
    import redis

EXECUTORS = pytest.mark.parametrize("executor", ["fork", "inline"])


def good(mark: object) -> bytes:
    return json.dumps({"class": "Note", "args": [mark]}).encode()


@EXECUTORS
def test_a_worker_goes_on_past_every_bad_payload_and_records_each_as_it_was_found(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    for name, (raw, _) in REFUSED.items():
        db.rpush("resque:queue:low", raw, good(name))
    burst(redis_url, "low", RESQUE_EXECUTOR=executor)
    assert reported(db) == [["note", name] for name in REFUSED]
    with Resque(redis_url) as resque:
        records = resque.failures.each(order="asc")
        assert {n: r.exception for n, r in zip(REFUSED, records, strict=True)} == {
            name: exception for name, (_, exception) in REFUSED.items()
        }
        assert all(record.readable for record in records)
        resque.failures.requeue_all()
    back = dict(zip(REFUSED, db.lrange("resque:queue:low", 0, -1), strict=True))
    assert back == {name: raw for name, (raw, _) in REFUSED.items()}


@EXECUTORS
def test_unusual_payloads_that_name_a_job_are_performed_as_ruby_performs_them(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    for raw, _ in PERFORMED.values():
        db.rpush("resque:queue:low", raw)
    burst(redis_url, "low", RESQUE_EXECUTOR=executor)
    performed = dict(zip(PERFORMED, (words[1:] for words in reported(db)), strict=True))
    assert performed == {name: args for name, (_, args) in PERFORMED.items()}
    assert db.llen("resque:failed") == 0


@EXECUTORS
def test_a_payload_of_ten_megabytes_is_performed_or_recorded_whole(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    big = "ä" * 5_000_000
    performed = json.dumps({"class": "Length", "args": [big]}, ensure_ascii=False).encode()
    failing = json.dumps({"class": "Nobody", "args": [big]}, ensure_ascii=False).encode()
    broken = b"[" + b"x" * 10_000_000
    db.rpush("resque:queue:low", performed, failing, broken, good("after"))
    burst(redis_url, "low", RESQUE_EXECUTOR=executor)
    assert reported(db) == [["length", 5_000_000], ["note", "after"]]
    with Resque(redis_url) as resque:
        assert resque.failures.requeue_all() == 2
    assert db.lrange("resque:queue:low", 0, -1) == [failing, broken]


@EXECUTORS
def test_an_error_as_long_as_ten_pipes_is_recorded_whole(
    db: redis.Redis, redis_url: str, executor: str
) -> None:
    db.rpush("resque:queue:low", b'{"class":"Pipeful","args":[700000]}')
    burst(redis_url, "low", RESQUE_EXECUTOR=executor)
    with Resque(redis_url) as resque:
        assert resque.failures.all()[0].error == "x" * 700_000


def test_a_job_and_an_error_of_many_megabytes_take_no_longer_than_their_size(
    db: redis.Redis, redis_url: str
) -> None:
    """Read in pieces that were joined one by one they took more than a minute each."""
    length = json.dumps({"class": "Length", "args": ["x" * 30_000_000]})
    db.rpush("resque:queue:low", length, b'{"class":"Pipeful","args":[30000000]}')
    burst(redis_url, "low", VVERBOSE="", LOGFILE="/dev/null")
    assert reported(db) == [["length", 30_000_000]]
    with Resque(redis_url) as resque:
        assert resque.failures.all()[0].error == "x" * 30_000_000


def test_a_queue_that_is_no_list_is_passed_over(db: redis.Redis, redis_url: str) -> None:
    db.sadd("resque:queues", "aaa", "low")
    db.set("resque:queue:aaa", "no list")
    db.rpush("resque:queue:low", good(1))
    log = burst(redis_url, "*")
    assert reported(db) == [["note", 1]]
    assert log.count("'aaa' is no list") == 1
    assert db.get("resque:queue:aaa") == b"no list"


ODD_IDS = ["", "nonsense", "host:1", ":", "::", "host:x:low", "host:1:", "h:1:a:b:c", "\udcff"]


def test_malformed_worker_ids_neither_stop_a_worker_nor_a_reader(
    db: redis.Redis, redis_url: str
) -> None:
    for odd in ODD_IDS:
        raw_id = odd.encode("utf-8", "surrogateescape")
        db.sadd("resque:workers", raw_id)
        db.hset("resque:workers:heartbeat", raw_id, "yesterday")
    db.rpush("resque:queue:low", good(1))
    burst(redis_url, "low")
    assert reported(db) == [["note", 1]]
    with Resque(redis_url) as resque:
        assert [info.id for info in resque.workers()] == sorted(ODD_IDS)
        assert resque.working() == []
        assert resque.info().workers == len(ODD_IDS)
        for odd in ODD_IDS:
            resque.remove_worker(odd)
        assert resque.workers() == []


UNREADABLE_RECORDS = [
    b"{}",
    b"[]",
    b"null",
    b"{bad",
    b"\xff",
    b'"text"',
    b'{"queue":"low","run_at":"2026-03-01T12:00:00Z"}',
    b'{"queue":null,"run_at":null,"payload":null}',
    b'{"queue":7,"run_at":1772366400,"payload":[1]}',
    b'{"queue":"low","run_at":{},"payload":"Note"}',
]


def test_dead_workers_records_of_any_shape_are_cleared_away_into_failed_records(
    db: redis.Redis, redis_url: str
) -> None:
    for pid, record in enumerate(UNREADABLE_RECORDS):
        dead = f"elsewhere:{pid}:low"
        db.sadd("resque:workers", dead)
        db.set(f"resque:worker:{dead}", record)
        db.hset("resque:workers:heartbeat", dead, "2020-03-01T12:00:00+00:00")
    db.rpush("resque:queue:low", good(1))
    burst(redis_url, "low")
    assert reported(db) == [["note", 1]]
    assert db.smembers("resque:workers") == set()
    assert db.keys("resque:worker:*") == []
    with Resque(redis_url) as resque:
        left = list(resque.failures.each(order="asc"))
        assert [one.worker for one in left] == [f"elsewhere:{n}:low" for n in range(10)]
        assert {one.exception for one in left} == {"Resque::PruneDeadWorkerDirtyExit"}


HEARTBEATS = {
    "2020-03-01T12:00:00+00:00": True,
    "2020-03-01 12:00:00 +0000": True,
    "2020/03/01 12:00:00 UTC": True,
    "2020-03-01T12:00:00Z": True,
    "1583064000": True,
    "1583064000.25": True,
    "Sun Mar 01 2020 12:00:00 GMT+0000 (UTC)": True,
    "": False,
    "soon": False,
    "2999-03-01T12:00:00+00:00": False,
    "9" * 40: False,
    "\x00": False,
}


def test_heartbeats_in_any_form_are_judged_or_left_alone(db: redis.Redis, redis_url: str) -> None:
    for pid, heartbeat in enumerate(HEARTBEATS):
        db.sadd("resque:workers", f"elsewhere:{pid}:low")
        db.hset("resque:workers:heartbeat", f"elsewhere:{pid}:low", heartbeat)
    burst(redis_url, "low")
    left = {worker.decode() for worker in db.smembers("resque:workers")}
    alive = [pid for pid, dies in enumerate(HEARTBEATS.values()) if not dies]
    assert left == {f"elsewhere:{pid}:low" for pid in alive}


@pytest.mark.parametrize(
    "record",
    [
        b"{}",
        b"[]",
        b"null",
        b"{bad",
        b"",
        b"\xff\x00",
        b"7",
        b'"text"',
        b'{"payload":[1],"queue":"low"}',
        b'{"payload":"Note","queue":"low"}',
        b'{"payload":{},"queue":7}',
        b'{"payload":{"class":"Note","args":[1]}}',
        b'{"payload":{"class":"Note"},"queue":"low","backtrace":"one\\ntwo","failed_at":5}',
        b'{"payload":null,"queue":null,"backtrace":null,"exception":[],"error":{},"worker":1}',
        b'{"payload":{"class":null,"args":[],"raw_base64":"***"},"queue":"low"}',
        b'{"retried_at":7,"failed_at":{},"queue":"low"}',
    ],
)
@pytest.mark.parametrize("backend", ["redis", "redis_multi_queue"])
def test_a_failed_record_of_any_shape_is_listed_and_can_be_removed(
    db: redis.Redis, redis_url: str, record: bytes, backend: str
) -> None:
    key = "failed" if backend == "redis" else "low_failed"
    queue = None if backend == "redis" else key
    sound = b'{"payload":{"class":"Note","args":[9]},"queue":"low"}'
    db.sadd("resque:failed_queues", "low_failed")
    db.rpush(f"resque:{key}", record, sound)
    with Resque(redis_url, failure_backend=backend) as resque:
        records = resque.failures.each(order="asc", queue=queue)
        assert [one.raw for one in records] == [record, sound]
        for one in records:
            shown = (one.class_name, one.queue, one.exception, one.error, one.worker)
            assert all(text is None or isinstance(text, str) for text in shown)
            assert isinstance(one.backtrace, tuple)
        assert resque.failures.count(queue=queue, class_name="Note") in {1, 2}
        resque.failures.requeue_all()
        assert b'{"class":"Note","args":[9]}' in db.lrange("resque:queue:low", 0, -1)
        resque.failures.clear_retried()
        resque.failures.clear(queue)
        db.rpush(f"resque:{key}", record)
        assert resque.failures.remove(0, queue) == 1
        assert db.llen(f"resque:{key}") == 0


@pytest.mark.parametrize(
    "url",
    ["localhost:6379", "http://localhost", "redis://localhost:port", "redis://h:99999999/0"],
)
def test_a_url_that_is_none_is_a_clear_error_without_its_password(url: str) -> None:
    with pytest.raises(ConnectError) as caught:
        Resque(url).size("low")
    assert "Redis URL" in str(caught.value)


def test_an_empty_url_is_reported_with_the_name_of_its_setting() -> None:
    with pytest.raises(SettingsError, match="url: is empty"):
        Resque("")


def test_a_password_is_never_shown() -> None:
    with pytest.raises(RedisUnavailable) as refused:
        Resque(f"redis://me:secret@127.0.0.1:{free_port()}/0").size("low")
    with pytest.raises(ConnectError) as malformed:
        Resque("http://me:secret@host/0").size("low")
    assert "secret" not in str(refused.value) + str(malformed.value)


def test_a_server_that_refuses_is_named_with_its_address() -> None:
    port = free_port()
    with pytest.raises(RedisUnavailable, match=f"127.0.0.1:{port}"):
        Resque(f"redis://127.0.0.1:{port}/0").size("low")


def test_a_name_registered_twice_is_refused_with_both_places() -> None:
    resque = Resque("redis://localhost")

    @resque.job("Twice")
    def first() -> None:
        """The first."""

    with pytest.raises(DuplicateJobError, match=r"first.*second"):

        @resque.job("Twice")
        def second() -> None:
            """The second."""
