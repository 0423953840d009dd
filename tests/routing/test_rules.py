"""The routing table: which rule decides, what a table may look like, which jobs a share takes."""

from __future__ import annotations

import json
import re

import pytest

from pyresque.errors import RoutingError
from pyresque.job.job import JsonCodec, Payload
from pyresque.routing.rules import MOST_RULES, Routes, Rule
from pyresque.routing.share import goes_to_python, place, routed_class

CODEC = JsonCodec()


def test_the_last_rule_that_matches_decides() -> None:
    routes = Routes.from_settings({"Reports::*": "python", "Reports::Tax": "ruby", "*": "ruby"})
    assert routes.rule_of("Reports::Tax") == Rule("*", "ruby")
    routes = routes.with_rule(Rule.parse("Reports::*", "python=25%"))
    assert [rule.match for rule in routes.rules] == ["Reports::Tax", "*", "Reports::*"]
    assert routes.rule_of("Reports::Tax") == Rule("Reports::*", "python", 25.0)
    assert routes.rule_of("Other") == Rule("*", "ruby")
    assert Routes().rule_of("Other") is None


def test_the_rules_in_redis_stand_above_those_of_the_settings() -> None:
    base = Routes.from_settings({"A": "python", "B": "python"})
    both = Routes((Rule("A", "ruby"),), 4).above(base)
    assert both.version == 4
    assert [both.rule_of(name).to for name in ("A", "B")] == ["ruby", "python"]  # type: ignore[union-attr] # both have one


def test_a_table_is_read_as_it_was_written() -> None:
    routes = Routes((Rule("Ä::*", "python", 12.5), Rule("B", "ruby"), Rule("C", "python", 0)), 7)
    assert Routes.decode(routes.encode()) == routes
    assert json.loads(routes.encode())["rules"][1] == {"match": "B", "to": "ruby", "percent": 100}
    assert Routes.decode(None) == Routes()


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("ruby", Rule("A", "ruby")),
        (" Python ", Rule("A", "python")),
        ("python=25%", Rule("A", "python", 25)),
        ("python = 0.5 %", Rule("A", "python", 0.5)),
        ("python=100", Rule("A", "python")),
    ],
)
def test_targets(target: str, rule: Rule) -> None:
    assert Rule.parse("A", target) == rule
    assert Rule.parse("A", rule.target) == rule


@pytest.mark.parametrize(
    "target",
    [
        "",
        "go",
        "ruby=5%",
        "python=",
        "python=x",
        "python=101%",
        "python=-1%",
        "python=nan",
        "python=inf",
        "python=5%%",
    ],
)
def test_what_is_no_target_is_refused(target: str) -> None:
    with pytest.raises(RoutingError):
        Rule.parse("A", target)


def test_many_patterns_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    routes = Routes(tuple(Rule(f"Mod{n}::*Job?", "ruby") for n in range(MOST_RULES)))
    assert routes.rule_of("Other::Thing") is None
    compiled: list[str] = []
    compile_ = re.compile
    monkeypatch.setattr(re, "compile", lambda *args: [compiled.append(args[0]), compile_(*args)][1])
    assert routes.rule_of("Another::Thing") is None
    assert routes.rule_of("Mod7::MyJobs") is routes.rules[7]
    assert compiled == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense",
        b"\xff\xfe",
        b"[]",
        b"7",
        b"{}",
        b'{"rules":{}}',
        b'{"rules":[7]}',
        b'{"rules":[{"match":"A"}]}',
        b'{"rules":[{"match":"","to":"ruby"}]}',
        b'{"rules":[{"match":"A","to":"perl"}]}',
        b'{"rules":[{"match":"A","to":["ruby"]}]}',
        b'{"rules":[{"match":7,"to":"ruby"}]}',
        b'{"rules":[{"match":"A","to":"python","percent":"25"}]}',
        b'{"rules":[{"match":"A","to":"python","percent":true}]}',
        b'{"rules":[{"match":"A","to":"python","percent":NaN}]}',
        b'{"rules":[{"match":"A","to":"python","percent":1e999}]}',
        b'{"rules":[],"version":"1"}',
        b"[" * 100_000,
        json.dumps({"rules": [{"match": "A" * 1001, "to": "ruby"}]}).encode(),
        json.dumps({"rules": [{"match": "A", "to": "ruby"}] * (MOST_RULES + 1)}).encode(),
    ],
)
def test_a_broken_table_is_an_error(raw: bytes) -> None:
    with pytest.raises(RoutingError):
        Routes.decode(raw)


def active(job_id: object, job_class: object = "SyncJob") -> Payload:
    job = {"job_class": job_class, "job_id": job_id, "arguments": [1]}
    return Payload("ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper", [job])


def test_an_active_job_is_routed_by_its_own_class() -> None:
    assert routed_class(active("x")) == "SyncJob"
    assert routed_class(Payload("Plain", [])) == "Plain"
    assert routed_class(Payload(None, [])) == ""


def test_a_share_is_the_same_jobs_for_ever() -> None:
    # Computed by Ruby: Digest::SHA1.hexdigest('["A",[1,"x"]]')[0, 8].to_i(16) * 100.0 / 2**32
    assert place(CODEC, Payload("A", [1, "x"])) == pytest.approx(SHARE_OF_A)
    assert place(CODEC, Payload("A", [1, "x"], {"traceparent": "00-1"})) == place(
        CODEC, Payload("A", [1, "x"])
    )
    assert place(CODEC, active("c8f0")) == pytest.approx(SHARE_OF_C8F0)


SHARE_OF_A = 8.849071245640516
SHARE_OF_C8F0 = 19.288109708577394


@pytest.mark.parametrize("percent", [0, 0.5, 25, 50, 99])
def test_a_share_is_as_large_as_it_says(percent: float) -> None:
    routes = Routes((Rule("A", "python", percent),))
    taken = sum(goes_to_python(routes, CODEC, Payload("A", [n])) is True for n in range(4000))
    assert taken / 40 == pytest.approx(percent, abs=3)


def test_a_larger_share_holds_the_smaller_one() -> None:
    for n in range(500):
        payload = Payload("A", [n, {"k": "v"}])
        in_small, in_large = (
            goes_to_python(Routes((Rule("A", "python", percent),)), CODEC, payload)
            for percent in (10, 40)
        )
        assert in_large or not in_small


@pytest.mark.parametrize(
    "payload",
    [
        Payload("A", None),
        Payload("A", {"a": 1}),
        Payload("A", [float("nan")]),
        Payload(7, []),
        active(None),
        active(7),
        active(""),
    ],
)
def test_every_payload_has_a_place(payload: Payload) -> None:
    assert 0 <= place(CODEC, payload) < 100
