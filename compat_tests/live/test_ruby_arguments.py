"""Arguments of every shape on their way between Python and the real Ruby Resque: the bytes, and what arrives."""

from __future__ import annotations

import json
import signal

import pytest

from compat_tests.live.app import nested_job
from compat_tests.live.peers import echoed, spelled
from compat_tests.live.shapes import ARGUMENTS
from tests.support.eventually import eventually

DIALECTS = {
    "json_gem": {},
    "oj": {"RESQUE_JSON": "oj"},
    "json_gem_activesupport": {"RESQUE_ACTIVESUPPORT": "1"},
    "oj_activesupport": {"RESQUE_JSON": "oj", "RESQUE_ACTIVESUPPORT": "1"},
}


def arriving(dialect):
    """What the arguments are when they have been written in a dialect: Oj drops the sign of a zero."""
    if not dialect.startswith("oj"):
        return list(ARGUMENTS.values())
    return list({**ARGUMENTS, "whole floats": [1.0, 0.0, 1e15, 1e16, 100.0]}.values())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_python_writes_the_very_bytes_that_ruby_writes(ruby, ruby_peer, faces, db, dialect):
    env = DIALECTS[dialect]
    peer, resque = ruby_peer(**env), faces(dialect=dialect)
    peer.ask("configure", json=env.get("RESQUE_JSON", "json_gem"))
    for args in ARGUMENTS.values():
        peer.ask("enqueue", queue="of_ruby", class_="EchoJob", args=args)
        resque.enqueue_to("of_python", "EchoJob", *args)
    of_ruby = db.lrange("resque:queue:of_ruby", 0, -1)
    of_python = db.lrange("resque:queue:of_python", 0, -1)
    assert dict(zip(ARGUMENTS, of_python, strict=True)) == dict(
        zip(ARGUMENTS, of_ruby, strict=True)
    )


@pytest.mark.parametrize("dialect", DIALECTS)
def test_ruby_performs_what_python_enqueued(ruby_worker, faces, db, dialect):
    resque = faces(dialect=dialect)
    for args in ARGUMENTS.values():
        resque.enqueue_to("from_python", "EchoJob", *args)
    worker = ruby_worker("from_python", FORK_PER_JOB="false")
    assert spelled(echoed(db, len(ARGUMENTS))) == spelled(arriving(dialect))
    worker.stop(signal.SIGQUIT)
    assert resque.stat("processed") == len(ARGUMENTS)
    assert resque.stat("failed") == 0


@pytest.mark.parametrize("dialect", DIALECTS)
def test_python_performs_what_ruby_enqueued(ruby_peer, python_worker, db, dialect):
    env = DIALECTS[dialect]
    peer = ruby_peer(**env)
    peer.ask("configure", json=env.get("RESQUE_JSON", "json_gem"))
    for args in ARGUMENTS.values():
        peer.ask("enqueue", class_="EchoJob", args=args)
    fork = "false" if dialect.startswith("oj") else "true"
    worker = python_worker("echo", FORK_PER_JOB=fork)
    assert spelled(echoed(db, len(ARGUMENTS))) == spelled(arriving(dialect))
    worker.stop(signal.SIGQUIT)
    assert (peer.ask("info")["processed"], peer.ask("info")["failed"]) == (len(ARGUMENTS), 0)
    assert peer.ask("workers") == []


def test_what_only_ruby_can_say_arrives_as_text(ruby, python_worker, db):
    ruby.ask(
        "enqueue", class_="EchoJob", ruby_args="[:sym, 1..2, Time.at(0).utc, {a: :b, 1 => nil}]"
    )
    python_worker("echo")
    assert echoed(db) == [["sym", "1..2", "1970-01-01 00:00:00 UTC", {"a": "b", "1": None}]]


def test_a_class_inside_a_module_is_found_by_either_side(
    ruby, ruby_worker, python_worker, resque, db
):
    ruby.ask("enqueue", class_="Deep::NestedJob", args=["to python"])
    worker = python_worker("nested")
    assert echoed(db) == [["to python"]]
    worker.stop(signal.SIGQUIT)
    resque.enqueue(nested_job, "to ruby")
    ruby_worker("nested")
    assert echoed(db) == [["to ruby"]]


def test_keyword_arguments_arrive_as_a_trailing_hash(ruby_worker, resque, db):
    resque.enqueue_to("echo", "EchoJob", 7, force=True, note=None)
    ruby_worker("echo")
    assert echoed(db) == [[7, {"force": True, "note": None}]]


def test_keys_beside_class_and_args_disturb_neither_side(ruby_worker, python_worker, resque, db):
    payload = b'{"class":"EchoJob","queue":"echo","args":[1],"meta":{"trace":"x"}}'
    db.rpush("resque:queue:echo", payload)
    worker = python_worker("echo")
    assert echoed(db) == [[1]]
    worker.stop(signal.SIGQUIT)
    db.rpush("resque:queue:echo", payload)
    ruby_worker("echo")
    assert echoed(db) == [[1]]


def test_the_hooks_of_python_run_around_a_job_of_ruby_in_rubys_order(ruby, python_worker, db):
    def ran():
        return [json.loads(line)[0] for line in db.lrange("live:hooks", 0, -1)]

    ruby.ask("enqueue", class_="HookedJob", args=["x"])
    ruby.ask("perform_next", queue="hooked")
    in_ruby = ran()
    db.delete("live:hooks")
    ruby.ask("enqueue", class_="HookedJob", args=["x"])
    python_worker("hooked")
    assert eventually(ran, lambda names: len(names) >= len(in_ruby)) == in_ruby


def test_the_enqueue_hooks_of_either_side_run_alike(ruby, resque, db):
    def ran():
        lines = [json.loads(line) for line in db.lrange("live:hooks", 0, -1)]
        db.delete("live:hooks")
        return lines

    for args in (["x", 1], ["veto_before_enqueue"]):
        ruby.ask("enqueue", class_="HookedJob", args=args)
        in_ruby, size = ran(), db.llen("resque:queue:hooked")
        db.delete("resque:queue:hooked")
        resque.enqueue_to("hooked", "HookedJob", *args)
        assert (ran(), db.llen("resque:queue:hooked")) == (in_ruby, size)
        db.delete("resque:queue:hooked")
