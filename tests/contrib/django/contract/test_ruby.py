"""Tasks on both sides: what Ruby enqueues, and what it performs."""

import json
from datetime import timedelta

import pytest
from django.utils.timezone import now
from shop import tasks

from pyresque.contrib.django import resque, task
from pyresque.errors import UnknownJobClass

ID = "6b3f2e0c9a8d4d7f8f5f0b1c2d3e4f5a"


def test_a_job_that_ruby_performs_has_the_payload_of_ruby(db):
    tasks.yearly.enqueue(2026)
    tasks.yearly.enqueue(2026, format="csv")
    assert db.lrange("resque:queue:default", 0, -1) == [
        b'{"class":"Reports::Yearly","args":[2026]}',
        b'{"class":"Reports::Yearly","args":[2026,{"format":"csv"}]}',
    ]
    assert db.keys("resque:status:*") == []


def test_a_job_that_ruby_performs_later(db):
    tasks.yearly.using(run_after=now() + timedelta(hours=1)).enqueue(2026)
    (key,) = db.keys("resque:delayed:*")
    assert db.lrange(key, 0, -1) == [b'{"class":"Reports::Yearly","args":[2026],"queue":"default"}']


def test_a_job_that_ruby_performs_is_not_performed_here(work, library):
    result = tasks.yearly.enqueue(2026)
    work()
    assert resque.failures.all(0)[0].error == "uninitialized constant Reports"
    with pytest.raises(library.TaskResultDoesNotExist):
        tasks.yearly.get_result(result.id)


def test_a_class_of_resque_status_has_a_result(db):
    result = tasks.tracked.enqueue(2026)
    assert db.lrange("resque:queue:mail", 0, -1) == [
        b'{"class":"Reports::Tracked","args":["%b",{"year":2026}]}' % result.id.encode()
    ]
    assert tasks.tracked.get_result(result.id).status == "READY"
    status = json.loads(db.get(f"resque:status:{result.id}"))
    status.update({"status": "completed", "message": "Completed at 2026-12-01 08:00:00 +0000"})
    db.set(
        f"resque:status:{result.id}", json.dumps(status)
    )  # as Ruby does, which keeps what it does not know
    result.refresh()
    assert (result.status, result.return_value, result.args) == ("SUCCESSFUL", None, [2026])


@pytest.mark.parametrize(
    ("args", "gives"),
    [
        ('["2026-11"]', ["2026-11", 1]),
        ('["2026-11", 7]', ["2026-11", 7]),
        ('[{"month": "2026-11"}]', ["2026-11", 1]),
        (f'["{ID}", {{"month": "2026-11", "pages": 7}}]', ["2026-11", 7]),
    ],
)
def test_rails_enqueues_a_task_by_its_class(db, work, heard, args, gives):
    db.sadd("resque:queues", "mail")
    db.rpush("resque:queue:mail", f'{{"class":"Reports::Monthly","args":{args}}}')
    work()
    assert resque.failures.count() == 0
    (key,) = db.keys("resque:status:*")
    result = tasks.monthly.get_result(key.decode().rpartition(":")[2])
    assert (result.status, result.return_value) == ("SUCCESSFUL", gives)
    assert [name for name, _, _ in heard] == ["task_started", "task_finished"]


def test_a_task_is_enqueued_by_the_verbs_of_resque(db, work):
    handle = resque.enqueue("Reports::Monthly", "2026-11", pages=2)
    assert db.lrange("resque:queue:mail", 0, -1) == [
        b'{"class":"Reports::Monthly","args":["%b",{"month":"2026-11","pages":2}]}'
        % handle.id.encode()
    ]
    work()
    assert handle.result() == ["2026-11", 2]
    result = tasks.monthly.get_result(handle.id)
    assert (result.args, result.kwargs) == (["2026-11", 2], {}) or result.kwargs == {
        "month": "2026-11",
        "pages": 2,
    }


def test_a_name_in_a_payload_is_never_imported(db, work):
    db.sadd("resque:queues", "default")
    db.rpush("resque:queue:default", '{"class":"os.getcwd","args":[]}')
    work()
    assert resque.failures.all(0)[0].exception == "NameError"


def stub():
    """A task that is registered by a test."""


def test_a_task_is_performed_by_one_side(library):
    with pytest.raises(library.InvalidTask, match="class_name"):
        task(ruby_class="A", class_name="B")(stub)


def takes(context):
    """As above."""


def test_ruby_gets_no_context(library):
    with pytest.raises(library.InvalidTask, match="context"):
        task(ruby_class="A", takes_context=True)(takes)


def test_a_class_that_only_ruby_performs_is_unknown_here():
    with pytest.raises(UnknownJobClass):
        resque.core.registry.find("Reports::Never")
