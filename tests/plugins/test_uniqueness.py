"""Unique active jobs: by every verb, on other servers, and with input that makes no sense."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime, timezone

import pytest
import redis

from pyresque import AsyncResque, Resque
from pyresque.activejob import Resume, RetryOn
from pyresque.errors import (
    DeserializationError,
    DirtyExit,
    JobNotUnique,
    JobOptionError,
    RedisUnavailable,
)
from pyresque.job.perform import perform
from pyresque.plugins import Lock, Uniqueness

KEY = "activejob_uniqueness:tidy_job:35dba5d75538a9bbe0b4da4422759a0e"  # of [1]
QUEUE = "resque:queue:work"
STRATEGIES = [
    "until_executing",
    "until_executed",
    "until_expired",
    "until_and_while_executing",
    "while_executing",
]
AT_ENQUEUE = STRATEGIES[:4]


@pytest.fixture
def resque(redis_url, db):
    with Resque(redis_url, executor="inline") as made:
        yield made


def tidy(resque, unique="until_executed", work=lambda *args, **kwargs: None, **options):
    job = resque.active_job("TidyJob", queue="work", unique=unique, **options)
    job(work)
    return job


def work(resque):
    return resque.run(perform(resque.core.registry, resque.reserve("work")))


def locks(db):
    return sorted(key.decode() for key in db.keys("*") if not key.startswith(b"resque:"))


# -- every verb


@pytest.mark.parametrize(
    "enqueue",
    [
        lambda r: r.active_job("TidyJob", queue="work").enqueue(1),
        lambda r: r.active_job("TidyJob", queue="work").set(wait=60).enqueue(1),
        lambda r: r.enqueue("TidyJob", 1),
        lambda r: r.enqueue_to("work", "TidyJob", 1),
        lambda r: r.enqueue_in(60, "TidyJob", 1),
        lambda r: r.enqueue_many([("TidyJob", 1)]),
        lambda r: r.enqueue_many_at([(4e9, "TidyJob", 1)]),
        lambda r: r.delay_or_enqueue_at(4e9, "TidyJob", 1),
        lambda r: r.enqueue_from_config({"class": "TidyJob", "args": [1]}),
        lambda r: r.perform_all_later([r.active_job("TidyJob").new(1)]),
    ],
    ids=[
        *("active", "wait", "enqueue", "enqueue_to", "enqueue_in", "many", "many_at", "delay_or"),
        *("config", "all_later"),
    ],
)
def test_every_verb_takes_the_lock_and_is_refused_by_it(resque, db, enqueue):
    tidy(resque)
    enqueue(resque)
    assert locks(db) == [KEY]
    assert 0 < db.ttl(KEY) <= 86400
    with pytest.raises(
        JobNotUnique, match=r"^Not unique TidyJob \(Job ID: .*\) \(Lock key: .*\) \[1\]$"
    ):
        resque.active_job("TidyJob", queue="work").enqueue(1)


@pytest.mark.parametrize(
    "enqueue",
    [
        lambda r: r.active_job("TidyJob", queue="work").enqueue(1),
        lambda r: r.enqueue("TidyJob", 1),
        lambda r: r.enqueue_in(60, "TidyJob", 1),
        lambda r: r.enqueue_many([("TidyJob", 1)]),
        lambda r: r.enqueue_from_config({"class": "TidyJob", "args": [1]}),
    ],
    ids=["active", "enqueue", "enqueue_in", "many", "config"],
)
def test_a_middleware_that_refuses_the_job_leaves_no_lock(resque, db, enqueue):
    tidy(resque)

    @resque.enqueue_middleware
    def refuse(call_next, job):
        """Nothing is enqueued."""

    enqueue(resque)
    assert db.keys("*") == []


def test_a_queue_of_a_wrong_type_leaves_no_lock(resque, db):
    job = tidy(resque)
    db.set(QUEUE, "x")
    for enqueue in (job.enqueue, lambda n: resque.enqueue("TidyJob", n)):
        with pytest.raises(Exception, match="WRONGTYPE"):
            enqueue(1)
        assert locks(db) == []


def test_create_runs_no_hooks_and_so_takes_no_lock(resque, db):
    tidy(resque)
    resque.create("work", "TidyJob", 1)
    resque.create("work", "TidyJob", 1)
    assert db.llen(QUEUE) == 2
    assert locks(db) == []


def test_a_delayed_copy_that_is_moved_keeps_its_lock(resque, db):
    tidy(resque)
    resque.enqueue_at(4_000_000_000, "TidyJob", 1)
    assert resque.delay_or_enqueue_at(4_000_000_100, "TidyJob", 1) == 1
    assert locks(db) == [KEY]
    assert db.llen("resque:delayed:4000000100") == 1


def test_a_class_that_rails_alone_performs_is_unique_here(resque, db):
    job = resque.active_job("TidyJob", queue="work", unique="until_executed")
    job.enqueue(1)
    with pytest.raises(JobNotUnique):
        job.enqueue(1)
    resque.remove_queue("work")
    assert db.keys("*") == []


@pytest.mark.parametrize("remove", ["dequeue", "destroy", "queue"])
def test_a_job_that_is_removed_leaves_no_lock(resque, db, remove):
    job = tidy(resque)
    job.enqueue(1)
    job.enqueue(2)
    if remove == "queue":
        resque.remove_queue("work")
        assert db.keys("*") == []
        return
    removed = (
        resque.dequeue("TidyJob", 1)
        if remove == "dequeue"
        else resque.destroy("work", "TidyJob", 1)
    )
    assert removed == 1
    assert len(locks(db)) == 1
    assert job.enqueue(1) is not None


def test_an_awaiting_client_takes_the_same_locks(redis_url, resque, db):
    tidy(resque)

    async def story():
        async with AsyncResque(redis_url, jobs=resque) as client:
            job = client.active_job("TidyJob", queue="work")
            assert await job.enqueue(1) is not None
            with pytest.raises(JobNotUnique):
                await job.enqueue(1)
            await client.unlock_active_jobs("TidyJob", 1)
            assert await job.enqueue(1) is not None

    asyncio.run(story())
    with pytest.raises(JobNotUnique):
        resque.enqueue("TidyJob", 1)


def test_locks_are_released_by_hand(resque, db):
    job, other = tidy(resque), resque.active_job("OtherJob", queue="work", unique="until_expired")
    for made in (job, other):
        made.enqueue(1)
        made.enqueue()
    assert len(locks(db)) == 4
    resque.unlock_active_jobs("TidyJob", 1)
    assert KEY not in locks(db)
    resque.unlock_active_jobs("TidyJob")
    assert len(locks(db)) == 2
    resque.unlock_active_jobs("NeverSeenJob")
    assert len(locks(db)) == 2
    resque.unlock_active_jobs()
    assert locks(db) == []


def test_a_lock_whose_key_is_made_by_a_function_is_released_by_hand(resque, db):
    unique = Uniqueness("until_executed", lock_key=lambda number: f"tidy*{number}")
    tidy(resque, unique).enqueue(7)
    db.set("tidy-and-7", "another's")
    resque.unlock_active_jobs("TidyJob", 7)
    assert locks(db) == ["tidy-and-7"]


# -- ends of a job


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_end_of_a_job_leaves_what_the_strategy_says(resque, db, strategy):
    def end(number):
        raise ValueError(number)

    job = tidy(resque, strategy, end)
    left = [KEY] if strategy == "until_expired" else []
    job.enqueue(1)
    with pytest.raises(ValueError, match="1"):
        work(resque)
    assert locks(db) == left


def test_arguments_that_cannot_be_read_leave_no_lock(resque, db):
    for strategy in ("until_executing", "until_executed", "until_and_while_executing"):
        tidy(resque, strategy)
        arguments = [{"_aj_serialized": "NoSuchSerializer"}]
        payload = {
            "class": "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper",
            "args": [{"job_class": "TidyJob", "arguments": arguments}],
        }
        key = Uniqueness(strategy).key("TidyJob", arguments)
        db.set(key, "rails", ex=60)
        db.rpush(QUEUE, json.dumps(payload))
        with pytest.raises(DeserializationError):
            work(resque)
        assert locks(db) == []


def test_a_retry_that_finds_an_equal_job_enqueued_is_dropped_or_fails(resque, db):
    def enqueues_itself(number):
        resque.active_job("TidyJob", queue="work").enqueue(number)
        raise ValueError(number)

    for action, error in (("log", None), ("raise", JobNotUnique)):
        db.flushdb()
        unique = Uniqueness("until_executing", on_conflict=action)
        job = tidy(resque, unique, enqueues_itself, retry_on=[RetryOn((ValueError,), wait=60)])
        job.enqueue(1)
        if error is None:
            assert work(resque) is False
        else:
            with pytest.raises(error):
                work(resque)
        assert db.keys("resque:delayed:*") == []
        assert db.llen(QUEUE) == 1
        assert locks(db) == [KEY]


def test_a_job_in_steps_keeps_its_lock_between_its_runs(resque, db):
    def steps(job, number):
        for step in job.step("one"):
            del step
        raise ValueError(number)

    job = tidy(resque, "until_executed", steps, resume=Resume(most=1, wait=60))
    job.enqueue(1)
    assert work(resque) is False
    assert locks(db) == [KEY]
    (delayed,) = db.keys("resque:delayed:*")
    resque.move_due(int(delayed.rpartition(b":")[2]))
    with pytest.raises(ValueError, match="1"):
        work(resque)
    assert locks(db) == []


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_redelivered_job_has_its_locks_again(resque, db, strategy):
    tidy(resque, strategy, on_dirty_exit="requeue").enqueue(1)
    job = resque.reserve("work")
    unique = resque.active_job_classes.unique["TidyJob"]
    if unique.strategy.before:
        db.delete(KEY)
    if unique.strategy.runtime:
        db.set(unique.runtime_key("TidyJob", [1]), "died", ex=60)
    record = b'{"queue":"work","run_at":"2026-03-01T12:00:00Z","payload":{}}'
    resque.run(resque.core.lost_jobs.returned(job, record))
    assert locks(db) == ([] if strategy == "while_executing" else [KEY])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_lost_job_leaves_no_lock(resque, db, strategy):
    tidy(resque, strategy).enqueue(1)
    job = resque.reserve("work")
    unique = resque.active_job_classes.unique["TidyJob"]
    if unique.strategy.before:
        db.delete(KEY)
    if unique.strategy.runtime:
        db.set(unique.runtime_key("TidyJob", [1]), "died", ex=60)
    resque.run(resque.core.lost_jobs.run_hooks(job, DirtyExit("killed")))
    assert locks(db) == ([KEY] if strategy == "until_expired" else [])


@pytest.mark.parametrize("strategy", ["until_executing", "until_and_while_executing"])
@pytest.mark.parametrize(("taken", "left"), [(120, False), (61, False), (30, True)])
def test_a_job_that_dies_before_its_lock_went_leaves_none_and_frees_no_other(
    resque, db, strategy, taken, left
):
    """The job began a minute ago; its lock was taken before that, an equal job's afterwards."""
    tidy(resque, strategy).enqueue(1)
    job = resque.reserve("work")
    db.pexpire(KEY, 86_400_000 - taken * 1000)
    began = datetime.fromtimestamp(int(time.time()) - 60, timezone.utc)
    record = b'{"queue":"work","run_at":"%s","payload":{}}' % f"{began:%FT%TZ}".encode()
    resque.run(resque.core.lost_jobs.run_hooks(job, DirtyExit("killed"), record))
    assert locks(db) == ([KEY] if left else [])


