"""What older Ruby libraries left in Redis is read as well as what today's leave: queues and failures."""

from __future__ import annotations

import json
from datetime import timezone
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.golden import Scenario, elements, older
from compat_tests.replay import FACES
from pyresque.ruby.time import parse_time

if TYPE_CHECKING:
    from compat_tests.conftest import Enter
    from pyresque.failure.record import FailedRecord

FLEETS = ("redis_rb_5", "resque_2_7_0", "resque_1_27_4")

LEFT = {
    f"{fleet}-{area}-{name}": scenario
    for fleet in FLEETS
    for area in ("queues", "failures")
    for name, scenario in older(fleet, area).items()
}


def options(scenario: Scenario) -> dict[str, Any]:
    return {"failure_backend": "redis_multi_queue"} if scenario.name.startswith("multi_") else {}


def state_left(scenario: Scenario) -> Scenario:
    """A scenario that begins with what another one left."""
    return Scenario(**{**vars(scenario), "before": scenario.after})


def below(scenario: Scenario, prefix: str) -> list[tuple[str, bytes]]:
    """What stands in the lists whose names begin so: the rest of the name, and each element."""
    start = f"{scenario.namespace}:{prefix}"
    lists = {k: v for k, v in scenario.after.items() if v["type"] == "list" and k.startswith(start)}
    return [(key[len(start) :], raw) for key, raw in elements(lists)]


def failures_left(scenario: Scenario) -> list[bytes]:
    lists = {
        k: v for k, v in scenario.after.items() if k.endswith("failed") and v["type"] == "list"
    }
    return [raw for _, raw in elements(lists)]


def read_failures(r: Any) -> list[FailedRecord]:
    found = [r.failures.all(0, 100, name) for name in r.failures.queues()]
    return [record for page in found for record in page]


def test_there_is_something_of_every_fleet_that_differs() -> None:
    fleets = {name.split("-")[0] for name in LEFT}
    assert fleets == set(FLEETS)
    assert len(LEFT) == 70


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("name", LEFT)
def test_what_an_older_fleet_left_is_read(name: str, face: str, enter: Enter) -> None:
    scenario = state_left(LEFT[name])
    with enter(scenario, **options(scenario)) as w:
        r = w.face(face)
        waiting = below(scenario, "queue:")
        found = [(queue, job) for queue in r.queues() for job in r.peek(queue, 0, 100)]
        assert [(queue, job.raw) for queue, job in found] == waiting
        assert all(job.fault is None for _, job in found if job.raw.startswith(b"{"))
        records = read_failures(r)
        assert [record.raw for record in records] == failures_left(scenario)
        assert [record.fields for record in records] == [json.loads(one.raw) for one in records]
        overview = r.info()
        assert overview.pending == len(waiting)
        assert overview.workers == len(scenario.after.get("resque:workers", {"value": []})["value"])
        for stat in ("processed", "failed", "x", "a"):
            counter = scenario.after.get(f"{scenario.namespace}:stat:{stat}", {"value": "0"})
            assert r.stat(stat) == int(counter["value"])


DATED = {
    name: scenario
    for name, scenario in LEFT.items()
    if any(b'"retried_at"' in raw for raw in failures_left(scenario))
}


@pytest.mark.parametrize("name", DATED)
def test_dates_of_an_older_fleet_are_dates(name: str, enter: Enter) -> None:
    """``retried_at`` had no zone before 3.0: it is the time of the process that wrote it."""
    scenario = state_left(DATED[name])
    with enter(scenario, **options(scenario)) as w:
        for record in read_failures(w.resque):
            for text in (record.failed_at, record.retried_at):
                if text is not None and len(text) > 1:
                    assert parse_time(text).astimezone(timezone.utc).day == 1
        if scenario.name == "redis_requeue":
            (retried,) = [f for f in read_failures(w.resque) if f.class_name == "HighJob"]
            assert retried.retried_at == "2026/03/01 12:00:00"
            assert parse_time(retried.retried_at).timestamp() == scenario.now


@pytest.mark.parametrize("name", DATED)
def test_what_an_older_fleet_retried_can_be_cleared(name: str, enter: Enter) -> None:
    scenario = state_left(DATED[name])
    with enter(scenario, **options(scenario)) as w:
        records = read_failures(w.resque)
        kept = [one.raw for one in records if one.retried_at is None]
        assert w.resque.failures.clear_retried() == len(records) - len(kept) > 0
        assert [one.raw for one in read_failures(w.resque)] == kept


@pytest.mark.parametrize("name", [name for name, one in LEFT.items() if failures_left(one)])
def test_what_an_older_fleet_failed_can_be_put_back(name: str, enter: Enter) -> None:
    scenario = state_left(LEFT[name])
    with enter(scenario, **options(scenario)) as w:
        records = read_failures(w.resque)
        with_job = [one for one in records if one.payload is not None]
        before = w.resque.info().pending
        assert w.resque.failures.requeue_all() == len(with_job)
        assert w.resque.info().pending == before + len(with_job)
        assert all(one.retried_at for one in read_failures(w.resque) if one.payload)
