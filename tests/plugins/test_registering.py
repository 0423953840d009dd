"""What may be given as a plugin, and what is refused at registration."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pyresque import Resque, plugins
from pyresque.errors import DuplicateJobError, JobOptionError, UnknownJobClass
from pyresque.job.plain import plain_class
from pyresque.plugins import (
    History,
    JobStats,
    Lock,
    LockTimeout,
    LonelyJob,
    Loner,
    Plugin,
    QueueLock,
    Retry,
    Solo,
    Status,
    Throttle,
    Uniqueness,
    WorkersLock,
)


def a_job(*args: object) -> None: ...


@pytest.mark.parametrize(
    ("given", "cure"),
    [
        ([Loner], r"Loner is a class: give an object, Loner\(\)"),
        ([object()], "is no plugin"),
        (["Loner"], "'Loner' is no plugin"),
        ([list[int]], r"list\[int\] is no plugin"),
        (Loner(), r"is no list: write plugins=\[Loner\(\)\]"),
        ("Loner", "is no list"),
        ([Lock(), Lock(timeout=3)], "Lock stands there twice"),
        ([Loner(), Solo()], "Loner and Solo both keep a job from being queued twice"),
        (
            [Lock(), LockTimeout()],
            "Lock and LockTimeout both have the hook always_lock, and only the last one's",
        ),
    ],
)
def test_what_is_no_plugin_is_refused_with_the_cure(given, cure):
    resque = Resque("redis://nowhere:1")
    with pytest.raises(JobOptionError, match=cure):
        resque.job("Report", queue="low", plugins=given)
    with pytest.raises(JobOptionError, match=cure):
        resque.declare("Report", queue="low", plugins=given)
    assert resque.registered == []


class Plainly(Plugin):
    def before_enqueue_check(self, job):
        """Not async."""


def test_a_hook_of_a_plugin_must_be_an_async_def():
    with pytest.raises(
        JobOptionError, match=r"Plainly.before_enqueue_check is no async def method"
    ):
        Resque("redis://nowhere:1").job("Report", plugins=[Plainly()])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Loner(ttl="soon"),
        lambda: Loner(ttl=float("nan")),
        lambda: Loner(ttl=True),
        lambda: Loner(redis_key="k"),
        lambda: Lock(lock="key"),
        lambda: Lock(ruby="2.7"),
        lambda: LockTimeout(timeout="1"),
        lambda: LonelyJob(requeue_interval="1"),
        lambda: QueueLock(lock=3),
        lambda: Retry(limit=1.5),
        lambda: Retry(limit=True),
        lambda: Retry(delay="60"),
        lambda: Retry(delay=[]),
        lambda: Retry(delay={"Boom": 3}),
        lambda: Retry(delay=float("inf")),
        lambda: Retry(backoff="linear"),
        lambda: Retry(backoff="exponential", delay=3),
        lambda: Retry(jitter=(2, 1)),
        lambda: Retry(jitter=3),
        lambda: Retry(retry_on=ValueError),
        lambda: Retry(retry_on=["ValueError"]),
        lambda: Retry(retry_on=[ValueError], give_up_on=[OSError]),
        lambda: Retry(delay={ValueError: 1}, retry_on=[ValueError]),
        lambda: Retry(check=[3]),
        lambda: Retry(identifier="id"),
        lambda: WorkersLock(lock_workers=["a"]),
        lambda: WorkersLock(timeout="x"),
        lambda: History(most=-1),
        lambda: JobStats(["performed", "timed"]),
        lambda: JobStats(durations=1.5),
        lambda: Throttle(can_run_every="daily"),
        lambda: Throttle(disabled="no"),
        lambda: Loner(ttl=float("inf")),
        lambda: Lock(timeout=1e30),
        lambda: Lock(timeout=timedelta.max),
        lambda: Lock(ruby=["3.4"]),
        lambda: LockTimeout(ruby="2.7"),
        lambda: LockTimeout(loner="no"),
        lambda: QueueLock(ruby="2.7"),
        lambda: WorkersLock(ruby=None),
        lambda: Status(ruby="2.7"),
        lambda: Status(new_id="id"),
        lambda: LonelyJob(requeue_interval=-1),
        lambda: LonelyJob(requeue_interval=None),
        lambda: Retry(ruby="2.7"),
        lambda: Retry(check=3),
        lambda: Retry(on_retry=None),
        lambda: Retry(retry_on=[list[int]]),
        lambda: Retry(delay={list[int]: 5}),
        lambda: Retry(sleep="1"),
        lambda: Retry(sleep=-1),
        lambda: Retry(queue=5),
        lambda: Retry(delegate=5),
        lambda: Retry(suppress="no"),
        lambda: JobStats(parts=None),
        lambda: JobStats(parts=[3, None]),
        lambda: Uniqueness(["until_executed"]),
        lambda: Uniqueness("until_executed", lock_ttl=float("inf")),
        lambda: Uniqueness("until_executed", on_runtime_conflict=""),
    ],
)
def test_a_wrong_option_is_refused(make):
    with pytest.raises(JobOptionError):
        make()


def test_spans_may_be_timedeltas():
    assert Loner(ttl=timedelta(hours=1)).ttl == 3600
    assert Retry(delay=[timedelta(minutes=1), 5]).delays.listed == (60.0, 5.0)
    assert LonelyJob(requeue_interval=timedelta(seconds=2)).requeue_interval == 2


def test_a_class_with_plugins_is_not_plain_and_one_without_is():
    resque = Resque("redis://nowhere:1")
    resque.job("With", queue="low", plugins=[Loner()])(a_job)
    resque.job("Without", queue="low")(lambda: None)
    assert [plain_class(entry) for entry in resque.registered] == [False, True]


def test_what_has_code_is_not_declared_and_what_is_declared_may_get_code():
    resque = Resque("redis://nowhere:1")
    resque.declare("Report", queue="low", plugins=[Loner()])
    resque.declare("Report", queue="high")
    resque.job("Report", queue="low")(a_job)
    with pytest.raises(DuplicateJobError, match="Report"):
        resque.declare("Report", queue="low")
    for name in (None, "", 3, a_job):
        with pytest.raises(JobOptionError, match="give the class's Ruby name"):
            resque.declare(name)


def test_a_declared_class_has_a_queue_and_is_performed_by_nobody_here(redis_url, db):
    with Resque(redis_url) as resque:
        resque.declare("Report", queue="low")
        assert resque.enqueue("Report", 1) is True
        job = resque.reserve("low")
        with pytest.raises(UnknownJobClass, match="uninitialized constant Report"):
            resque.run(performed(resque, job))


def performed(resque, job):
    from pyresque.job.perform import perform

    return perform(resque.core.registry, job)


def test_every_public_name_is_there():
    for name in plugins.__all__:
        assert getattr(plugins, name).__name__ == name
    assert set(plugins.__all__) <= set(dir(plugins))
    with pytest.raises(AttributeError):
        _ = plugins.Nothing


def test_the_short_form_makes_a_retry():
    resque = Resque("redis://nowhere:1")
    resque.job("A", queue="low", retries=3)(a_job)
    resque.job("B", queue="low", backoff="exponential", plugins=[Loner()])(lambda: None)
    resque.job("C", queue="low", retries=5, backoff=[1, 2])(lambda: None)
    a, b, c = (entry.plugins[-1] for entry in resque.registered)
    assert (a.limit, a.delays.listed) == (3, (0.0,))
    assert (b.limit, len(b.delays.listed)) == (6, 6)
    assert (c.limit, c.delays.listed) == (5, (1.0, 2.0))


@pytest.mark.parametrize(
    "options",
    [
        {"retries": 2, "plugins": [Retry()]},
        {"retries": "3"},
        {"backoff": "linear"},
        {"backoff": []},
    ],
)
def test_a_wrong_short_form_is_refused(options):
    with pytest.raises(JobOptionError):
        Resque("redis://nowhere:1").job("A", queue="low", **options)


@pytest.mark.parametrize(
    "name",
    [
        "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper",
        "::ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper",
    ],
)
def test_the_wrapper_of_all_active_jobs_takes_no_plugin(name):
    resque = Resque("redis://nowhere:1")
    with pytest.raises(JobOptionError, match="that class wraps every ActiveJob"):
        resque.declare(name, queue="low", plugins=[Lock()])
    with pytest.raises(JobOptionError, match="that class wraps every ActiveJob"):
        resque.job(name, retries=3)
    resque.declare(name, queue="low")
