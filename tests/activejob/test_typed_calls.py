"""What a function or class of ``active_job`` has beside its own, and one that declares a class which only Ruby performs."""

from __future__ import annotations

import inspect
import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from pyresque import (
    AsyncResque,
    AsyncTypedBoundJob,
    AsyncTypedBoundTrackedJob,
    Resque,
    TypedBoundJob,
    TypedBoundTrackedJob,
)
from pyresque.activejob import DiscardOn, Resume, RetryOn
from pyresque.activejob.calls import ActiveJobCall
from pyresque.errors import DuplicateJobError, JobOptionError, NoClassError
from pyresque.testing import assert_enqueued, recorded
from tests.support import ROOT
from tests.support.traced import burst

if TYPE_CHECKING:
    import redis

#: 2100-01-01.
FAR = 4102444800


def fixed(face: Any) -> Any:
    """Let every envelope of a face have the same id and the same time."""
    face.core.active_jobs.new_id = lambda: "0d3a6e0c"
    face.core.active_jobs.now = lambda: datetime(2026, 11, 30, tzinfo=timezone.utc)
    return face


@pytest.fixture
def resque(redis_url):
    with Resque(redis_url, executor="inline") as made:
        yield fixed(made)


def left(db: redis.Redis, queue: str = "python") -> list[bytes]:
    found = db.lrange(f"resque:queue:{queue}", 0, -1)
    db.delete(f"resque:queue:{queue}")
    return found


def delayed(db: redis.Redis) -> list[tuple[bytes, bytes]]:
    return [
        (stamp, raw)
        for stamp in db.zrange("resque:delayed_queue_schedule", 0, -1)
        for raw in db.lrange(f"resque:delayed:{stamp.decode()}", 0, -1)
    ]


def performed(resque: Resque, **options: Any) -> Any:
    """A function that performs the class."""

    @resque.active_job("SyncAccountJob", queue="python", **options)
    def sync(*args: Any, **kwargs: Any) -> None: ...

    return sync


def declared(resque: Resque, **options: Any) -> Any:
    """A function that declares it."""

    @resque.active_job("SyncAccountJob", queue="python", **options).declare
    def sync(account: int, *, force: bool = False) -> None: ...

    return sync


MADE = pytest.mark.parametrize("make", [performed, declared])


@MADE
def test_its_calls_write_the_bytes_that_the_verbs_write(db, resque, make):
    sync = make(resque)
    assert sync.enqueue(7, force=True) is True
    assert resque.enqueue(sync, 7, force=True) is True
    assert resque.enqueue("SyncAccountJob", 7, force=True) is True
    assert resque.active_job("SyncAccountJob").enqueue(7, force=True).job_id == "0d3a6e0c"
    one, *others = left(db)
    assert others == [one] * 3
    assert json.loads(one)["args"][0]["job_class"] == "SyncAccountJob"
    assert sync.options(queue="high").enqueue(7) is resque.enqueue_to("high", sync, 7) is True
    one, other = left(db, "high")
    assert one == other
    assert json.loads(one)["args"][0]["queue_name"] == "high"


@MADE
def test_it_is_enqueued_for_later_as_the_verbs_do_it(db, resque, make):
    sync = make(resque)
    assert sync.enqueue_at(FAR, 7) is resque.enqueue_at(FAR, sync, 7) is True
    assert resque.active_job("SyncAccountJob").set(wait_until=FAR).enqueue(7)
    assert sync.options(queue="high").enqueue_at(FAR, 8) is True
    assert resque.enqueue_at_with_queue("high", FAR, sync, 8) is True
    one, two, three, high, higher = (raw for _, raw in delayed(db))
    assert one == two == three != high == higher
    resque.reset_delayed_queue()
    assert sync.enqueue_in(9e5, 7) is True
    assert resque.remove_delayed(sync, 7) == 1


