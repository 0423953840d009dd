"""Enqueued jobs performed in a test: as a worker does, with what it leaves in Redis."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone

import freezegun
import pytest
import time_machine

from pyresque import AsyncResque, Resque, plugins
from pyresque.activejob import RetryOn
from pyresque.errors import DecodeError, NotEncodable, TestKitError
from pyresque.testing import (
    aperform_enqueued,
    aperform_job,
    assert_enqueued,
    enqueued_jobs,
    inline,
    move_due,
    perform_enqueued,
    perform_job,
    recorded,
)

NOON = datetime(2026, 12, 1, 12, tzinfo=timezone.utc)


@pytest.fixture
def app():
    with recorded():
        yield Resque("redis://127.0.0.1:1/0")


@pytest.fixture
def done():
    return []


def texts(jobs):
    return [str(job) for job in jobs]


def test_all_jobs_are_performed_and_those_that_they_enqueue(app, done):
    @app.job(queue="b")
    def parent(number):
        done.append(("parent", number))
        app.enqueue(child, number)

    @app.job(queue="a", kwargs=True)
    def child(number, **options):
        done.append(("child", number))

    app.enqueue(parent, 1)
    app.enqueue(parent, 2)
    assert texts(perform_enqueued()) == [
        *("b: Parent(1)", "a: Child(1)", "b: Parent(2)", "a: Child(2)"),
    ]
    assert done == [("parent", 1), ("child", 1), ("parent", 2), ("child", 2)]
    assert (app.stat("processed"), app.stat("failed"), app.working()) == (4, 0, [])
    assert perform_enqueued() == []


def test_hooks_middleware_and_limits_are_those_of_a_worker(app, done):
    class Mail:
        queue = "mail"

        @staticmethod
        def before_perform_note(*args):
            done.append(("before", args))

        @staticmethod
        def on_failure_note(error, *args):
            done.append(("failure", type(error), args))

        @staticmethod
        def perform(to):
            raise LookupError(to)

    app.job(Mail)

    @app.middleware
    def around(call_next, job):
        done.append("in")
        try:
            return call_next(job)
        finally:
            done.append("out")

    app.enqueue(Mail, "ann")
    with pytest.raises(LookupError, match="ann"):
        perform_enqueued()
    assert done == ["in", ("before", ("ann",)), ("failure", LookupError, ("ann",)), "out"]


def test_jobs_are_chosen_by_class_queue_and_as_they_were_found(app, done):
    @app.job(queue="a")
    def one(number):
        done.append(("one", number))

    @app.job("Two", queue="b")
    def two(number):
        done.append(("two", number))

    for number in (1, 2):
        app.enqueue(one, number)
        app.enqueue(two, number)
    perform_enqueued(two)
    assert done == [("two", 1), ("two", 2)]
    perform_enqueued(enqueued_jobs()[1])
    assert done[2:] == [("one", 2)]
    assert perform_enqueued(queue="b") == []
    perform_enqueued("One", queue=["a", "b"])
    assert done[3:] == [("one", 1)]
    with pytest.raises(TestKitError, match="Nobodys cannot be performed here"):
        perform_enqueued("Nobodys")


def test_a_failure_is_raised_and_stands_in_the_failed_list(app):
    @app.job(queue="bad")
    def bad(number):
        raise KeyError(number)

    for number in range(3):
        app.enqueue(bad, number)
    with pytest.raises(KeyError, match="0"):
        perform_enqueued()
    assert (app.failures.count(), app.size("bad")) == (1, 2)
    assert len(perform_enqueued(raise_errors=False)) == 2
    assert [record.payload.args for record in app.failures.each()] == [[2], [1], [0]]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_is_not_kept(app, error):
    @app.job(queue="bad")
    def bad():
        raise error

    app.enqueue(bad)
    if error is SystemExit:
        perform_enqueued(raise_errors=False)
        app.enqueue(bad)
    with pytest.raises(error):
        perform_enqueued(raise_errors=error is SystemExit)


def test_a_retry_is_performed_when_it_is_due_and_the_last_failure_raised(app, done):
    @app.job(queue="flaky", retries=2, backoff=60)
    def flaky():
        done.append(1)
        raise TimeoutError

    app.enqueue(flaky)
    perform_enqueued()
    assert_enqueued(flaky, at=timedelta(seconds=60))
    assert perform_enqueued() == []
    with pytest.raises(TimeoutError):
        perform_enqueued(at=timedelta(hours=1))
    assert (len(done), enqueued_jobs()) == (3, [])


def test_a_job_of_rails_is_retried_by_its_rules(app, done):
    @app.active_job("Flaky", queue="rails", retry_on=[RetryOn((OSError,), attempts=3, wait=0)])
    def flaky(number, *, force):
        done.append((number, force))
        raise OSError(number)

    app.active_job("Flaky").enqueue(7, force=True)
    app.active_job("OnlyRails", queue="rails").enqueue(1)
    with pytest.raises(OSError, match="7"):
        perform_enqueued()
    assert done == [(7, True)] * 3
    assert texts(enqueued_jobs()) == ["rails: OnlyRails(1)"]


def test_jobs_that_only_ruby_performs_stay(app, done):
    @app.job(queue="mail")
    def ours():
        done.append(1)

    app.declare("Theirs", queue="mail")
    app.enqueue("Theirs", 1)
    app.enqueue(ours)
    app.enqueue_to("mail", "Unknown", 2)
    assert texts(perform_enqueued()) == ["mail: Ours()"]
    assert texts(enqueued_jobs()) == ["mail: Theirs(1)", "mail: Unknown(2)"]


def test_a_job_is_performed_by_the_resque_that_has_registered_it(app, done):
    Resque("redis://127.0.0.1:1/0").enqueue_to("q", "Late", 5)

    @app.job(queue="q")
    def late(number):
        done.append(number)

    perform_enqueued()
    assert done == [5]


def test_jobs_that_enqueue_into_another_redis_are_followed(app, done):
    other = Resque("redis://127.0.0.1:1/7")

    @other.job(queue="o")
    def there():
        done.append("there")
        app.enqueue(here)

    @app.job(queue="h")
    def here():
        done.append("here")

    other.enqueue(there)
    perform_enqueued()
    assert done == ["there", "here"]


def test_paused_queues_and_what_may_not_be_performed_yet_are_left(app, done):
    @app.job(queue="p")
    def paused():
        done.append("paused")

    @app.job(queue="r", plugins=[plugins.Restriction(per_hour=1)])
    def rare(number):
        done.append(number)

    app.pause_queue("p")
    app.enqueue(paused)
    for number in range(3):
        app.enqueue(rare, number)
    perform_enqueued()
    assert done == [0]
    app.resume_queue("p")
    perform_enqueued()
    assert done == [0, "paused"]
    app.enqueue(paused)
    app.pause_all()
    assert perform_enqueued() == []


def test_a_job_that_enqueues_itself_is_stopped(app):
    @app.job(queue="e")
    def again():
        app.enqueue(again)

    app.enqueue(again)
    with pytest.raises(
        TestKitError, match="9 jobs were performed, and there are more, such as e: Again"
    ):
        perform_enqueued(most=9)


def test_bytes_that_are_no_job_fail_as_with_a_worker(app):
    app.redis.rpush("queue:broken", b"{no json")
    app.watch_queue("broken")
    with pytest.raises(DecodeError):
        perform_enqueued()
    assert app.failures.count() == 1


def test_a_job_that_a_plugin_has_ended_before_it_began_is_told(app):
    keys = iter(["a key"])
    plugin = plugins.Loner(redis_key=lambda _: next(keys))
    app.job("Work", queue="q", plugins=[plugin])(lambda: None)
    app.enqueue("Work")
    with pytest.raises(TestKitError, match=r"Work.* failed before it began"):
        perform_enqueued()
    assert app.failures.count() == 1


def test_a_tracked_job_gives_its_result(app):
    @app.job(queue="t", tracked=True)
    def double(number):
        app.status().at(1, 2)
        return number * 2

    handle = app.enqueue(double, 21)
    perform_enqueued()
    assert handle.result() == 42


# -- time


@pytest.mark.parametrize("by", ["freezegun", "time-machine"])
def test_delayed_jobs_follow_a_frozen_clock(app, done, by):
    @app.job(queue="later")
    def later():
        done.append(1)

    if by == "freezegun":
        frozen = freezegun.freeze_time(NOON)
    else:
        frozen = time_machine.travel(NOON, tick=False)
    with frozen as clock:
        app.enqueue_in(300, later)
        assert_enqueued(later, at=NOON + timedelta(minutes=5), within=0)
        clock.move_to(NOON + timedelta(seconds=299))
        assert perform_enqueued() == []
        clock.move_to(NOON + timedelta(seconds=300))
        perform_enqueued()
    assert done == [1]


def test_a_wait_ends_though_the_clock_is_frozen(app):
    app.job("Slow", queue="q", tracked=True)(lambda: None)
    with freezegun.freeze_time(NOON), pytest.raises(TimeoutError):
        app.enqueue("Slow").result(timeout=0.01)


def test_delayed_jobs_are_moved_by_a_time(app, done):
    @app.job(queue="later")
    def later(number):
        done.append(number)

    app.enqueue_in(timedelta(hours=1), later, 1)
    app.enqueue_in(timedelta(days=9), later, 2)
    assert (move_due(), move_due(timedelta(hours=2)), app.size("later")) == (0, 1, 1)
    perform_enqueued(at=datetime.now(timezone.utc) + timedelta(days=10))
    assert done == [1, 2]


# -- one job by itself


def test_one_job_is_performed_with_arguments_that_travel(app, done):
    @app.job(queue="q", retries=3)
    def work(value, **options):
        done.append((value, options))
        if not value:
            raise ValueError("empty")

    perform_job(work, (1, 2))
    assert done == [([1, 2], {})]
    with pytest.raises(ValueError, match="empty"):
        perform_job(work, [])
    with pytest.raises(NotEncodable):
        perform_job(work, object())
    with pytest.raises(TestKitError, match="Unregistered cannot be performed here"):
        perform_job("Unregistered")


def test_one_job_of_rails_and_one_that_is_tracked_are_performed(app, done):
    @app.active_job("Sync", queue="rails")
    def sync(number, *, force=False):
        done.append((number, force))

    @app.job(tracked=True)
    def track(number):
        done.append(number)

    perform_job(sync, 7, force=True)
    perform_job(track, 8)
    assert done == [(7, True), 8]
    assert enqueued_jobs() == []


# -- in an event loop


async def test_jobs_are_performed_in_the_running_loop(done):
    with recorded():
        app = AsyncResque("redis://127.0.0.1:1/0")
        thread = threading.get_ident()

        @app.job(queue="a")
        async def fetch(url):
            done.append((url, threading.get_ident() == thread))
            if url == "bad":
                raise LookupError(url)
            await app.enqueue(store, url)

        @app.job(queue="a")
        def store(url):
            done.append((url, threading.get_ident() == thread))

        await app.enqueue(fetch, "u")
        await aperform_enqueued()
        assert done == [("u", True), ("u", False)]
        await aperform_job(fetch, "v")
        assert_enqueued(store, "v")
        await app.enqueue(fetch, "bad")
        with pytest.raises(LookupError):
            await aperform_enqueued()
        with pytest.raises(LookupError):
            await aperform_job(fetch, "bad")


# -- at once


def test_inline_jobs_are_performed_as_they_are_enqueued_those_for_later_too(done):
    app = Resque("redis://127.0.0.1:1/0")

    @app.job(queue="q", retries=2)
    def work(number):
        done.append(number)
        if number > 2:
            raise ValueError(number)

    with inline():
        app.enqueue(work, 1)
        app.enqueue_in(300, work, 2)
        app.enqueue_to("mail", "OnlyRuby", 1)
        with pytest.raises(ValueError, match="3"):
            app.enqueue(work, 3)
        assert done == [1, 2, 3]
        assert texts(enqueued_jobs()) == ["mail: OnlyRuby(1)"]
        with pytest.raises(AssertionError, match="Jobs are performed as they are enqueued here"):
            assert_enqueued(work)


async def test_inline_jobs_of_an_event_loop_are_awaited(done):
    app = AsyncResque("redis://127.0.0.1:1/0")

    @app.job(queue="q", tracked=True)
    async def work(number):
        done.append(number)
        return number + 1

    with inline():
        handle = await app.enqueue(work, 1)
        assert (done, await handle.result()) == ([1], 2)
