"""What Django's documentation says of tasks, their results and their signals."""

import asyncio
import json
import pickle
import sys
from datetime import datetime, timedelta, timezone

import django
import pytest
from django.test import override_settings
from django.utils.timezone import now
from shop import tasks

from pyresque.contrib.django import TaskKeptOut, app, resque
from pyresque.errors import JobArgumentError


def test_a_task_has_what_its_decorator_was_given():
    assert (tasks.mail.queue_name, tasks.mail.priority, tasks.mail.backend) == (
        "mail",
        0,
        "default",
    )
    assert tasks.look.takes_context
    assert not tasks.mail.takes_context
    assert tasks.mail.run_after is None
    assert tasks.add.name == "add"
    assert tasks.add.module_path == "shop.tasks.add"


def test_a_task_can_be_called_without_a_queue():
    assert tasks.add.call(1) == 3
    assert tasks.add_later.call(1) == 3
    assert asyncio.run(tasks.add.acall(1)) == 3
    assert asyncio.run(tasks.add_later.acall(1)) == 3


def test_using_makes_another_task():
    later = now() + timedelta(days=1)
    other = tasks.add.using(queue_name="mail", run_after=later)
    assert (other.queue_name, other.run_after) == ("mail", later)
    assert (tasks.add.queue_name, tasks.add.run_after) == ("default", None)
    assert tasks.add.using(backend="ranked", priority=10).priority == 10


def test_the_backend_says_what_it_can(library):
    plain, ranked = library.tasks.task_backends["default"], library.tasks.task_backends["ranked"]
    for backend in (plain, ranked):
        assert backend.supports_defer
        assert backend.supports_async_task
        assert backend.supports_get_result
    assert not plain.supports_priority
    assert ranked.supports_priority
    assert library.tasks.default_task_backend.alias == "default"


@pytest.mark.parametrize(
    "changes",
    [
        {"queue_name": "unheard"},
        {"priority": 1},
        {"priority": 101, "backend": "ranked"},
        {"priority": -101, "backend": "ranked"},
        {"priority": 1.5, "backend": "ranked"},
        {"run_after": datetime(2030, 1, 1)},  # noqa: DTZ001 - naive
    ],
)
def test_a_task_that_the_backend_cannot_perform_is_invalid(library, changes):
    with pytest.raises(library.InvalidTask):
        tasks.add.using(**changes)


def test_a_function_inside_another_is_no_task(library):
    with pytest.raises(library.InvalidTask):

        @library.tasks.task
        def inner():
            pass


def without_context(first):
    """No task by itself."""


def test_a_task_with_context_has_a_parameter_for_it(library):
    with pytest.raises(library.InvalidTask):
        library.tasks.task(takes_context=True)(without_context)


def test_an_enqueued_task_is_ready_and_then_successful(work):
    before = now()
    result = tasks.add.enqueue(1, b=(3))
    assert (result.status, result.args, result.kwargs) == ("READY", [1], {"b": 3})
    assert before <= result.enqueued_at <= now()
    assert result.started_at is result.finished_at is result.last_attempted_at is None
    assert (result.attempts, result.errors, result.worker_ids, result.backend) == (
        *(0, [], []),
        "default",
    )
    assert not result.is_finished
    with pytest.raises(ValueError, match="not finished"):
        _ = result.return_value
    work()
    assert result.status == "READY"
    result.refresh()
    assert (result.status, result.return_value, result.attempts) == ("SUCCESSFUL", 4, 1)
    assert result.is_finished
    assert before <= result.enqueued_at <= result.started_at <= result.finished_at <= now()
    assert result.last_attempted_at == result.started_at
    assert result.task == tasks.add


def test_what_is_awaited_is_the_same(work):
    async def enqueue():
        result = await tasks.add_later.aenqueue(1)
        assert result.status == "READY"
        return result

    result = asyncio.run(enqueue())
    work()

    async def look():
        await result.arefresh()
        found = await tasks.add_later.aget_result(result.id)
        with pytest.raises(Exception, match="nothing"):
            await tasks.add_later.aget_result("nothing")
        return found

    found = asyncio.run(look())
    assert found == result
    assert (found.status, found.return_value) == ("SUCCESSFUL", 3)


