"""Plugins that replace a job's arguments: what travels, what the job gets, and what may be enqueued again."""

from __future__ import annotations

import asyncio
import itertools
import json

import pytest

from pyresque import AsyncResque, Resque
from pyresque.errors import JobArgumentError, JobOptionError
from pyresque.job.perform import perform
from pyresque.job.plugin import Plugin, TrackingId
from pyresque.plugins import Lock, Retry


class Numbered(Plugin):
    """Puts an id before the arguments."""

    def __init__(self):
        self.ids = map("id-{}".format, itertools.count(1))
        self.refusals = 0

    async def args_sent(self, job, args):
        if args and isinstance(args[0], TrackingId):
            return args
        if args == ["bad"]:
            raise ValueError("no number for these")
        return [next(self.ids), *args]

    def args_received(self, args):
        return args[1:]

    async def refused(self, job):
        self.refusals += 1


class Named(Numbered):
    """Puts an id before one hash of the arguments."""

    by_name = True

    def args_received(self, args):
        return args[1:] if len(args) > 1 else args


@pytest.fixture
def resque(redis_url, db):
    with Resque(redis_url) as made:
        yield made


def queued(db, queue="low"):
    return [json.loads(raw)["args"] for raw in db.lrange(f"resque:queue:{queue}", 0, -1)]


def work(resque):
    resque.run(perform(resque.core.registry, resque.reserve("low")))


def test_the_payload_gets_other_arguments_than_the_job(resque, db):
    got = []
    resque.job("Report", queue="low", plugins=[Numbered()])(lambda *args: got.append(args))
    resque.enqueue("Report", 4, "x")
    assert queued(db) == [["id-1", 4, "x"]]
    work(resque)
    assert got == [(4, "x")]


def test_every_way_to_enqueue_replaces_them(resque, db, redis_url):
    resque.job("Report", queue="low", plugins=[Numbered()])(lambda *args: None)
    resque.enqueue_to("low", "Report", 1)
    assert resque.enqueue_many([("Report", 2)]) == 1
    resque.enqueue_at(1, "Report", 3)
    resque.enqueue_from_config({"class": "Report", "args": [4]})
    resque.enqueue_from_config(
        {"class": "Far", "custom_job_class": "Report", "queue": "low", "args": 5}
    )
    resque.delay_or_enqueue_at(1, "Report", 6)

    async def awaited():
        async with AsyncResque(redis_url, jobs=resque) as face:
            await face.enqueue("Report", 7)

    asyncio.run(awaited())
    assert queued(db) == [[f"id-{n}", n] for n in range(1, 8)]


def test_a_delayed_job_gets_them_when_it_is_moved(resque, db):
    resque.job("Report", queue="low", plugins=[Numbered()])(lambda *args: None)
    resque.enqueue_at(4102444800, "Report", 1)
    assert resque.is_delayed("Report", 1)
    resque.move_due(4102444800)
    assert queued(db) == [["id-1", 1]]


def test_a_delayed_job_of_a_custom_job_class_is_of_that_class(resque, db):
    resque.job("Report", queue="low", plugins=[Numbered()])(lambda *args: None)
    resque.delayed_push(
        4102444800,
        {"class": "Far", "custom_job_class": "Report", "args": [1], "queue": "low", "x": 2},
    )
    resque.move_due(4102444800)
    assert json.loads(db.lindex("resque:queue:low", 0)) == {
        "class": "Report", "args": ["id-1", 1], "x": 2
    }  # fmt: skip


def test_hooks_get_the_callers_arguments(resque, db):
    seen = []
    plugin = Numbered()

    class Report:
        @staticmethod
        def perform(n):
            seen.append(("perform", n))

        @staticmethod
        def before_enqueue_note(n):
            seen.append(("before_enqueue", n))
            return n != 2

        @staticmethod
        def before_perform_note(n):
            seen.append(("before_perform", n))

    resque.job("Report", queue="low", plugins=[plugin])(Report)
    resque.enqueue("Report", 1)
    work(resque)
    assert seen == [("before_enqueue", 1), ("before_perform", 1), ("perform", 1)]
    assert resque.enqueue("Report", 2) is None
    assert plugin.refusals == 1
    resque.enqueue_at(4102444800, "Report", 2)
    resque.move_due(4102444800)
    assert (queued(db), plugin.refusals) == ([], 2)


def test_dequeue_compares_the_callers_arguments(resque, db):
    resque.job("Report", queue="low", plugins=[Numbered()])(lambda *args: None)
    resque.enqueue("Report", 1)
    resque.enqueue("Report", 2)
    assert resque.dequeue("Report", 2) == 1
    assert queued(db) == [["id-1", 1]]


def test_a_retried_job_keeps_its_id(resque, db):
    def fails(n):
        raise ValueError(n)

    resque.job("Report", queue="low", plugins=[Numbered(), Retry(limit=2)])(fails)
    resque.enqueue("Report", 1)
    with pytest.raises(ValueError, match="1"):
        work(resque)
    assert queued(db) == [["id-1", 1]]


