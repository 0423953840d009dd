from __future__ import annotations

import pytest

from pyresque.activejob.describe import due_since
from pyresque.job.job import Payload

WRAPPER = "ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"
NOON = 1772366400


def active(**fields: object) -> Payload:
    return Payload(WRAPPER, [{"job_class": "X", **fields}])


@pytest.mark.parametrize(
    ("fields", "since"),
    [
        ({"enqueued_at": "2026-03-01T12:00:00Z"}, NOON),
        ({"enqueued_at": "2026-03-01T12:00:00.500000000Z"}, NOON + 0.5),
        (
            {"enqueued_at": "2026-03-01T12:00:00Z", "scheduled_at": "2026-03-01T13:00:00Z"},
            NOON + 3600,
        ),
        ({"enqueued_at": "2026-03-01T12:00:00Z", "scheduled_at": None}, NOON),
        ({}, None),
        ({"enqueued_at": "yesterday"}, None),
        ({"enqueued_at": 7}, None),
    ],
)
def test_an_active_job_waits_since_its_enqueueing_or_the_time_it_was_meant_for(fields, since):
    assert due_since(active(**fields)) == since


def test_of_other_jobs_nobody_knows():
    assert due_since(Payload("Archive", [1])) is None