@pytest.mark.parametrize("executor", ["inline", "thread", "async", "fork"])
def test_every_executor_performs_plain_and_async_tasks(work, executor):
    results = [
        tasks.add.enqueue(1),
        tasks.add_later.enqueue(2),
        tasks.look.enqueue(note="n"),
        tasks.look_later.enqueue("n"),
        tasks.fail.enqueue("no"),
        tasks.fail_later.enqueue("no"),
    ]
    work(executor)
    for result in results:
        result.refresh()
    done, failed = results[:4], results[4:]
    assert [result.status for result in done] == ["SUCCESSFUL"] * 4
    assert [result.return_value for result in done[:2]] == [3, 4]
    assert done[2].return_value == {
        "attempt": 1,
        "id": done[2].id,
        "status": "RUNNING",
        "stored": "RUNNING",
        "started": True,
        "finished": False,
        "note": "n",
    }
    assert done[3].return_value == [1, "RUNNING", "n"]
    assert [result.status for result in failed] == ["FAILED"] * 2
    assert resque.failures.count() == 2


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {}),
        ((1, [2], {"three": 3}), {"four": None}),
        (({"a": 1},), {}),
        ((1,), {}),
        ((), {"a": {"b": [1.5, True]}}),
    ],
)
def test_arguments_arrive_as_they_were_given(work, args, kwargs):
    result = tasks.anything.enqueue(*args, **kwargs)
    work()
    found = tasks.anything.get_result(result.id)
    assert (found.args, found.kwargs) == (list(args), kwargs)
    assert found.return_value == [list(args), kwargs]


def test_arguments_and_values_are_json(work, library):
    assert tasks.add.enqueue((1, 2), b=(3,)).args == [[1, 2]]
    with pytest.raises(TypeError):
        tasks.add.enqueue(object())
    result = tasks.returns_no_json.enqueue()
    work()
    found = library.tasks.default_task_backend.get_result(result.id)
    assert (found.status, found.errors[0].exception_class) == ("FAILED", TypeError)


def test_a_value_that_is_too_large_fails_the_task_and_says_so(work):
    result = tasks.returns_much.enqueue(2000)
    work()
    result.refresh()
    assert result.errors[0].exception_class is ValueError
    assert "2002 bytes of JSON, and 1000 are kept" in result.errors[0].traceback


def test_arguments_that_the_function_does_not_take_are_an_error_at_once(db):
    with pytest.raises(JobArgumentError, match=r"shop\.tasks\.add\(a, b=2\)"):
        tasks.add.enqueue(1, 2, 3)
    with pytest.raises(JobArgumentError, match="args twice"):
        tasks.anything.enqueue(1, args=2)
    assert db.keys() == []


def test_a_failed_task_tells_its_error(work):
    result = tasks.fail.enqueue("no bread")
    work()
    result.refresh()
    assert result.is_finished
    with pytest.raises(ValueError, match="Task failed"):
        _ = result.return_value
    (error,) = result.errors
    assert error.exception_class is ValueError
    assert error.traceback.startswith("Traceback")
    assert "ValueError: no bread" in error.traceback
    assert resque.failures.all(0)[0].error == "no bread"


def test_an_error_with_half_a_character_and_a_text_without_an_end_stays_what_it_is(work):
    result = tasks.fail_strangely.enqueue()
    work()
    result.refresh()
    (error,) = result.errors
    assert error.exception_class is ValueError
    assert "ValueError: caf? xxx" in error.traceback
    assert len(error.traceback) < 110_000  # each attempt writes all of them again
    assert resque.failures.all(0)[0].exception == "ValueError"


def test_a_task_whose_process_dies_has_failed(work):
    result = tasks.die.enqueue()
    work("fork")
    result.refresh()
    assert (result.status, result.attempts) == ("FAILED", 1)
    assert result.finished_at is not None
    (error,) = result.errors
    assert error.exception_class.__name__ == "DirtyExit"
    assert "SIGKILL" in error.traceback or "signal" in error.traceback


