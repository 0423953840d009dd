"""The page on traces and errors: its modules run in a worker, and their spans and events arrive."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pyresque.contrib import sentry
from pyresque.executor.fork import child_end, child_flush
from tests.support import ROOT
from tests.support.traced import sink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.traced import Sink

#: Sentry imports each package that it has an integration for, and the tests have them all.
ALL, NONE = "    traces_sample_rate=0.1,\n", "    auto_enabling_integrations=False,\n"

PAGE = (ROOT / "docs" / "traces.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL))
COMMANDS = [
    shlex.split(line) for line in re.findall(r"^    (.*pyresque worker.*)$", PAGE, re.MULTILINE)
]


@pytest.fixture
def sent() -> Iterator[Sink]:
    with sink() as found:
        yield found


def work(tmp_path: Any, url: str, *words: str, **told: str) -> None:
    """Run a worker until its queue is empty."""
    for file, code in BLOCKS.items():
        (tmp_path / file).write_text(code.replace(ALL, ALL + NONE), encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    env = {**os.environ, "REDIS_URL": url, "PYTHONPATH": path, **told}
    line = [sys.executable, "-m", "pyresque.cli", "worker", "--burst", *words]
    done = subprocess.run(line, env=env, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr


@pytest.mark.process
def test_the_spans_and_the_metrics_of_the_page_reach_a_collector(db, redis_url, tmp_path, sent):
    db.rpush("resque:queue:reports", json.dumps({"class": "Report", "args": [44]}))
    (command,) = COMMANDS
    told = dict(word.split("=") for word in command if "=" in word)
    words = command[command.index("worker") + 1 :]
    work(tmp_path, redis_url, *words, OTEL_EXPORTER_OTLP_ENDPOINT=sent.url, **told)
    assert sorted(span.name for span in sent.spans) == ["process reports", "render"]
    assert {name for name, *_ in sent.points} == {
        "messaging.client.consumed.messages",
        "messaging.process.duration",
    }


@pytest.mark.process
def test_the_errors_of_the_page_reach_sentry_once(db, redis_url, tmp_path, sent):
    db.rpush("resque:queue:imports", json.dumps({"class": "Import", "args": ["a.csv"]}))
    work(tmp_path, redis_url, "-A", "reported", "-q", "imports", SENTRY_DSN=sent.dsn)
    (event,) = sent.events()
    assert event["exception"]["values"][-1]["value"] == "a.csv"
    assert db.llen("resque:failed") == 3


def test_the_bounds_of_the_page_are_those_of_the_code():
    assert child_end.LIMIT == 2.0
    assert child_flush.SLOW == sentry.FLUSH == 1.0
    assert child_flush.PAUSE == 10.0
