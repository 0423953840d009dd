"""What a registered job has: ``enqueue`` and the like, by either face; and what stays as it was."""

from __future__ import annotations

import copy
import functools
import inspect
import pickle
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from pyresque import (
    AsyncHandle,
    AsyncResque,
    AsyncTypedJob,
    AsyncTypedTrackedJob,
    Handle,
    Resque,
    TypedJob,
    TypedTrackedJob,
)
from pyresque.errors import JobArgumentError, JobOptionError, NoQueueError, TimestampError
from pyresque.job import calls
from pyresque.job.calls import CALLS, JobCalls
from pyresque.job.hooks import PREFIXES

#: 2100-01-01.
FAR = 4102444800


@pytest.fixture
def resque(redis_url):
    with Resque(redis_url) as made:
        yield made


def left(db, queue: str = "low") -> list[bytes]:
    return db.lrange(f"resque:queue:{queue}", 0, -1)


def archive(repo_id: int, branch: str = "master") -> str:
    """Archive a repository."""
    return f"{repo_id} {branch}"


def delayed(db) -> list[bytes]:
    return [
        raw
        for stamp in db.zrange("resque:delayed_queue_schedule", 0, -1)
        for raw in db.lrange(f"resque:delayed:{stamp.decode()}", 0, -1)
    ]


def test_a_registered_function_is_the_very_function(resque):
    registered = resque.job(queue="low")(archive)
    assert registered is archive
    assert registered(3, "x") == "3 x"
    assert pickle.loads(pickle.dumps(archive)) is archive
    assert str(inspect.signature(archive)) == "(repo_id: 'int', branch: 'str' = 'master') -> 'str'"
    assert inspect.getdoc(archive) == "Archive a repository."


def test_what_a_job_enqueues_is_what_the_verbs_enqueue(resque, db):
    resque.job("Archive", queue="low")(archive)
    assert archive.enqueue(44, branch="x") is True
    assert resque.enqueue(archive, 44, branch="x") is True
    assert archive.options(queue="high").enqueue(44) is True
    assert archive.options(queue="high").options(queue=None).enqueue(45) is True
    assert left(db) == [b'{"class":"Archive","args":[44,"x"]}'] * 2 + [
        b'{"class":"Archive","args":[45]}'
    ]
    assert left(db, "high") == [b'{"class":"Archive","args":[44]}']


def test_a_job_is_enqueued_for_later_as_the_verbs_do_it(resque, db):
    resque.job("Archive", queue="low")(archive)
    when = datetime.fromtimestamp(FAR, timezone.utc)
    assert archive.enqueue_at(when, 1) is resque.enqueue_at(when, archive, 1) is True
    assert archive.options(queue="high").enqueue_at(FAR, 2, branch="x") is True
    assert delayed(db) == [b'{"class":"Archive","args":[1],"queue":"low"}'] * 2 + [
        b'{"class":"Archive","args":[2,"x"],"queue":"high"}'
    ]
    resque.reset_delayed_queue()
    assert archive.enqueue_in(timedelta(days=9), 3) is True
    assert archive.options(queue="high").enqueue_in(9e5, 4) is True
    assert delayed(db) == [
        b'{"class":"Archive","args":[3],"queue":"low"}',
        b'{"class":"Archive","args":[4],"queue":"high"}',
    ]
    with pytest.raises(TimestampError):
        archive.enqueue_in("soon", 1)


def test_parameters_may_be_named_like_those_of_the_verbs(resque, db):
    @resque.job("Own", queue="low")
    def own(queue: str, wait: int, delay: int = 0, when: str = "", job: str = "") -> None: ...

    own.enqueue(queue="a", wait=3, job="x")
    own.enqueue_in(9e5, queue="b", wait=4)
    own.options(queue="high").enqueue_at(FAR, queue="c", wait=5, when="then")
    assert left(db) == [b'{"class":"Own","args":["a",3,0,"","x"]}']
    assert delayed(db) == [
        b'{"class":"Own","args":["b",4],"queue":"low"}',
        b'{"class":"Own","args":["c",5,0,"then"],"queue":"high"}',
    ]