# -- other servers


@pytest.fixture
def second(redis_url):
    url = redis_url.rpartition("/")[0] + "/1"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url, client
        client.flushdb()


NOWHERE = "redis://127.0.0.1:1/0"


def test_locks_on_another_server_do_not_touch_this_one(resque, db, second):
    url, client = second
    job = tidy(resque, Uniqueness("until_and_while_executing", redlock_servers=[url]))
    job.enqueue(1)
    assert locks(db) == []
    assert client.keys("*") == [KEY.encode()]
    with pytest.raises(JobNotUnique):
        job.enqueue(1)
    assert work(resque) is True
    assert client.keys("*") == []
    job.enqueue(1)
    resque.unlock_active_jobs()
    assert client.keys("*") == []


def test_an_awaiting_client_reaches_another_server(redis_url, db, second):
    url, client = second

    async def story():
        async with AsyncResque(redis_url) as face:
            unique = Uniqueness("until_executed", redlock_servers=[url])
            job = face.active_job("TidyJob", queue="work", unique=unique)
            assert await job.enqueue(1) is not None
            with pytest.raises(JobNotUnique):
                await job.enqueue(1)
            await face.unlock_active_jobs("TidyJob")

    asyncio.run(story())
    assert client.keys("*") == []
    assert locks(db) == []


