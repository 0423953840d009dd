"""The table of ``job/plain.py``, line by line."""

from __future__ import annotations

import pytest

from pyresque.job.hooks import NO_HOOKS, PERFORMING, WorkerHooks
from pyresque.job.job import JsonCodec, read_job
from pyresque.job.limits import TimeLimit
from pyresque.job.plain import (
    fast_entry,
    is_plain,
    plain_call,
    plain_entry,
    server_allows,
    server_can_reserve,
)
from pyresque.job.registry import Registry


def nothing(*_args):
    return None


def job(args=b"[]"):
    return read_job(JsonCodec(), "low", b'{"class":"Job","args":' + args + b"}")


@pytest.mark.parametrize("prefix", PERFORMING)
def test_a_job_is_plain_only_while_no_hook_runs_with_it(prefix):
    registry = Registry()

    class Job:
        @staticmethod
        def perform() -> None: ...

    registry.add(Job)
    payload = {"class": "Job", "args": []}
    entry = registry.find("Job")
    assert fast_entry(registry, "Job") is plain_entry(registry, "Job") is entry
    assert plain_call(registry, payload) == (entry, [])
    setattr(Job, f"{prefix}_x", staticmethod(nothing))
    assert fast_entry(registry, "Job") is plain_entry(registry, "Job") is None
    assert plain_call(registry, payload) is None
    assert not is_plain(registry, job())
    assert registry.describe(Job).hooks != NO_HOOKS  # another look changes nothing
    assert fast_entry(registry, "Job") is None
    delattr(Job, f"{prefix}_x")
    assert fast_entry(registry, "Job") is plain_entry(registry, "Job") is entry
    Job.before_enqueue_x = staticmethod(nothing)
    assert fast_entry(registry, "Job") is entry
    assert plain_call(registry, payload) == (entry, [])


@pytest.mark.parametrize(
    ("options", "plain", "fast"),
    [
        ({}, True, True),
        ({"kwargs": True}, True, False),
        ({"redeliveries": 1}, True, False),
        ({"timeout": TimeLimit(hard=1.0)}, False, False),
    ],
)
def test_options_of_a_class(options, plain, fast):
    registry = Registry()
    entry = registry.add(nothing, name="Job", **options)
    assert is_plain(registry, job()) is plain
    assert plain_entry(registry, "Job") is (entry if plain else None)
    assert fast_entry(registry, "Job") is (entry if fast else None)


def test_a_trailing_hash_becomes_keyword_arguments_and_so_is_no_plain_call():
    registry = Registry()
    registry.add(nothing, name="Job", kwargs=True)
    assert is_plain(registry, job(b"[1]"))
    assert not is_plain(registry, job(b'[{"a":1}]'))


@pytest.mark.parametrize(
    "payload",
    [
        *(None, 1, "text", [], ["class"], {}, {"class": "Job"}, {"class": "Other", "args": []}),
        *(
            {"class": ["Job"], "args": []},
            {"class": "Job", "args": {}},
            {"class": None, "args": []},
        ),
    ],
)
def test_a_payload_that_is_no_plain_call(payload):
    registry = Registry()
    registry.add(nothing, name="Job")
    for _ in range(2):  # at first, and once the class is known
        assert plain_call(registry, payload) is None
        assert plain_call(registry, {"class": "Job", "args": [1]})


def test_a_class_without_perform_is_plain_and_still_takes_no_fast_path():
    class Job:  # resque-scheduler calls it, and queues nothing
        @staticmethod
        def scheduled(*_args) -> None: ...

    registry = Registry()
    registry.add(Job)
    assert plain_entry(registry, "Job") is not None
    assert fast_entry(registry, "Job") is None


def test_names_that_nobody_registered_are_not_kept():
    registry = Registry()
    for name in ("One", "Another", "Job::Path", 7, None):
        assert fast_entry(registry, name) is None
    assert registry.fast_entries == {}


def test_what_the_processes_ask():
    hooks = WorkerHooks()
    assert server_allows(hooks)
    hooks.add("before_fork", nothing)
    assert not server_allows(hooks)
    assert server_can_reserve("json", system_clock=True, patterns=False)
    assert not server_can_reserve("msgpack", system_clock=True, patterns=False)
    assert not server_can_reserve("json", system_clock=False, patterns=False)
    assert not server_can_reserve("json", system_clock=True, patterns=True)
