"""Every command where what answers is no Redis: a line says so, with the command and what to do, and nothing is a Python message."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.every_command import lines
from tests.support.odd_server import ANSWERS, odd_server

NAMES = {"queue": "low", "worker": "host:1:low", "job": "Archive", "entry": "nightly"}

#: What Python says of a value that is not what it is taken for.
PYTHONS = re.compile(r"(Type|Value|Attribute|Index|Key|Unpack)\w*Error|NoneType|invalid literal|subscriptable|has no attribute|values to unpack")  # fmt: skip


@pytest.mark.process
@pytest.mark.parametrize("name", ANSWERS)
def test_no_command_shows_what_python_says(run, monkeypatch, name):
    Path("schedule.yml").write_text("nightly: {every: 1h, class: X, queue: q}")
    told = 0
    with odd_server(lambda _: ANSWERS[name]) as url:
        monkeypatch.setenv("REDIS_URL", url)
        for line in lines(**NAMES):
            if "--json" in line:
                continue
            result = run(*line)
            assert result.exception is None or isinstance(result.exception, SystemExit), line
            assert not PYTHONS.search(result.output), (line, result.output)
            told += f"Redis at {url} answered " in result.output
    assert told > 50 or name == "error"


def test_the_doctor_says_what_came_where_and_what_to_do(run, monkeypatch):
    with odd_server(lambda _: ANSWERS["OK"]) as url:
        monkeypatch.setenv("REDIS_URL", url)
        result = run("doctor")
    assert result.exit_code == 1
    line = (
        f"could not look at jobs: Redis at {url} answered 'OK' to SMEMBERS resque:queues, not a list of texts: see that the URL "
        "leads to a Redis server, and that a proxy in front of it carries this command out"
    )
    assert line in result.output.replace("\n", " ")


def test_a_job_that_was_not_pushed_is_not_said_to_be_enqueued(run, monkeypatch):
    """A proxy that answers OK to what it does not carry out lost it in silence."""
    with odd_server(lambda _: ANSWERS["OK"]) as url:
        monkeypatch.setenv("REDIS_URL", url)
        result = run("enqueue", "Archive", "1", "--queue", "low")
    assert result.exit_code == 1
    assert "answered 'OK' to SADD resque:queues, not a number" in result.output