def test_parameters_of_every_kind_travel_as_ever(resque, db):
    @resque.job("Kinds", queue="low", kwargs=True)
    def kinds(first, /, second=2, *others, named=None, **more): ...

    @resque.job("Rest", queue="low")
    def rest(*args): ...

    kinds.enqueue(1, 2, 3, named=4, more=5)
    rest.enqueue(1, two=2)
    assert left(db) == [
        b'{"class":"Kinds","args":[1,2,3,{"named":4,"more":5}]}',
        b'{"class":"Rest","args":[1,{"two":2}]}',
    ]


def test_an_unknown_keyword_is_refused_as_the_verbs_refuse_it(resque):
    resque.job(queue="low")(archive)
    with pytest.raises(JobArgumentError, match="takes no keyword brunch"):
        archive.enqueue(44, brunch="x")


async def test_a_job_of_an_async_face_is_awaited(redis_url, db):
    async with AsyncResque(redis_url) as client:

        @client.job("Mail", queue="low")
        async def mail(address: str) -> None: ...

        assert await mail.enqueue("a@b") is True
        assert await mail.options(queue="high").enqueue("c@d") is True
        assert await mail.enqueue_at(FAR, "e@f") is True
        assert await mail.enqueue_in(9e5, address="g@h") is True
        with Resque(redis_url, jobs=client) as resque:
            assert mail.via(resque).enqueue("i@j") is True
    assert left(db) == [
        b'{"class":"Mail","args":["a@b"]}',
        b'{"class":"Mail","args":["i@j"]}',
    ]
    assert left(db, "high") == [b'{"class":"Mail","args":["c@d"]}']
    assert len(delayed(db)) == 2


async def test_a_job_goes_by_another_face_that_has_the_same_jobs(redis_url, resque, db):
    resque.job("Archive", queue="low")(archive)
    async with AsyncResque(redis_url, jobs=resque) as client:
        assert await archive.via(client).enqueue(1) is True
        assert await archive.options(queue="high").via(client).enqueue(2) is True
        assert await archive.via(client).options(queue="high").enqueue_at(FAR, 3) is True
    assert left(db) == [b'{"class":"Archive","args":[1]}']
    assert left(db, "high") == [b'{"class":"Archive","args":[2]}']


def test_a_face_without_the_job_is_refused_before_it_enqueues_another_name(resque):
    resque.job("Reports::Archive", queue="low")(archive)
    with pytest.raises(JobOptionError) as raised:
        archive.via(AsyncResque())
    assert str(raised.value) == (
        "this AsyncResque does not have the job Reports::Archive: "
        "make it by AsyncResque(jobs=...) of the Resque that the job is registered with"
    )
    with pytest.raises(JobOptionError, match="via\\('redis://x'\\): give a Resque or an"):
        archive.via("redis://x")
    with pytest.raises(JobOptionError, match="queue=3 is no text"):
        archive.options(queue=3)


async def test_a_tracked_job_gives_a_handle(redis_url, resque):
    tracked = resque.job("Count", queue="low", tracked=True)(lambda month: 1)
    assert type(tracked.enqueue("2026-11")) is Handle
    assert type(tracked.options(queue="high").enqueue(month="2026-11")) is Handle
    assert tracked.enqueue_in(9e5, "2026-11") is True
    async with AsyncResque(redis_url, jobs=resque) as client:
        assert type(await tracked.via(client).enqueue("2026-11")) is AsyncHandle


