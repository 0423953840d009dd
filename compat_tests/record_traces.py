"""Records golden/traces.json: one trace from a Rails enqueue over a Python job to a Ruby job. See live/traces.rb for what Ruby needs.

REDIS_URL=redis://localhost:6379/9 RUBYLIB=... python -m ruby_fixtures.record_traces
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.traced import passed_on

RUBY = Path(__file__).parent.parent / "ruby_fixtures"

#: What was run; the commits are those of the repositories of open-telemetry and getsentry.
WITH = {
    "ruby": "3.1.2",
    "resque": "3.0.0",
    "activejob": "6.1.7.10",
    "opentelemetry-ruby": "6629eb9",
    "opentelemetry-ruby-contrib": "4d27934",
    "sentry-ruby": "55fbeb0",
}


def ruby(*args: str, given: str = "") -> Any:
    """What live/traces.rb prints."""
    done = subprocess.run(
        ["ruby", str(RUBY / "live" / "traces.rb"), *args],
        env={**os.environ, "RESQUE_ACTIVESUPPORT": "1"},
        input=given,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Record."""
    enqueued = ruby("enqueue")
    payloads = passed_on(os.environ["REDIS_URL"], enqueued["active_job"])
    lines = "\n".join(payloads)
    recorded = {
        "area": "traces",
        "title": "A trace from a Rails enqueue over a Python job to a Ruby job",
        "with": WITH,
        "enqueued": enqueued,
        "python": payloads,
        "performed": {style: ruby("perform", style, given=lines) for style in STYLES},
        "sentry": ruby("sentry"),
    }
    text = json.dumps(recorded, indent=1, ensure_ascii=False)
    (RUBY / "golden" / "traces.json").write_text(text + "\n", encoding="utf-8")


STYLES = ("link", "child", "none")

if __name__ == "__main__":
    sys.exit(main())
