"""Enqueue middleware: where it is called, what it may refuse and add, and what class hooks see of it; with both faces."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading

import pytest

from pyresque import AsyncResque, Resque
from pyresque.errors import JobOptionError, MiddlewareError, NotEncodable
from tests.support.scripted_driver import ScriptedDriver

AT = 4102444800


class Face:
    """Either face, whose verbs are called alike."""

    def __init__(self, app, how):
        self.app, self.how = app, how

    def __getattr__(self, name):
        def call(*args, **kwargs):
            return self.ask(lambda face: getattr(face, name)(*args, **kwargs))

        return call

    def ask(self, call):
        """What a verb of the face answers, of its own object or of one that it gives."""
        if self.how == "blocking":
            return call(self.app)

        async def asked():
            try:
                answer = call(self.app)
                return await answer if inspect.isawaitable(answer) else answer
            finally:
                await self.app.close()

        return asyncio.run(asked())


@pytest.fixture(params=["blocking", "awaited"])
def face(request, redis_url):
    app = (Resque if request.param == "blocking" else AsyncResque)(redis_url)
    noted = []

    @app.job("Mail", queue="mail")
    class Mail:
        @staticmethod
        def before_enqueue_note(*args):
            noted.append("before_enqueue")

        @staticmethod
        def after_enqueue_note(*args):
            noted.append("after_enqueue")

        @staticmethod
        def before_schedule_note(*args):
            noted.append("before_schedule")

        @staticmethod
        def after_schedule_note(*args):
            noted.append("after_schedule")

        @staticmethod
        def perform(*args): ...

    @app.active_job("Sync", queue="rails")
    def sync(*args): ...

    made = Face(app, request.param)
    made.noted, made.mail, made.sync = noted, Mail, sync
    yield made
    if request.param == "blocking":
        app.close()


def payloads(db, key):
    return [json.loads(raw) for raw in db.lrange(f"resque:{key}", 0, -1)]


def everything(db):
    keys = [key.decode() for key in db.keys("resque:queue:*") + db.keys("resque:delayed:*")]
    return [payload for key in keys for payload in payloads(db, key.removeprefix("resque:"))]


#: Each way in; what it answers where it is let through and where it is refused; when the job is due.
WAYS = {
    "enqueue": (lambda f: f.enqueue("Mail", 1), True, None, None),
    "enqueue_to": (lambda f: f.enqueue_to("other", "Mail", 1), True, None, None),
    "a class that Ruby knows": (lambda f: f.enqueue_to("other", "Foreign", 1), True, None, None),
    "create": (lambda f: f.create("mail", "Mail", 1), (1, 1), None, None),
    "enqueue_many": (lambda f: f.enqueue_many([("Mail", 1), ("Mail", 2)]), 2, 0, None),
    "enqueue_at": (lambda f: f.enqueue_at(AT, "Mail", 1), True, None, AT),
    "enqueue_at_with_queue": (
        lambda f: f.enqueue_at_with_queue("other", AT, "Foreign", 1),
        True,
        None,
        AT,
    ),
    "enqueue_many_at": (lambda f: f.enqueue_many_at([(AT, "Mail", 1)]), 1, 0, AT),
    "delay_or_enqueue_at": (lambda f: f.delay_or_enqueue_at(AT, "Mail", 1), 1, 1, AT),
    "enqueue_from_config": (
        lambda f: f.enqueue_from_config({"class": "Mail", "args": [1]}),
        True,
        None,
        None,
    ),
    "an active job": (lambda f: f.enqueue("Sync", 1), True, None, None),
    "an active job later": (lambda f: f.enqueue_at(AT, "Sync", 1), True, None, AT),
    "active jobs of many": (lambda f: f.enqueue_many([("Sync", 1)]), 1, 0, None),
    "an active job moved": (lambda f: f.delay_or_enqueue_at(AT, "Sync", 1), 1, 1, AT),
    "active_job": (
        lambda f: f.ask(lambda face: face.active_job("Sync").enqueue(1)) is not None,
        True,
        False,
        None,
    ),
    "active_job later": (
        lambda f: f.ask(lambda face: face.active_job("Sync").set(wait_until=AT).enqueue(1)) is None,
        False,
        True,
        AT,
    ),
    "perform_all_later": (
        lambda f: f.perform_all_later([f.app.active_job("Sync").new(1)]),
        1,
        0,
        None,
    ),
}


@pytest.mark.parametrize("kind", ["plain", "async"])
@pytest.mark.parametrize("way", WAYS)
def test_what_it_adds_stands_in_the_payload(face, db, way, kind):
    call, answer, _, due = WAYS[way]
    seen = []

    def trace(call_next, job):
        seen.append((job.class_name, list(job.args), job.queue, job.at))
        job.extra["trace"] = {"id": len(seen)}
        assert call_next(job) is True

    async def trace_async(call_next, job):
        seen.append((job.class_name, list(job.args), job.queue, job.at))
        job.extra["trace"] = {"id": len(seen)}
        assert await call_next(job) is True

    face.app.enqueue_middleware(trace if kind == "plain" else trace_async)
    assert call(face) == answer
    found = everything(db)
    assert sorted(payload["trace"]["id"] for payload in found) == list(range(1, len(seen) + 1))
    assert len(seen) == len(found) > 0
    for class_name, args, queue, at in seen:
        assert {"class": class_name, "args": args} in [
            {"class": one["class"], "args": one["args"]} for one in found
        ]
        assert (at, queue is not None) == (due, True)


@pytest.mark.parametrize("way", WAYS)
def test_a_job_that_it_refuses_is_nowhere(face, db, way):
    call, _, answer, _ = WAYS[way]
    face.app.enqueue_middleware(lambda call_next, job: None)
    face.noted.clear()
    assert call(face) == answer
    assert everything(db) == []
    assert not any(noted.startswith("after") for noted in face.noted)


def test_class_hooks_stand_outside_of_all_middleware_the_first_one_added_outside_of_the_others(
    face,
):
    @face.app.enqueue_middleware
    def outer(call_next, job):
        face.noted.append("outer")
        call_next(job)
        face.noted.append("outer after")

    @face.app.enqueue_middleware
    async def inner(call_next, job):
        face.noted.append("inner")
        await call_next(job)
        face.noted.append("inner after")

    around = ["outer", "inner", "inner after", "outer after"]
    face.enqueue("Mail")
    assert face.noted == ["before_enqueue", *around, "after_enqueue"]
    face.noted.clear()
    face.enqueue_at(AT, "Mail")
    assert face.noted == ["before_schedule", *around, "after_schedule"]


def test_a_veto_of_a_hook_comes_first(face):
    called = []
    face.app.enqueue_middleware(lambda call_next, job: called.append(job))
    face.mail.before_enqueue_never = staticmethod(lambda *args: False)
    assert face.enqueue("Mail") is None
    assert called == []


def test_the_scheduler_keeps_what_was_added_and_calls_no_middleware_again(face, db):
    @face.app.enqueue_middleware
    def trace(call_next, job):
        face.noted.append(job.at)
        job.extra["trace"] = "t"
        call_next(job)

    face.enqueue_at(AT, "Mail", 1)
    face.enqueue_at_with_queue("other", AT, "Foreign", 2)
    face.noted.clear()
    assert face.move_due(AT) == 2
    assert [noted for noted in face.noted if isinstance(noted, int)] == []
    assert payloads(db, "queue:mail") == [{"class": "Mail", "args": [1], "trace": "t"}]
    assert payloads(db, "queue:other") == [{"class": "Foreign", "args": [2], "trace": "t"}]


def test_a_job_that_bears_more_is_still_found(face, db):
    face.app.enqueue_middleware(
        lambda call_next, job: (job.extra.update(trace=1), call_next(job))  # type: ignore[func-returns-value]
    )
    face.enqueue("Mail", 1)
    face.enqueue_at(AT, "Mail", 1)
    assert face.is_delayed("Mail", 1) is False, "by its bytes, as in Ruby"
    assert len(face.find_delayed_selection(lambda args: args == [1], "Mail")) == 1
    assert face.remove_delayed("Mail", 1) == 1, "by its meaning"
    assert face.dequeue("Mail", 1) == 1


def test_its_error_is_the_callers_and_nothing_is_pushed(face, db):
    def fail(call_next, job):
        raise ValueError("no")

    face.app.enqueue_middleware(fail)
    with pytest.raises(ValueError, match="no"):
        face.enqueue("Mail", 1)
    assert everything(db) == []


@pytest.mark.parametrize(
    ("extra", "error"),
    [
        ({"class": "Other"}, MiddlewareError),
        ({"args": []}, MiddlewareError),
        ({"queue": "x"}, MiddlewareError),
        ({1: "x"}, MiddlewareError),
        ({"trace": object()}, NotEncodable),
        ({"trace": float("nan")}, NotEncodable),
    ],
)
def test_what_cannot_be_added_is_refused_by_name(face, db, extra, error):
    def add(call_next, job):
        job.extra.update(extra)
        call_next(job)

    face.app.enqueue_middleware(add)
    for call in (lambda: face.enqueue("Mail", 1), lambda: face.enqueue_at(AT, "Mail", 1)):
        with pytest.raises(error, match="trace" if error is NotEncodable else "extra"):
            call()
    assert everything(db) == []


def test_another_job_than_its_own_and_a_second_call_are_refused(face, db):
    twice = []

    @face.app.enqueue_middleware
    def wrong(call_next, job):
        if not twice:
            call_next("another")
        else:
            call_next(job)
            call_next(job)

    with pytest.raises(MiddlewareError, match="the job that it was given, not 'another'"):
        face.enqueue("Mail", 1)
    assert everything(db) == []
    twice.append(True)
    with pytest.raises(MiddlewareError, match="twice"):
        face.enqueue("Mail", 1)
    assert len(everything(db)) == 1


def test_what_is_no_function_is_refused(face):
    with pytest.raises(JobOptionError):
        face.app.enqueue_middleware("trace")


def test_inline_jobs_pass_it_too(redis_url):
    done = []
    app = Resque(redis_url, inline=True)
    app.job("Note", queue="low")(done.append)
    refusing = []
    app.enqueue_middleware(lambda call_next, job: None if refusing else call_next(job))
    app.enqueue("Note", 1)
    refusing.append(True)
    assert app.enqueue("Note", 2) is None
    assert app.enqueue_at(AT, "Note", 3) is True, "as with a hook that says no: it was due at once"
    assert done == [1]


def test_threads_pass_it_at_once(redis_url, db):
    app = Resque(redis_url)

    @app.enqueue_middleware
    def mark(call_next, job):
        job.extra["thread"] = job.args[0]
        call_next(job)

    threads = [
        threading.Thread(target=app.enqueue_to, args=("low", "X", number)) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(one["thread"] == one["args"][0] for one in payloads(db, "queue:low"))
    app.close()


def test_an_enqueue_without_any_pays_a_look_and_no_more():
    """What is asked is what was asked before there was middleware."""
    app = Resque()
    hand = ScriptedDriver([1, 1])
    assert hand.run(app.core.jobs.enqueue_to("low", "X", 1)) is True
    assert [args[0] for args in hand.asked[0]] == ["SADD", "RPUSH"]