@MADE
async def test_an_async_face_awaits_them(db, redis_url, resque, make):
    async with AsyncResque(redis_url, jobs=resque) as client:
        fixed(client)
        sync = make(client)
        assert await sync.enqueue(7) is True
        assert await sync.enqueue_at(FAR, 7) is True
        assert sync.via(resque).enqueue(7) is True
        assert resque.enqueue(sync, 7) is True
    one, *others = left(db)
    assert others == [one] * 2
    assert len(delayed(db)) == 1


def decorator(resque: Resque, made: Any) -> Any:
    """What registers a class, or declares it."""
    call = resque.active_job("SyncAccountJob", queue="python").set(priority=10)
    return call if made is performed else call.declare


@MADE
def test_the_priority_of_a_class_is_that_of_each_of_its_jobs_unless_the_job_has_another(
    db, resque, make
):
    """In Rails: ``queue_with_priority``. It was dropped."""

    @decorator(resque, make)
    def sync(account: int) -> None: ...

    by_name = resque.active_job("::SyncAccountJob")
    sync.enqueue(7)
    resque.enqueue(sync, 7)
    by_name.enqueue(7)
    resque.perform_all_later([by_name.new(7), by_name.set(priority=0).new(7)])
    found = [json.loads(raw)["args"][0]["priority"] for raw in left(db)]
    assert found == [10, 10, 10, 10, 0]
    if make is performed:
        resque.active_job_classes.remove("SyncAccountJob")
    make(resque).enqueue(7)  # without one
    assert json.loads(left(db)[0])["args"][0]["priority"] is None


@pytest.mark.parametrize("when", [{"wait": 5}, {"wait": 0}, {"wait_until": FAR}])
def test_a_class_has_no_time(resque, when):
    call = resque.active_job("SyncAccountJob", queue="python").set(**when)
    for decorate in (call, call.declare):
        with pytest.raises(
            JobOptionError, match=r"'SyncAccountJob': set\(wait=.*where you enqueue"
        ):
            decorate(lambda account: None)
    assert resque.active_job_classes.declared("SyncAccountJob") is None
    assert list(resque.active_job_classes) == []


@pytest.mark.parametrize(
    "option",
    [
        {"retry_on": [RetryOn((ValueError,))]},
        {"discard_on": [DiscardOn((ValueError,))]},
        {"bind": True},
        {"resume": Resume()},
        {"timeout": 5},
        {"on_dirty_exit": "requeue"},
        {"hooks": [print]},
    ],
)
def test_what_is_declared_takes_no_option_of_what_is_performed_here(resque, option):
    [name] = option
    with pytest.raises(JobOptionError, match=rf"Ruby performs it: {name} would do nothing; leave"):
        resque.active_job("ReceiptMailJob", **option).declare(lambda number: None)


@MADE
def test_a_face_that_has_no_such_job_says_so(resque, make):
    sync = make(resque)
    with pytest.raises(JobOptionError, match="does not have the job SyncAccountJob"):
        sync.via(Resque())


@MADE
def test_a_tracked_one_gives_a_handle(db, resque, make):
    sync = make(resque, tracked=True)
    handle = sync.enqueue(7)
    assert handle.id == "0d3a6e0c"
    assert handle.status().status == "queued"


def test_one_that_gets_its_job_first_is_enqueued_without_it_and_its_hooks_get_it(db, resque):
    seen = []

    @resque.active_job("BoundJob", queue="python", bind=True)
    def bound(job, account):
        seen.append((job.job_id, account))
        raise ValueError(account)

    @bound.before_enqueue
    def unless_zero(job, account):
        return account != 0

    @bound.on_failure
    def tell(error, job, account):
        seen.append((str(error), job.job_id, account))

    assert bound.enqueue(0) is None
    assert bound.enqueue(7) is True
    burst(resque, "python")
    assert seen == [("0d3a6e0c", 7), ("7", "0d3a6e0c", 7)]


@pytest.mark.parametrize("base", [object, TypedBoundJob, TypedBoundTrackedJob])
def test_a_class_that_gets_its_job_first_is_enqueued_without_it(resque, base):
    seen = []

    @resque.active_job("BoundClassJob", queue="python", bind=True)
    class Bound(base):
        @staticmethod
        def perform(job, account):
            seen.append((job.job_id, job.executions, account))

    assert Bound.enqueue(7) is True
    burst(resque, "python")
    assert seen == [("0d3a6e0c", 1, 7)]