@pytest.mark.parametrize("base", [object, TypedJob, TypedTrackedJob])
def test_a_class_enqueues_itself_with_a_base_for_checkers_or_without(resque, db, base):
    @resque.job(queue="low")
    class Archive(base):
        @staticmethod
        def perform(repo_id, branch="master"): ...

    @resque.job
    class Named(base):
        queue = "high"

        @classmethod
        def perform(cls, name): ...

    assert Archive.enqueue(44, branch="x") is Archive().enqueue(44, branch="x") is True
    assert Named.enqueue("a") is Named.options(queue="low").enqueue("b") is True
    assert left(db) == [b'{"class":"Archive","args":[44,"x"]}'] * 2 + [
        b'{"class":"Named","args":["b"]}'
    ]
    assert left(db, "high") == [b'{"class":"Named","args":["a"]}']


@pytest.mark.parametrize("base", [AsyncTypedJob, AsyncTypedTrackedJob])
async def test_a_class_of_an_async_face_is_awaited(redis_url, db, base):
    async with AsyncResque(redis_url) as client:

        @client.job(queue="low")
        class Mail(base):
            @staticmethod
            async def perform(address): ...

        assert await Mail.enqueue("a@b") is True
        assert await Mail.enqueue_in(0, "a@b") is True
    assert left(db) == [b'{"class":"Mail","args":["a@b"]}'] * 2


def test_a_subclass_enqueues_itself_and_names_its_own_queue_as_in_ruby(resque, db):
    @resque.job(queue="low")
    class Base:
        @staticmethod
        def perform(number): ...

    class Sub(Base): ...

    with pytest.raises(NoQueueError, match="for class Sub"):
        Sub.enqueue(1)
    Sub.options(queue="low").enqueue(1)
    resque.job("Other::Sub", queue="low")(Sub)
    Sub.enqueue(2)
    Base.enqueue(3)
    assert left(db) == [
        b'{"class":"Sub","args":[1]}',
        b'{"class":"Other::Sub","args":[2]}',
        b'{"class":"Base","args":[3]}',
    ]


def test_what_a_job_has_of_its_own_it_keeps(resque):
    class Own:
        options = ("a", 1)

        @staticmethod
        def perform(number): ...

        @classmethod
        def enqueue(cls, number):
            return ("own", number)

        @staticmethod
        def always(*args): ...

    class Sub(Own): ...

    def function(number): ...

    function.via = None
    for each in (Own, Sub, function):
        resque.job(queue="low")(each)
        assert each.enqueue_in.__self__.target is each
    assert Own.enqueue(3) == Sub.enqueue(3) == ("own", 3)
    assert Own.options == ("a", 1)
    assert function.via is None
    assert resque.registry.find("Own").hooks.always == ("always",)


def test_the_registration_that_came_last_counts_where_a_function_has_two(resque, db):
    resque.job("First", queue="low")(archive)
    resque.job("Second", queue="low")(archive)
    archive.enqueue(1)
    assert left(db) == [b'{"class":"Second","args":[1]}']
    resque.enqueue("First", 2)
    assert left(db)[1:] == [b'{"class":"First","args":[2]}']


def test_of_two_applications_the_last_one_counts_and_via_takes_the_other(resque, redis_url, db):
    other = Resque(redis_url, namespace="other")

    @resque.job(queue="low")
    @other.job(queue="high")
    class Job:
        @staticmethod
        def perform(number): ...

    Job.enqueue(1)
    Job.via(other).enqueue(2)
    assert left(db) == [b'{"class":"Job","args":[1]}']
    assert db.lrange("other:queue:high", 0, -1) == [b'{"class":"Job","args":[2]}']
    other.close()


class Callable:
    __slots__ = ()

    def __call__(self, number): ...

    def method(self, number): ...


@pytest.mark.parametrize("target", [Callable(), Callable().method, len, functools.partial(archive)])
def test_what_takes_no_attributes_is_registered_all_the_same(resque, target, db):
    resque.job("Job", queue="low")(target)
    resque.enqueue(target, 3)
    assert left(db) == [b'{"class":"Job","args":[3]}']


