"""The verbs of queues, each side on what the other has written: found, counted, removed."""

from __future__ import annotations

import pytest

from compat_tests.live.app import EchoJob
from compat_tests.live.shapes import ARGUMENTS

# Without arguments a removal means every job of the class, on both sides; it has a test of its own.
WITH_ARGUMENTS = {name: args for name, args in ARGUMENTS.items() if args}


@pytest.mark.parametrize("verb", ["dequeue", "destroy"])
@pytest.mark.parametrize("shape", WITH_ARGUMENTS)
def test_ruby_removes_what_python_enqueued(ruby, resque, db, shape, verb):
    args = ARGUMENTS[shape]
    resque.enqueue(EchoJob, *args)
    resque.enqueue(EchoJob, "another")
    assert ruby.ask(verb, queue="echo", class_="EchoJob", args=args) == 1
    assert resque.peek("echo")[0].args == ("another",)
    assert resque.size("echo") == 1


@pytest.mark.parametrize("shape", WITH_ARGUMENTS)
def test_python_removes_what_ruby_enqueued(ruby, resque, db, shape):
    args = ARGUMENTS[shape]
    for _ in range(2):
        ruby.ask("enqueue", class_="EchoJob", args=args)
        ruby.ask("enqueue", class_="EchoJob", args=["another"])
        assert resque.dequeue(EchoJob, *args) == 1
        assert ruby.ask("pop", queue="echo") == {"class": "EchoJob", "args": ["another"]}
        ruby.ask("enqueue", class_="EchoJob", args=args)
        assert resque.destroy("echo", "EchoJob", *args) == 1
        assert ruby.ask("size", queue="echo") == 0


@pytest.mark.parametrize("env", [{"RESQUE_JSON": "oj"}, {"RESQUE_ACTIVESUPPORT": "1"}], ids=str)
@pytest.mark.parametrize("shape", WITH_ARGUMENTS)
def test_python_removes_what_another_encoder_of_ruby_wrote(ruby_peer, resque, db, shape, env):
    peer = ruby_peer(**env)
    peer.ask("configure", json=env.get("RESQUE_JSON", "json_gem"))
    peer.ask("enqueue", class_="EchoJob", args=ARGUMENTS[shape])
    assert resque.dequeue(EchoJob, *ARGUMENTS[shape]) == 1


def test_without_arguments_all_jobs_of_the_class_go_and_no_others(ruby, resque, db):
    for _ in range(2):
        ruby.ask("enqueue", class_="EchoJob", args=[1])
        resque.enqueue(EchoJob, 2)
        resque.enqueue_to("echo", "Another", 3)
        assert ruby.ask("destroy", queue="echo", class_="EchoJob") == 2
        resque.enqueue(EchoJob, 2)
        ruby.ask("enqueue", class_="EchoJob", args=[1])
        assert resque.destroy("echo", "EchoJob") == 2
        assert [job.class_name for job in resque.peek("echo", 0, 9)] == ["Another"]
        assert resque.remove_queue("echo") == (1, 1)


def test_both_sides_see_the_same_queues(ruby, resque, db):
    resque.enqueue(EchoJob, 1)
    ruby.ask("enqueue", class_="EchoJob", args=[2])
    ruby.ask("enqueue", class_="Elsewhere", args=[], queue="caf\u00e9 queue")
    resque.enqueue_many([(EchoJob, 3), (EchoJob, {"a": [None]})])
    assert resque.queues() == sorted(ruby.ask("queues")) == ["caf\u00e9 queue", "echo"]
    assert resque.queue_sizes() == ruby.ask("queue_sizes") == {"caf\u00e9 queue": 1, "echo": 4}
    seen_by_ruby = ruby.ask("peek", queue="echo", start=0, count=9)
    seen_by_python = resque.peek("echo", 0, 9)
    assert [(job["class"], job["args"]) for job in seen_by_ruby] == [
        (job.class_name, list(job.args)) for job in seen_by_python
    ]
    assert [job["args"] for job in seen_by_ruby] == [[1], [2], [3], [{"a": [None]}]]


def test_jobs_are_taken_in_the_order_they_came_whoever_takes_them(ruby, resque, db):
    for number in range(4):
        resque.enqueue(EchoJob, number)
    assert ruby.ask("pop", queue="echo")["args"] == [0]
    assert resque.pop("echo")["args"] == [1]
    assert resque.reserve("echo").args == (2,)
    assert ruby.ask("pop", queue="echo")["args"] == [3]
    assert resque.pop("echo") is None


def test_a_queue_removed_by_one_side_is_gone_for_the_other(ruby, resque, db):
    resque.enqueue(EchoJob, 1)
    ruby.ask("remove_queue", queue="echo")
    assert resque.queues() == []
    ruby.ask("enqueue", class_="EchoJob", args=[1])
    resque.remove_queue("echo")
    assert ruby.ask("queues") == []
    assert db.keys("*") == []


def test_the_overview_says_the_same_on_both_sides(ruby, resque, db):
    resque.enqueue(EchoJob, 1)
    ruby.ask("enqueue", class_="EchoJob", args=[2], queue="other")
    of_ruby, of_python = ruby.ask("info"), resque.info()
    for name in ("pending", "processed", "queues", "workers", "working", "failed"):
        assert (name, getattr(of_python, name)) == (name, of_ruby[name])


def test_a_namespace_of_its_own_keeps_both_sides_apart_from_others(ruby, faces, db):
    ruby.ask("configure", namespace="shop:live")
    resque = faces(namespace="shop:live")
    ruby.ask("enqueue", class_="EchoJob", args=[1])
    assert resque.dequeue(EchoJob, 1) == 1
    resque.enqueue(EchoJob, 2)
    assert ruby.ask("pop", queue="echo")["args"] == [2]
    assert {key.split(b":")[0] for key in db.keys("*")} == {b"shop"}
