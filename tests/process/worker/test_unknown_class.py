from __future__ import annotations

import logging

import pytest

from pyresque import Resque
from pyresque.activejob.registry import WRAPPER
from pyresque.process.run.worker import run_worker


@pytest.fixture
def resque(redis_url):
    made = Resque(redis_url, queues=("low",), executor="inline")
    yield made
    made.close()


def failed(resque, caplog, queue, name, *args):
    resque.enqueue_to(queue, name, *args)
    with caplog.at_level(logging.ERROR, "pyresque"):
        run_worker(resque, burst=True)
    return resque.run(resque.core.failures.all(0, 1))[0], caplog.text


def test_the_log_says_of_an_unknown_class_what_is_registered_and_where(resque, caplog):
    resque.job("Archive")(print)
    resque.job("Mailer")(len)
    record, text = failed(resque, caplog, "low", "Nobody", 1)
    assert (record.exception, record.error) == ("NameError", "uninitialized constant Nobody")
    assert (
        "NameError: uninitialized constant Nobody (the jobs registered here are Archive (builtins), Mailer (builtins); "
        "name the module that registers it by -A"
    ) in text


def test_an_application_without_jobs_says_so(resque, caplog):
    _, text = failed(resque, caplog, "low", "Nobody")
    assert "(no jobs are registered here; " in text


def test_of_many_registered_jobs_the_first_are_named(resque, caplog):
    for at in range(30):
        resque.job(f"Job{at:02}")(print)
    _, text = failed(resque, caplog, "low", "Nobody")
    assert "Job11 (builtins) and 18 more;" in text


def test_the_log_of_an_unknown_active_job_names_the_active_jobs(resque, caplog):
    resque.active_job("Nightly")(print)
    _, text = failed(resque, caplog, "low", WRAPPER, {"job_class": "Nobody", "arguments": []})
    assert "the active jobs registered here are Nightly (builtins);" in text


def test_a_name_error_of_a_jobs_own_has_no_such_hint(resque, caplog):
    @resque.job("Slip")
    def slip():
        return undefined  # noqa: F821 - that is the test

    _, text = failed(resque, caplog, "low", "Slip")
    assert "NameError" in text
    assert "registered here" not in text
