from __future__ import annotations

import pytest

from pyresque import Resque
from pyresque.errors import (
    DirtyExit,
    HardTimeLimit,
    JobOptionError,
    PruneDeadWorkerDirtyExit,
)
from pyresque.failure.lost_jobs import redeliverable
from pyresque.job.job import JsonCodec, read_job
from pyresque.job.targets import most_redeliveries

WRAPPER = b"ActiveJob::QueueAdapters::ResqueAdapter::JobWrapper"


def job(raw: bytes):
    return read_job(JsonCodec(), "low", raw)


def test_a_job_fails_at_once_unless_it_was_registered_otherwise():
    assert most_redeliveries("fail", None) == 0
    assert most_redeliveries("requeue", None) == 3
    assert most_redeliveries("requeue", 7) == 7


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("retry", None), "on_dirty_exit='retry' is neither 'fail'"),
        (("fail", 3), "max_redeliveries needs on_dirty_exit='requeue'"),
        (("requeue", 0), "max_redeliveries=0 must be a whole number from 1 on"),
        (("requeue", 1.5), "max_redeliveries=1.5 must be"),
        (("requeue", True), "max_redeliveries=True must be"),
    ],
)
def test_words_that_make_no_sense_are_refused_when_the_job_is_registered(words, complaint):
    resque = Resque("redis://nowhere.invalid")
    on_dirty_exit, most = words
    with pytest.raises(JobOptionError, match=complaint):
        resque.job("X", queue="low", on_dirty_exit=on_dirty_exit, max_redeliveries=most)
    with pytest.raises(JobOptionError, match=complaint):
        resque.active_job("X", on_dirty_exit=on_dirty_exit, max_redeliveries=most)


@pytest.mark.parametrize(
    ("error", "may"),
    [
        (DirtyExit("gone"), True),
        (PruneDeadWorkerDirtyExit("w"), True),
        (HardTimeLimit(3), False),
        (ValueError("its own"), False),
    ],
)
def test_only_a_process_that_died_gives_a_job_another_try(error, may):
    resque = Resque("redis://nowhere.invalid")
    resque.job("X", queue="low", on_dirty_exit="requeue")(lambda: None)
    resque.active_job("RailsJob", on_dirty_exit="requeue")(lambda: None)
    resque.job("Plain", queue="low")(lambda: None)
    registry = resque.core.registry
    active = b'{"class":"%s","args":[{"job_class":"RailsJob"}]}' % WRAPPER
    assert (redeliverable(registry, job(b'{"class":"X"}'), error) is not None) is may
    assert (redeliverable(registry, job(active), error) is not None) is may
    for other in (b'{"class":"Plain"}', b'{"class":"Nobody"}', b"no json"):
        assert redeliverable(registry, job(other), error) is None