def test_most_of_several_servers_must_have_the_lock(redis_url, resque, db, second):
    url, client = second
    job = tidy(resque, Uniqueness("until_executed", redlock_servers=[redis_url, NOWHERE, url]))
    job.enqueue(1)
    assert [locks(db), client.keys("*")] == [[KEY], [KEY.encode()]]
    assert db.get(KEY) == client.get(KEY)
    db.delete(KEY)
    with pytest.raises(JobNotUnique):
        job.enqueue(1)
    assert locks(db) == []  # what was taken on one of them is given back
    assert client.exists(KEY)


def test_an_enqueue_without_most_of_the_servers_raises_and_enqueues_nothing(resque, db, redis_url):
    job = tidy(resque, Uniqueness("until_executed", redlock_servers=[redis_url, NOWHERE, NOWHERE]))
    with pytest.raises(RedisUnavailable):
        job.enqueue(1)
    assert db.keys("*") == []


def test_a_job_whose_lock_cannot_be_deleted_has_ended_well(resque, db, caplog):
    done = []

    def note(number):
        done.append(number)

    job = tidy(resque, "until_executed", note)
    job.enqueue(1)
    tidy(resque, Uniqueness("until_executed", redlock_servers=[NOWHERE]), note)
    assert work(resque) is True
    assert done == [1]
    assert "stays until it expires" in caplog.text


