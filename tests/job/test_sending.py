"""Keyword arguments of an enqueue: where they go in what travels."""

from __future__ import annotations

import json

import pytest

from pyresque import Resque
from pyresque.errors import JobArgumentError
from pyresque.job.registry import Registry
from pyresque.job.sending import wire_args


def report(month, draft=False, copies=1): ...


def only_by_name(month, *, draft=False): ...


def with_options(month, **options): ...


def anything(*args): ...


def placed(month, /, draft=False): ...


class Archive:
    @staticmethod
    def perform(repo_id, branch="master"): ...


class RubysOwn:
    """A class without perform stands for one that only Ruby has."""


SENT = [
    (report, False, ("2026-11",), {"draft": True}, ["2026-11", True]),
    (report, False, (), {"draft": True, "month": "2026-11"}, ["2026-11", True]),
    (report, False, ("2026-11",), {"copies": 3}, ["2026-11", False, 3]),
    (report, False, ("2026-11",), {}, ["2026-11"]),
    (report, False, ("2026-11", {"draft": True}), {}, ["2026-11", {"draft": True}]),
    (report, True, ("2026-11",), {"draft": True}, ["2026-11", {"draft": True}]),
    (Archive, False, (44,), {"branch": "x"}, [44, "x"]),
    (anything, False, (1,), {"a": 2}, [1, {"a": 2}]),
    (only_by_name, True, ("2026-11",), {"draft": True}, ["2026-11", {"draft": True}]),
    (with_options, True, ("2026-11",), {"a": 1}, ["2026-11", {"a": 1}]),
    (placed, False, ("2026-11",), {"draft": True}, ["2026-11", True]),
    ("OnlyRubys", False, (1,), {"a": 2}, [1, {"a": 2}]),
    (RubysOwn, False, (1,), {"a": 2}, [1, {"a": 2}]),
    (int, False, (1,), {"a": 2}, [1, {"a": 2}]),
]
REFUSED = [
    (
        report,
        False,
        ("2026-11",),
        {"drft": True},
        r"Report\(month, .*takes no keyword drft; to send",
    ),
    (report, True, ("2026-11",), {"drft": True}, "takes no keyword drft"),
    (report, False, ("2026-11",), {"month": 1}, "got its argument month twice"),
    (report, False, (), {"draft": True}, "misses its argument month"),
    (only_by_name, False, ("2026-11",), {"draft": True}, "draft by name only.*kwargs=True"),
    (with_options, False, ("2026-11",), {"a": 1}, "a by name only.*kwargs=True"),
    (placed, False, (), {"month": 1}, "takes no keyword month"),
    (anything, True, (), {"a": 1}, "takes no keyword a"),
]


def entry_of(target, kwargs):
    registry = Registry()
    if callable(target) and not isinstance(target, type):
        registry.add(target, queue="q", kwargs=kwargs)
    return registry.describe(target)


@pytest.mark.parametrize(("target", "by_name", "args", "kwargs", "sent"), SENT)
def test_keywords_go_where_the_function_has_them(target, by_name, args, kwargs, sent):
    assert wire_args(entry_of(target, by_name), args, kwargs) == sent


@pytest.mark.parametrize(("target", "by_name", "args", "kwargs", "message"), REFUSED)
def test_keywords_that_a_function_does_not_take_are_refused_with_the_cure(
    target, by_name, args, kwargs, message
):
    with pytest.raises(JobArgumentError, match=message):
        wire_args(entry_of(target, by_name), args, kwargs)


VERBS = {
    "enqueue": lambda r, job, *a, **k: r.enqueue(job, *a, **k),
    "enqueue_to": lambda r, job, *a, **k: r.enqueue_to("q", job, *a, **k),
    "create": lambda r, job, *a, **k: r.create("q", job, *a, **k),
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_that_enqueues_sends_keywords_alike_and_those_that_remove_find_them(
    db, redis_url, verb
):
    with Resque(redis_url) as resque:
        resque.job(queue="q")(report)
        VERBS[verb](resque, report, "2026-11", draft=True)
        raw = b'{"class":"Report","args":["2026-11",true]}'
        assert db.lrange("resque:queue:q", 0, -1) == [raw]
        assert resque.dequeue(report, "2026-11", draft=False) == 0
        assert resque.dequeue(report, month="2026-11", draft=True) == 1
        VERBS[verb](resque, report, "2026-11", draft=True)
        assert resque.destroy("q", report, "2026-11", draft=True) == 1


def test_a_delayed_job_is_sent_and_found_with_its_keywords(db, redis_url):
    with Resque(redis_url) as resque:
        resque.job(queue="q")(report)
        resque.enqueue_at(4102444800, report, "2026-11", draft=True)
        raw = db.lindex("resque:delayed:4102444800", 0)
        assert json.loads(raw)["args"] == ["2026-11", True]
        assert resque.is_delayed(report, "2026-11", draft=True)
        assert resque.delay_or_enqueue_at(4102444900, report, "2026-11", draft=True) == 1
        assert resque.scheduled_at(report, month="2026-11", draft=True) == [4102444900]
        assert resque.remove_delayed(report, "2026-11", draft=True) == 1


def test_what_a_job_is_performed_with_is_what_it_was_enqueued_with(redis_url):
    seen = []
    with Resque(redis_url, inline=True) as resque:

        @resque.job(queue="q")
        def monthly(month, draft=False):
            seen.append((month, draft))

        @resque.job(queue="q", kwargs=True)
        def by_name(month, *, draft=True):
            seen.append((month, draft))

        resque.enqueue(monthly, "2026-11", draft=False)
        resque.enqueue(monthly, "2026-12", draft=True)
        resque.enqueue(by_name, "2027-01", draft=False)
    assert seen == [("2026-11", False), ("2026-12", True), ("2027-01", False)]