@pytest.mark.parametrize("base", [AsyncTypedBoundJob, AsyncTypedBoundTrackedJob])
async def test_one_of_an_async_face_is_awaited(db, redis_url, base):
    async with AsyncResque(redis_url) as client:

        @client.active_job("BoundClassJob", queue="python", bind=True)
        class Bound(base):
            @staticmethod
            async def perform(job, account): ...

        assert await Bound.enqueue(7) is True
    assert json.loads(left(db)[0])["args"][0]["arguments"] == [7]


def test_a_class_has_them_too_and_a_subclass_that_is_not_registered_says_so(db, resque):
    @resque.active_job("ClassJob", queue="python")
    class Class:
        @staticmethod
        def perform(number: int) -> None: ...

    class Sub(Class): ...

    Class.enqueue(7)  # type: ignore[attr-defined]
    resque.enqueue(Class, 7)
    one, other = left(db)
    assert one == other
    with pytest.raises(NoClassError, match=r"Sub is no active job, though its base .*Class is"):
        Sub.enqueue(7)  # type: ignore[attr-defined]
    resque.active_job("SubJob", queue="python")(Sub)
    Sub.enqueue(7)  # type: ignore[attr-defined]
    assert json.loads(left(db)[0])["args"][0]["job_class"] == "SubJob"


def test_a_declared_class_is_performed_by_ruby_alone(db, resque):
    sync = declared(resque)
    assert list(resque.active_job_classes) == []
    assert not hasattr(sync, "before_enqueue")  # a hook would never run
    assert sync(7) is None
    resque.active_job("SyncAccountJob").enqueue(7)  # its queue is that of the declaration
    assert len(left(db)) == 1
    performed(resque)
    with pytest.raises(DuplicateJobError, match="is registered here"):
        declared(resque)
    with pytest.raises(NoClassError, match="give a function"):
        resque.active_job("OtherJob").declare(7)


def test_a_plain_class_is_declared_by_a_function_too(db, resque):
    @resque.declare("Mail", queue="mails")
    def mail(address: str, *, total: int = 0) -> None: ...

    assert mail.enqueue("a@b") is resque.enqueue(mail, "a@b") is resque.enqueue("Mail", "a@b")
    assert left(db, "mails") == [b'{"class":"Mail","args":["a@b"]}'] * 3
    assert mail.options(queue="low").enqueue("a@b", total=3) is True
    assert left(db, "low") == [b'{"class":"Mail","args":["a@b",{"total":3}]}']
    assert mail.enqueue_at(FAR, "a@b") is True
    assert resque.remove_delayed(mail, "a@b") == 1
    assert not hasattr(mail, "on_failure")
    with pytest.raises(JobOptionError, match="does not have the job Mail"):
        mail.via(Resque())
    with pytest.raises(NoClassError, match="give a function"):
        resque.declare("Mail", queue="mails")("mail")


def test_tests_of_an_application_know_a_declared_job_by_its_function():
    with recorded():
        resque = Resque()
        sync = declared(resque)
        sync.enqueue(7, force=True)
        assert_enqueued(sync, 7, force=True)
        with pytest.raises(AssertionError):
            assert_enqueued(sync, 8)


def test_the_options_of_active_job_are_those_that_checkers_know():
    text = (ROOT / "pyresque" / "active_job_verb.py").read_text(encoding="utf-8")
    options = text[text.index("class ActiveJobOptions") : text.index("class ActiveJobVerb")]
    known = [line.split(":")[0].strip() for line in options.splitlines()[2:] if ": " in line]
    taken = list(inspect.signature(Resque.active_job).parameters)[2:]
    assert sorted([*known, "bind", "resume", "tracked"]) == sorted(taken)
    assert callable(ActiveJobCall.declare)  # type: ignore[attr-defined]
