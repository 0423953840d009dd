"""The example of a Rails shop with a worker in Python, run as its README says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "examples" / "rails_and_python"
README = (FOLDER / "README.md").read_text(encoding="utf-8")


def pyresque(url: str, *args: str) -> str:
    """Run a command in the example's folder; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "pyresque.cli", *args],
        cwd=FOLDER,
        env={**os.environ, "REDIS_URL": url, "PYTHONPATH": str(FOLDER.parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def commands() -> list[list[str]]:
    """The commands of the README that are pyresque's."""
    return [line.split()[1:] for line in README.splitlines() if line.startswith("    pyresque ")]


def test_python_performs_what_rails_enqueued_and_answers(db, redis_url):
    db.sadd("resque:queues", "python")
    for job in (FOLDER / "from_rails.jsonl").read_text(encoding="utf-8").splitlines():
        db.rpush("resque:queue:python", job)
    peeked, worked, answered = (pyresque(redis_url, *command) for command in commands())
    assert "SyncAccountJob" in peeked
    printed = re.search(r"The worker prints\n\n((?:    .*\n)+)", README)
    assert printed is not None
    assert worked == re.sub("^    ", "", printed[1], flags=re.MULTILINE)
    assert "ReceiptMailJob" in answered
    assert "gid://shop/Account/7, total: 4640" in answered
    assert "gid://shop/Account/7, total: 4640" in README
    assert not db.exists("resque:failed")
    (raw,) = db.lrange("resque:queue:rails", 0, -1)
    assert json.loads(raw)["args"][0]["arguments"] == [
        {"_aj_globalid": "gid://shop/Account/7"},
        {"total": 4640, "_aj_ruby2_keywords": ["total"]},
    ]