# -- keys


def test_html_is_escaped_in_the_digest_unless_rails_does_not():
    (escaped, plain) = (
        Uniqueness("until_executed", escape_html=on).key("TidyJob", ["<b>&"])
        for on in (True, False)
    )
    assert plain == "activejob_uniqueness:tidy_job:19eb4a8faf05d113a76901fb41d90fa9"
    assert escaped != plain


def test_prefix_digest_and_name_of_a_key():
    unique = Uniqueness(
        "until_executed", lock_prefix="shop", digest_method=lambda data: data.decode()
    )
    assert unique.key("Mailing::DailyHTMLJob", [1, "a"]) == 'shop:mailing/daily_html_job:[1,"a"]'
    assert unique.key("A1Job", [None, False]) == "shop:a1_job:no_arguments"
    assert unique.key("ABTestJob2", []) == "shop:ab_test_job2:no_arguments"


@pytest.mark.parametrize("arguments", [None, "text", 7, {"a": 1}])
def test_arguments_that_are_no_list_are_none(arguments):
    assert Uniqueness("until_executed").key("TidyJob", arguments).endswith(":no_arguments")


# -- bad input


@pytest.mark.parametrize(
    ("unique", "wanted"),
    [
        ("until_done", "no such strategy"),
        (3, "give the name of a strategy"),
        (Lock(), "give the name of a strategy"),
        (lambda: None, "give the name of a strategy"),
    ],
)
def test_what_is_no_strategy_is_refused(resque, unique, wanted):
    with pytest.raises(JobOptionError, match=wanted):
        resque.active_job("TidyJob", unique=unique)
    assert resque.core.registry.with_plugins == {}


