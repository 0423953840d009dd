"""Hostile text in queues, classes, arguments and errors: no log forges a line or commands a terminal, and no title breaks a worker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.hostile_text import EVIL, RAW, payload
from tests.support.live_worker import burst

if TYPE_CHECKING:
    import redis


def filled(db: redis.Redis) -> int:
    """Hostile queues with hostile jobs; how many in the one whose name is UTF-8."""
    jobs = (
        payload(),
        RAW,
        b"[" + RAW,
        json.dumps({"class": "Plain", "args": ["escapes"]}).encode(),
        json.dumps({"class": "Note", "args": [EVIL.replace("\r\n", " ")]}).encode(),
    )
    for queue in (EVIL.encode(), RAW):
        db.sadd("resque:queues", queue)
        db.rpush(b"resque:queue:" + queue, *jobs)
    return len(jobs)


@pytest.mark.parametrize("log_format", ["text", "json", "logfmt"])
@pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])
def test_every_line_of_a_workers_log_is_its_own(
    db: redis.Redis, redis_url: str, tmp_path, executor: str, log_format: str
) -> None:
    count, path = filled(db), tmp_path / "log"
    env = {"RESQUE_EXECUTOR": executor, "LOGFORMAT": log_format, "LOGFILE": str(path)}
    burst(redis_url, "*", program="hostile.py", **env)
    assert int(db.get("resque:stat:processed")) == count
    lines = path.read_bytes().decode().split("\n")
    assert lines.pop() == ""
    begins = {"text": "** [", "json": '{"timestamp": ', "logfmt": "timestamp="}[log_format]
    for line in lines:
        assert line.isprintable(), line
        assert line.startswith(begins), line
    assert sum("forged" in line for line in lines) >= count
    assert sum("is passed over" in line for line in lines) == 1
    assert db.llen(b"resque:queue:" + RAW) == count


def test_titles_with_what_no_title_can_hold_stop_nobody(db: redis.Redis, redis_url: str) -> None:
    """Many workers in one process have one title; one whose log is silent shows its jobs in another way."""
    for env in ({"RESQUE_EXECUTOR": "thread", "COUNT": "2"}, {"VVERBOSE": ""}):
        count = filled(db)
        before = int(db.get("resque:stat:processed") or 0)
        burst(redis_url, "*", program="hostile.py", **env)
        assert int(db.get("resque:stat:processed")) == before + count
