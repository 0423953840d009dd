"""Every recorded ActiveJob scenario: written, read, failed and retried as Rails did, per version and encoder."""

from __future__ import annotations

from typing import Any

import pytest

from compat_tests.activejob_app import CALLS, INTERRUPTIONS, RULES
from compat_tests.activejob_replay import (
    DIFFERENT,
    ENTRIES,
    LEFT_TO_THE_WRAPPER,
    World,
    difference,
    name_of,
    raw_bytes,
    replay,
    replay_calls,
    replayed,
    set_aside,
    versions,
)
from pyresque.activejob import Envelope, deserialize
from pyresque.activejob.envelope import unwrap
from pyresque.errors import PyresqueError
from pyresque.ruby.json import decode


@pytest.mark.parametrize("entry", list(replayed()), ids=name_of)
def test_a_recorded_scenario_goes_the_same_way_here(entry: dict[str, Any]) -> None:
    for version in versions(entry):
        replay(entry, version)


@pytest.mark.parametrize(
    "entry", [entry for entry in set_aside() if difference(entry)], ids=name_of
)
def test_a_scenario_listed_as_different_does_differ(entry: dict[str, Any]) -> None:
    for version in versions(entry):
        with pytest.raises((AssertionError, PyresqueError)):
            replay(entry, version)


#: No wrapped job hash is in these.
NO_JOB_HASH = ("inbound_not_json", "inbound_job_class_named_directly")


@pytest.mark.parametrize(
    "entry",
    [
        entry
        for entry in ENTRIES
        if entry["name"] in LEFT_TO_THE_WRAPPER
        and entry["payloads"]
        and entry["name"] not in NO_JOB_HASH
    ],
    ids=name_of,
)
def test_what_the_wrapper_will_be_given_can_be_read(entry: dict[str, Any]) -> None:
    for version in versions(entry):
        world = World(entry, version)
        if entry["name"] in CALLS:
            replay_calls(world, entry, CALLS[entry["name"]])
        for found in entry["payloads"]:
            payload = decode(raw_bytes(found["raw"]))
            assert isinstance(payload, dict)
            job = Envelope.from_payload(unwrap(payload["args"]), version=version)
            assert job.to_json()["arguments"] == job.arguments
            deserialize(job.arguments, version=version)


def test_every_table_names_recorded_scenarios_only() -> None:
    names = {entry["name"] for entry in ENTRIES}
    assert set(CALLS) <= names
    assert set(RULES) <= names
    assert set(INTERRUPTIONS) <= names
    assert set(LEFT_TO_THE_WRAPPER) <= names
    assert {name for name, _encoder in DIFFERENT} <= names


def test_every_scenario_that_enqueues_has_its_python_call() -> None:
    inbound = ("inbound", "in_", "mailer_inbound", "continuable_inbound", "continuation_fields")
    calls = {entry["name"] for entry in ENTRIES if not entry["name"].startswith(inbound)}
    assert calls - set(CALLS) - set(LEFT_TO_THE_WRAPPER) == set()


def test_few_scenarios_are_set_aside() -> None:
    differing = [entry for entry in set_aside() if difference(entry)]
    assert len(ENTRIES) == 594
    assert len(differing) <= len(ENTRIES) * 0.05
    assert len(list(replayed())) >= len(ENTRIES) * 0.9
