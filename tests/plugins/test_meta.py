"""Data about a job: what is left of them at each end, and input that makes no sense."""

from __future__ import annotations

import asyncio
import json

import pytest

from pyresque import AsyncResque, Resque
from pyresque.errors import DontPerform, JobOptionError, NotEncodable
from pyresque.job.perform import perform
from pyresque.plugins import Meta


@pytest.fixture
def resque(redis_url, db):
    with Resque(redis_url, executor="inline") as made:
        yield made


def noted(resque, meta=None, work=lambda *args: None, **hooks):
    meta = meta or Meta(meta_id=lambda *args: "id")
    members = {name: staticmethod(one) for name, one in {"perform": work, **hooks}.items()}
    resque.job("NotedJob", queue="low", plugins=[meta])(type("NotedJob", (), members))
    return meta


def work(resque):
    return resque.run(perform(resque.core.registry, resque.reserve("low")))


def data(db, meta_id="id"):
    return json.loads(db.get(f"resque:meta:{meta_id}"))


def test_ids_are_forty_random_digits_and_come_first(resque, db):
    meta = noted(resque, Meta())
    ids = {resque.run(meta.enqueue(resque, "NotedJob", 1, "a")) for _ in range(2)}
    payloads = [json.loads(raw)["args"] for raw in db.lrange("resque:queue:low", 0, -1)]
    assert {tuple(args) for args in payloads} == {(one, 1, "a") for one in ids}
    assert {len(one) for one in ids} == {40}
    assert len(ids) == 2


def test_an_enqueue_without_the_plugin_writes_no_data_as_in_ruby(resque, db):
    noted(resque)
    resque.enqueue("NotedJob", "x")
    assert work(resque) is True
    assert db.keys("resque:meta:*") == []


def test_an_awaiting_client_reads_and_writes_them(redis_url, resque, db):
    meta = noted(resque)

    async def story():
        async with AsyncResque(redis_url, jobs=resque) as client:
            assert await client.run(meta.enqueue(client, "NotedJob", 1)) == "id"
            assert await client.run(meta.update(client, "NotedJob", "id", rows=3)) is True
            return await client.run(meta.get(client, "NotedJob", "id"))

    found = asyncio.run(story())
    assert found["rows"] == 3
    assert found == data(db)


def test_data_of_another_class_are_not_found(resque, db):
    meta = noted(resque)
    resque.run(meta.enqueue(resque, "NotedJob", 1))
    assert resque.run(meta.get(resque, "OtherJob", "id")) is None
    assert resque.run(meta.update(resque, "OtherJob", "id", rows=3)) is False
    assert "rows" not in data(db)


def test_a_refused_enqueue_leaves_no_data(resque, db):
    meta = noted(resque, before_enqueue_no=lambda *args: False)
    assert resque.run(meta.enqueue(resque, "NotedJob", 1)) is None
    assert db.keys("*") == []


def test_an_enqueue_that_raises_leaves_no_data(resque, db):
    meta = noted(resque)
    with pytest.raises(NotEncodable):
        resque.run(meta.enqueue(resque, "NotedJob", object()))
    assert db.keys("*") == []


def test_a_job_that_is_left_undone_has_an_end(resque, db):
    def dont(*args):
        raise DontPerform

    meta = noted(resque, before_perform_zz=dont)
    resque.run(meta.enqueue(resque, "NotedJob", 1))
    assert work(resque) is False
    assert data(db)["succeeded"] is False
    assert db.ttl("resque:meta:id") > 86_000


def test_a_job_may_say_itself_that_it_did_not_succeed(resque, db):
    meta = Meta(meta_id=lambda *args: "id")
    noted(
        resque,
        meta,
        lambda given, n: resque.run(meta.update(resque, "NotedJob", given, succeeded=False)),
    )
    resque.run(meta.enqueue(resque, "NotedJob", 1))
    assert work(resque) is True
    assert data(db)["succeeded"] is False


@pytest.mark.parametrize("remove", ["dequeue", "queue"])
def test_a_job_that_is_removed_leaves_no_data(resque, db, remove):
    meta = noted(resque)
    resque.run(meta.enqueue(resque, "NotedJob", 1))
    removed = (
        resque.remove_queue("low") if remove == "queue" else resque.dequeue("NotedJob", "id", 1)
    )
    assert removed
    assert db.keys("resque:meta:*") == []


@pytest.mark.parametrize("expire", [0, None])
def test_data_without_an_expiry_stay(resque, db, expire):
    meta = noted(resque, Meta(meta_id=lambda *args: "id", expire_meta_in=expire))
    resque.run(meta.enqueue(resque, "NotedJob", 1))
    assert work(resque) is True
    assert db.ttl("resque:meta:id") == -1


def test_a_job_whose_data_are_overdue_succeeds(resque, db):
    """Data that were written before the option was set may be older than it allows."""
    meta = noted(resque, Meta(meta_id=lambda *args: "id", before_finish_expire_in=60))
    resque.run(meta.enqueue(resque, "NotedJob", 1))
    old = {**data(db), "enqueued_at": "2020-01-01T00:00:00.000000Z"}
    db.set("resque:meta:id", json.dumps(old))
    assert work(resque) is True
    assert db.keys("resque:meta:*") == []


@pytest.mark.parametrize(
    "put",
    [
        lambda db, key: db.set(key, "no json"),
        lambda db, key: db.set(key, b"\xff\x00"),
        lambda db, key: db.set(key, "[1]"),
        lambda db, key: db.set(key, "null"),
        lambda db, key: db.set(key, '{"job_class":"NotedJob"}'),
        lambda db, key: db.set(key, '{"job_class":"NotedJob","enqueued_at":{},"finished_at":7}'),
        lambda db, key: db.set(key, '{"job_class":"NotedJob","meta_id":"other"}'),
        lambda db, key: db.rpush(key, "x"),
        lambda db, key: db.hset(key, "x", "y"),
    ],
)
def test_data_that_make_no_sense_do_not_fail_the_job(resque, db, put):
    meta = noted(resque, Meta(meta_id=lambda *args: "id", before_finish_expire_in=600))
    resque.run(meta.enqueue(resque, "NotedJob", 1))
    db.delete("resque:meta:id")
    put(db, "resque:meta:id")
    assert work(resque) is True
    assert not db.exists("resque:meta:other")


@pytest.mark.parametrize("args", [[], [7], [None], [{"id": 1}], [["id"]], [""]])
def test_a_first_argument_that_is_no_id_fails_no_job(resque, db, args):
    noted(resque)
    db.rpush("resque:queue:low", json.dumps({"class": "NotedJob", "args": args}))
    assert work(resque) is True


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"meta_id": "id"}, "meta_id"),
        ({"expire_meta_in": "day"}, "expire_meta_in"),
        ({"before_finish_expire_in": []}, "before_finish_expire_in"),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(options, wanted):
    with pytest.raises(JobOptionError, match=wanted):
        Meta(**options)


@pytest.mark.parametrize("made", ["raises", None, True, ["id"]])
def test_an_id_function_that_makes_none_lets_nothing_be_enqueued(resque, db, made):
    def meta_id(*args):
        if made == "raises":
            raise ZeroDivisionError
        return made

    meta = noted(resque, Meta(meta_id=meta_id))
    with pytest.raises(JobOptionError, match=r"meta_id= (raised|returned)"):
        resque.run(meta.enqueue(resque, "NotedJob", 1))
    assert db.keys("*") == []