def test_a_lock_is_of_the_callers_arguments(resque, db):
    resque.job("Report", queue="low", plugins=[Numbered(), Lock()])(lambda *args: None)
    assert resque.enqueue("Report", 1)
    assert resque.enqueue("Report", 1) is None
    work(resque)
    assert resque.enqueue("Report", 1)


def test_an_error_of_the_plugin_keeps_the_delayed_job(resque, db):
    plugin = Numbered()
    resque.job("Report", queue="low", plugins=[plugin])(lambda *args: None)
    with pytest.raises(ValueError, match="no number"):
        resque.enqueue("Report", "bad")
    resque.enqueue_at(4102444800, "Report", "bad")
    resque.move_due(4102444800)
    assert resque.failures.all(0, 1)[0].payload.args == ["bad"]
    assert (queued(db), plugin.refusals) == ([], 2)


def report(number, *paths, style="plain", **more):
    """A job with every kind of parameter."""


@pytest.mark.parametrize(
    ("args", "kwargs", "options"),
    [
        ((44,), {}, {"number": 44}),
        ((), {"number": 44}, {"number": 44}),
        ((44, "a", "b"), {"style": "bold", "x": 1}, {"number": 44, "paths": ["a", "b"], "style": "bold", "x": 1}),
        (({"a": 1},), {}, {"number": {"a": 1}}),
    ],
)  # fmt: skip
def test_arguments_travel_by_their_names(resque, db, args, kwargs, options):
    got = []
    job = resque.job("Report", queue="low", plugins=[Named()])(
        lambda number, *paths, style="plain", **more: got.append((number, paths, style, more))
    )
    resque.enqueue(job, *args, **kwargs)
    assert queued(db) == [["id-1", options]]
    assert resque.dequeue(job, *args, **kwargs) == 1
    resque.enqueue(job, *args, **kwargs)
    work(resque)
    job(*args, **kwargs)
    assert got[0] == got[1]


def test_a_delayed_job_has_the_hash(resque, db):
    resque.job("Report", queue="low", plugins=[Named()])(report)
    resque.enqueue_at(4102444800, report, 44)
    assert resque.is_delayed(report, number=44)
    resque.move_due(4102444800)
    assert queued(db) == [["id-1", {"number": 44}]]


def test_hooks_get_named_arguments_at_their_places(resque, db):
    seen = []

    class Report:
        perform = staticmethod(lambda number, *, style="plain": None)
        before_enqueue_note = staticmethod(lambda *args: seen.append(args))
        before_schedule_note = staticmethod(lambda *args: seen.append(args))
        after_dequeue_note = staticmethod(lambda *args: seen.append(args))

    resque.job(queue="low", plugins=[Named(), Retry()])(Report)
    resque.enqueue(Report, 1)
    resque.enqueue_at(4102444800, Report, number=2, style="bold")
    resque.move_due(4102444800)
    resque.enqueue_from_config({"class": "Report", "args": {"number": 3}})
    resque.dequeue(Report, 1)
    two = (2, {"style": "bold"})
    assert seen == [(1,), two, two, two, (3,), (3,), (1,)]


def test_a_class_of_ruby_takes_one_dict_or_keywords(resque, db):
    resque.declare("Far", queue="low", plugins=[Named()])
    resque.enqueue("Far", {"a": 1})
    resque.enqueue("Far", a=1)
    resque.enqueue("Far", {"a": 1}, b=2)
    resque.enqueue("Far", "text")
    assert [args[1] for args in queued(db)] == [{"a": 1}, {"a": 1}, {"a": 1, "b": 2}, "text"]
    resque.enqueue("Far")
    assert queued(db)[-1] == ["id-5"]
    with pytest.raises(JobArgumentError, match="Far takes its arguments by name"):
        resque.enqueue("Far", 1, 2)


def test_arguments_that_the_function_does_not_take_are_refused(resque):
    resque.job("Report", queue="low", plugins=[Named()])(report)
    with pytest.raises(JobArgumentError, match=r"Report\(number, .*missing a required argument"):
        resque.enqueue(report)


@pytest.mark.parametrize("args", ["null", "[]", '["x"]', '[{"x":1}]', '{"x":1}', "7", "[[],{}]"])
def test_a_payload_of_any_shape_is_performed_or_fails(resque, db, args):
    resque.job("Report", queue="low", plugins=[Named(), Retry()])(lambda **options: None)
    db.rpush("resque:queue:low", f'{{"class":"Report","args":{args}}}')
    job = resque.reserve("low")
    try:
        resque.run(perform(resque.core.registry, job))
    except TypeError as error:
        assert "argument" in str(error)  # noqa: PT017 - either is right


def test_two_plugins_with_ids_are_refused(resque):
    with pytest.raises(JobOptionError, match="Numbered and Named both put an id"):
        resque.job("Report", queue="low", plugins=[Numbered(), Named()])