def test_a_task_that_is_retried_counts_its_attempts(work):
    result = tasks.fail_twice.enqueue()
    work()
    result.refresh()
    assert (result.status, result.return_value, result.attempts) == ("SUCCESSFUL", 3, 3)
    assert [error.exception_class for error in result.errors] == [ValueError, ValueError]
    assert len(result.worker_ids) == 3


def test_a_result_is_found_by_its_id_and_by_nothing_else(work, library):
    backend = library.tasks.default_task_backend
    result = tasks.mail.using(queue_name="default").enqueue("ann")
    assert tasks.mail.get_result(result.id) == result
    assert backend.get_result(result.id).task == tasks.mail.using(queue_name="default")
    with pytest.raises(library.TaskResultMismatch):
        tasks.add.get_result(result.id)
    for wrong in ("nothing", "", 7, None, "\ud800"):
        with pytest.raises(library.TaskResultDoesNotExist):
            backend.get_result(wrong)
    handle = resque.handle(result.id)
    assert handle.status().status == "queued"
    handle.cancel()
    work()
    result.refresh()
    assert result.status == "FAILED"
    assert tasks.seen == []


def test_the_name_of_an_error_in_redis_is_looked_up_and_never_imported(
    db, work, tmp_path, monkeypatch
):
    (tmp_path / "planted.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "alias", list[int], raising=False)
    result = tasks.fail.enqueue("no")
    work()
    key = f"resque:status:{result.id}"
    kept = json.loads(db.get(key))
    for path, refused in (
        ("planted.Error", ImportError),
        ("os.system", ValueError),
        ("sys.alias", ValueError),
        ("", ImportError),
    ):
        kept["task"]["errors"][0][0] = path
        db.set(key, json.dumps(kept))
        (error,) = tasks.fail.get_result(result.id).errors
        assert error.exception_class_path == path
        with pytest.raises(refused):
            error.exception_class  # noqa: B018 - a property
    assert "planted" not in sys.modules


def test_a_status_that_is_no_tasks_has_no_result(db, library):
    for kept in (b"{", b"[]", b'{"status": "queued"}', b'{"task": {"class": "os.system"}}'):
        db.set("resque:status:x", kept)
        with pytest.raises(library.TaskResultDoesNotExist):
            library.tasks.default_task_backend.get_result("x")


@pytest.mark.parametrize(
    "kept",
    [
        b'{"status": 7, "task": {"class": "shop.tasks.add"}}',
        b'{"task": {"class": "shop.tasks.add", "args": 7, "kwargs": 7, "errors": 7, "worker_ids": 7}}',
        b'{"task": {"class": "shop.tasks.add", "errors": [7, ["a"], {}], "enqueued_at": 1e99, "priority": "x"}}',
        b'{"options": 7, "task": {"class": "shop.tasks.add", "queue_name": [], "run_after": "x"}}',
    ],
)
def test_a_status_that_somebody_spoilt_is_read_as_far_as_it_goes(db, library, kept):
    db.set("resque:status:x", kept)
    assert library.tasks.default_task_backend.get_result("x").task == tasks.add


def test_a_task_of_another_backend_may_be_sent_to_this_one(work):
    assert "shop.tasks.noted" in [each.name for each in app.resque.registered]
    result = tasks.noted.using(backend="default").enqueue()
    work()
    result.refresh()
    assert result.return_value == "noted"


def test_times_have_no_zone_where_the_site_uses_none(work):
    with override_settings(USE_TZ=False):
        before = datetime.now()  # noqa: DTZ005 - as the site has it
        result = tasks.add.enqueue(1)
        later = tasks.add.using(run_after=before - timedelta(days=1)).enqueue(2)
        work()
        result.refresh()
        later.refresh()
        assert before <= result.enqueued_at <= result.finished_at <= datetime.now()  # noqa: DTZ005
        assert later.task.run_after == before - timedelta(days=1)
        assert (result.return_value, later.return_value) == (3, 4)


def test_a_cancelled_task_has_failed_and_is_no_failed_job(work, heard):
    result = tasks.cancel_itself.enqueue()
    work()
    result.refresh()
    assert (result.status, result.errors[0].exception_class.__name__) == ("FAILED", "JobKilled")
    assert [name for name, _, _ in heard] == ["task_enqueued", "task_started", "task_finished"]
    assert resque.failures.count() == 0
    assert resque.handle(result.id).status().status == "killed"


def test_signals_are_sent_in_order(work, heard):
    tasks.add.enqueue(1)
    assert heard == [("task_enqueued", "ResqueBackend", "READY")]
    work()
    tasks.fail.enqueue("x")
    work()
    assert [(name, status) for name, _, status in heard] == [
        ("task_enqueued", "READY"),
        ("task_started", "RUNNING"),
        ("task_finished", "SUCCESSFUL"),
        ("task_enqueued", "READY"),
        ("task_started", "RUNNING"),
        ("task_finished", "FAILED"),
    ]


def test_a_result_is_stored_before_its_signal_is_sent(work, library):
    states = []

    def look(sender, task_result, **_):
        states.append(str(library.tasks.default_task_backend.get_result(task_result.id).status))
        raise RuntimeError("a receiver that fails harms no task")

    signals = (
        library.signals.task_enqueued,
        library.signals.task_started,
        library.signals.task_finished,
    )
    for signal in signals:
        signal.connect(look)
    try:
        result = tasks.add.enqueue(1)
        work()
    finally:
        for signal in signals:
            signal.disconnect(look)
    assert states == ["READY", "RUNNING", "SUCCESSFUL"]
    result.refresh()
    assert result.return_value == 3


def test_a_task_does_not_run_before_its_time(work, db):
    due = now() + timedelta(hours=1, microseconds=1)
    result = tasks.add.using(run_after=due).enqueue(1)
    work()
    result.refresh()
    assert (result.status, result.task.run_after) == ("READY", due)
    ((_name, score),) = db.zrange("resque:delayed_queue_schedule", 0, -1, withscores=True)
    assert score >= due.timestamp() > score - 1
    assert db.ttl(f"resque:status:{result.id}") > 24 * 3600
    assert resque.enqueue_delayed_selection(lambda _: True) == 1
    work()
    result.refresh()
    assert (result.status, result.return_value, result.args) == ("SUCCESSFUL", 3, [1])
    past = tasks.add.using(run_after=datetime(2020, 1, 1, tzinfo=timezone.utc)).enqueue(1)
    work()
    past.refresh()
    assert past.status == "SUCCESSFUL"


def test_priorities_are_queues(db):
    for priority in (100, 10, 9, 0, -1, -100):
        tasks.add.using(backend="ranked", priority=priority).enqueue(priority)
    sizes = {
        name.decode(): db.llen(f"resque:queue:{name.decode()}")
        for name in db.smembers("resque:queues")
    }
    assert sizes == {"default_high": 2, "default": 2, "slow": 2}


def test_a_task_that_a_hook_keeps_out_says_so(db):
    with pytest.raises(TaskKeptOut, match="kept it out"):
        tasks.kept_out.enqueue()
    assert db.keys("resque:status:*") == []


def test_a_result_is_gone_after_its_time(db):
    result = tasks.add.enqueue(1)
    assert 86_000 < db.ttl(f"resque:status:{result.id}") <= 86_400


@pytest.mark.skipif(django.VERSION < (6, 1), reason="tasks can be pickled since Django 6.1")
@pytest.mark.parametrize("name", ["add", "monthly", "yearly", "look"])
def test_a_task_can_be_pickled(name):
    task = getattr(tasks, name)
    assert pickle.loads(pickle.dumps(task)) == task


def test_the_option_of_another_name_is_refused():
    from pyresque.contrib.django import task

    with pytest.raises(TypeError, match="no option retires"):
        task(retires=3)


@pytest.mark.skipif(
    (6, 0) <= django.VERSION < (6, 1), reason="the task of Django 6.0 takes no further keywords"
)
def test_djangos_own_decorator_takes_the_options_too(library):
    made = library.tasks.task(class_name="Another::Name", retries=1)(module_level)
    assert made.class_name == "Another::Name"


def module_level():
    """A task that is registered by a test."""