def test_a_wrapper_with_a_job_s_attributes_enqueues_that_job_until_it_is_registered(resque, db):
    resque.job("Inner", queue="low")(archive)

    @functools.wraps(archive)
    def outer(*args): ...

    outer.enqueue(1)
    resque.job("Outer", queue="low")(outer)
    outer.enqueue(2)
    archive.enqueue(3)
    assert left(db) == [
        b'{"class":"Inner","args":[1]}',
        b'{"class":"Outer","args":[2]}',
        b'{"class":"Inner","args":[3]}',
    ]


def test_the_calls_of_a_job_can_be_pickled(resque, db):
    resque.job("Archive", queue="low")(archive)
    for each in (archive.enqueue, archive.options(queue="low").enqueue):
        pickle.loads(pickle.dumps(each))(3)
    assert left(db) == [b'{"class":"Archive","args":[3]}'] * 2
    assert pickle.loads(pickle.dumps(archive.on_failure)).target is archive


def test_pickled_calls_by_another_resque_stay_with_it(resque, redis_url, db):
    resque.job("Archive", queue="low")(archive)
    with Resque(redis_url, namespace="other", jobs=resque) as other:
        pickle.loads(pickle.dumps(archive.via(other))).enqueue(3)
        assert copy.deepcopy(archive.via(other)).face is other
    assert left(db) == []
    assert db.lrange("other:queue:low", 0, -1) == [b'{"class":"Archive","args":[3]}']


def test_calls_that_another_process_pickled_say_that_no_resque_is_there(resque, monkeypatch):
    resque.job("Archive", queue="low")(archive)
    pickled = pickle.dumps(archive.via(Resque(jobs=resque)))
    monkeypatch.setattr(calls, "KEPT", {})
    came = pickle.loads(pickled)
    with pytest.raises(JobOptionError, match="came by pickle, and no Resque has the job here"):
        came.enqueue(3)
    assert came.via(resque).face is resque


def test_what_pickles_a_class_with_its_code_takes_no_resque_along(resque, monkeypatch):
    class Local:
        @staticmethod
        def perform(repo_id: int) -> None: ...

    resque.job(queue="low")(Local)
    pickled = pickle.dumps(vars(Local)["enqueue"])
    assert pickle.loads(pickled).face is resque
    monkeypatch.setattr(calls, "KEPT", {})
    Local.enqueue = pickle.loads(pickled)
    with pytest.raises(JobOptionError, match="came by pickle"):
        Local.enqueue(3)
    assert Resque().job("Here", queue="low")(Local).enqueue.__self__.face is not calls.NO_FACE


def test_what_refuses_attributes_with_an_error_of_its_own_is_registered(resque, db):
    class Frozen:
        def __setattr__(self, name: str, value: object) -> None:
            raise ValueError(name)

        def __call__(self, repo_id: int) -> None: ...

    job = resque.job("Frozen", queue="low")(Frozen())
    assert resque.enqueue(job, 3) is True
    assert left(db) == [b'{"class":"Frozen","args":[3]}']


def test_they_say_what_they_are(resque):
    resque.job("Archive", queue="low")(archive)
    assert repr(archive.options(queue="high")) == "<calls of archive to high>"
    assert repr(archive.on_failure) == "<decorator on_failure of archive>"


def test_no_attribute_is_missing_in_the_types():
    from tests.support import ROOT

    text = (ROOT / "pyresque" / "job_types.pyi").read_text(encoding="utf-8")
    assert [name for name in (*CALLS, *PREFIXES) if f"def {name}(" not in text] == []
    assert [name for name in CALLS if not inspect.getdoc(getattr(JobCalls, name))] == []


def test_the_options_of_job_are_those_that_checkers_know():
    from tests.support import ROOT

    text = (ROOT / "pyresque" / "job_verb.py").read_text(encoding="utf-8")
    options = text[text.index("class JobOptions") : text.index("class Registers(")]
    known = [line.split(":")[0].strip() for line in options.splitlines()[3:] if ":" in line]
    taken: list[Any] = [*inspect.signature(Resque.job).parameters.values()][2:-1]
    assert known == [*(one.name for one in taken if one.name != "tracked"), *PREFIXES]
