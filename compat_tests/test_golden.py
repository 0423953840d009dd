"""The harness itself: it puts every recorded state into Redis and back, and it notices what differs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compat_tests.golden import Scenario, Wording, differences, put_state, read_state, scenarios

STATES = [
    pytest.param(state, id=f"{area}-{name}-{when}")
    for area in ("queues", "failures", "worker")
    for name, one in scenarios(area).items()
    for when, state in (("before", one.before), ("after", one.after))
    if state
]


def without_ttl(state: Any) -> Any:
    return {k: {n: v for n, v in entry.items() if n != "ttl"} for k, entry in state.items()}


def left(value: Any, kind: str = "string", **more: Any) -> Scenario:
    return Scenario("queues", "made up", "", after={"key": {"type": kind, "value": value, **more}})


def ours(value: Any, kind: str = "string", **more: Any) -> Any:
    return {"key": {"type": kind, "value": value, **more}}


@pytest.mark.parametrize("state", STATES)
def test_a_recorded_state_comes_back_as_it_was_put(state: Any, db: Any) -> None:
    put_state(db, state)
    assert without_ttl(read_state(db)) == without_ttl(state)


def test_bytes_that_are_no_text_come_back(db: Any) -> None:
    state = {"b64:a/8=": {"type": "list", "value": [{"b64": "//4="}, "text"]}}
    put_state(db, state)
    assert db.lrange(b"k\xff", 0, -1) == [b"\xff\xfe", b"text"]
    assert read_state(db) == state


@pytest.mark.parametrize(
    ("theirs", "found"),
    [
        pytest.param(left("a"), {}, id="a key is missing"),
        pytest.param(left("a"), ours("b"), id="another text"),
        pytest.param(left("1"), ours(1), id="another type of value"),
        pytest.param(left(["a"], "list"), ours(["a"], "set"), id="another type of key"),
        pytest.param(left(["a", "b"], "list"), ours(["b", "a"], "list"), id="another order"),
        pytest.param(left(["a"], "list"), ours(["a", "a"], "list"), id="one too many"),
        pytest.param(left("a", ttl=60), ours("a"), id="no time to live"),
        pytest.param(left("a", ttl=60), ours("a", ttl=50), id="another time to live"),
        pytest.param(left("a"), ours("a", ttl=5), id="a time to live"),
        pytest.param(left("a"), {**ours("a"), "more": ours("a")["key"]}, id="a key too many"),
    ],
)
def test_a_difference_is_noticed(theirs: Scenario, found: Any) -> None:
    assert len(differences(theirs, found)) >= 1


def record(error: str = "e", frames: Any = ("/app/jobs.rb:1:in `perform'",), **more: Any) -> str:
    written = {"exception": "E", "error": error, "backtrace": list(frames), **more}
    return json.dumps(written, separators=(",", ":"))


PYTHON = ("/here/jobs.py:99:in `perform'",)


def test_a_backtrace_is_compared_by_its_functions() -> None:
    theirs = left(record())
    assert differences(theirs, ours(record(frames=PYTHON))) == []
    caused = (*PYTHON, "caused by KeyError: 'a'", "/here/jobs.py:98:in `perform'")
    assert differences(theirs, ours(record(frames=caused))) == []


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(record(frames=()), id="no frames"),
        pytest.param(record(frames=("/here/jobs.py:99:in `other'",)), id="another function"),
        pytest.param(record(frames=("jobs.py, line 99, in perform",)), id="another form"),
        pytest.param(record("f", PYTHON), id="another error"),
        pytest.param(record(frames=PYTHON, queue="low"), id="a key too many"),
    ],
)
def test_a_record_that_differs_is_noticed(found: str) -> None:
    assert len(differences(left(record()), ours(found))) >= 1


def test_python_s_own_wording_is_held_to_what_is_said_of_it() -> None:
    worded = Wording("E", "f+", ["perform"])
    assert differences(left(record()), ours(record("ff", PYTHON)), worded) == []
    assert len(differences(left(record()), ours(record("g", PYTHON)), worded)) >= 1


def test_a_placeholder_stands_for_what_it_says() -> None:
    theirs = Scenario(
        "queues",
        "made up",
        "",
        after={"key": {"type": "string", "value": "(pid <PID>)"}},
        volatile={"<PID>": "[0-9]+"},
    )
    assert differences(theirs, ours("(pid 17)")) == []
    assert len(differences(theirs, ours("(pid x)"))) >= 1