@pytest.mark.parametrize(
    "options",
    [
        {"lock_ttl": 0},
        {"lock_ttl": "1 day"},
        {"runtime_lock_ttl": -1},
        {"on_conflict": "die"},
        {"on_conflict": []},
        {"on_runtime_conflict": 3},
        {"lock_prefix": ""},
        {"lock_key": "text"},
        {"lock_key_arguments": 1},
        {"digest_method": "sha1"},
        {"redlock_servers": "redis://localhost"},
        {"redlock_servers": ["localhost:6379"]},
        {"redlock_servers": [3]},
    ],
)
def test_an_option_that_makes_no_sense_is_refused_by_name(options):
    (name,) = options
    with pytest.raises(JobOptionError, match=name):
        Uniqueness("until_executed", **options)


def test_a_password_in_the_url_of_a_server_is_not_shown():
    with pytest.raises(JobOptionError) as caught:
        Uniqueness("until_executed", redlock_servers=["http://:secret@host"])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["lock_key", "lock_key_arguments", "digest_method"])
@pytest.mark.parametrize("made", ["raises", None, True])
def test_a_key_function_that_makes_no_key_lets_nothing_be_enqueued(resque, db, name, made):
    def key(*args):
        if made == "raises":
            raise ZeroDivisionError("no key")
        return made

    job = tidy(resque, Uniqueness("until_executed", **{name: key}))
    with pytest.raises(JobOptionError, match=f"the function {name}= (raised|returned)"):
        job.enqueue(1)
    assert db.keys("*") == []


def test_a_key_function_that_raises_in_the_worker_fails_the_job_and_no_more(resque, db):
    tidy(resque).enqueue(1)
    unique = Uniqueness("until_executed", lock_key=lambda number: 1 / 0)
    tidy(resque, unique)
    with pytest.raises(JobOptionError, match="lock_key= raised ZeroDivisionError"):
        work(resque)


@pytest.mark.parametrize("kind", ["list", "hash", "set"])
def test_a_lock_of_a_wrong_type_is_written_anew(resque, db, kind):
    {
        "list": lambda: db.rpush(KEY, "x"),
        "hash": lambda: db.hset(KEY, "x", "y"),
        "set": lambda: db.sadd(KEY, "x"),
    }[kind]()
    job = tidy(resque)
    assert job.enqueue(1) is not None
    assert db.type(KEY) == b"string"
    assert work(resque) is True
    assert locks(db) == []


@pytest.mark.parametrize(
    "args",
    [
        *([], [1], ["x"], [{}], [{"job_class": 3}], [{"job_class": "TidyJob", "arguments": "x"}]),
        [{"job_class": "TidyJob"}, 2],
    ],
)
def test_payloads_that_are_no_active_jobs_harm_no_moment(resque, db, args):
    tidy(resque)
    payload = {"class": "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper", "args": args}
    db.rpush(QUEUE, json.dumps(payload), json.dumps(payload))
    job = resque.reserve("work")
    resque.run(resque.core.lost_jobs.run_hooks(job, DirtyExit("killed")))
    resque.run(resque.core.lost_jobs.returned(job))
    resque.remove_queue("work")
    assert db.keys("*") == []


def test_other_active_jobs_send_no_command_more(resque, db):
    from pyresque.ops import Batch, Command, rewrite

    def trips(operation):
        made = []

        def counted(request):
            if isinstance(request, (Command, Batch)):
                made.append(request)
            return request

        async def carried():
            await rewrite(operation, counted)

        resque.run(carried())
        return len(made)

    tidy(resque)
    plain = resque.active_job("PlainJob", queue="work")
    plain(lambda number: None)
    enqueue = resque.core.enqueue_active_job
    assert trips(enqueue(plain.new(1))) == 1
    assert trips(perform(resque.core.registry, resque.reserve("work"))) == 0
    resque.active_job("TidyJob", queue="work").enqueue(0)  # the server knows the script then
    assert work(resque) is True
    assert trips(enqueue(resque.active_job("TidyJob", queue="work").new(1))) == 2
    assert trips(perform(resque.core.registry, resque.reserve("work"))) == 1
