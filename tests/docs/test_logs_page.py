"""The page on logs: each recipe runs in a worker, and its lines tell of which job they are."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from pyresque import Resque
from pyresque.contrib.logs import NO_JOB
from tests.support import ROOT

PAGE = (ROOT / "docs" / "logs.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def work(redis_url, db, tmp_path):
    """Perform what is queued, by a worker of one of the page's modules; the lines that it has logged."""
    for file, code in BLOCKS.items():
        (tmp_path / file).write_text(code, encoding="utf-8")

    def working(module, *options, prologue=""):
        if prologue:
            whole = (tmp_path / f"{module}.py").read_text(encoding="utf-8")
            (tmp_path / f"{module}.py").write_text(prologue + whole, encoding="utf-8")
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pyresque.cli", "worker", "-A", f"{module}:resque"),
                *("-q", "reports,invoices", "--burst", *options),
            ],
            env={
                **os.environ,
                "REDIS_URL": redis_url,
                "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
        return done.stderr.splitlines()

    return working


@pytest.fixture
def enqueued(redis_url, db):
    """Enqueue a job that a module of the page will perform; of a tracked one its id."""
    with Resque(redis_url) as resque:
        resque.job("Report", queue="reports", tracked=True)(lambda number: None)
        yield lambda *call: getattr(resque.enqueue_to(*call), "id", None)


@pytest.mark.process
def test_a_pattern(work, enqueued):
    uuid = enqueued("reports", "Report", 44)
    (line,) = work("jobs")
    shown = next(one for one in PAGE.splitlines() if one.startswith("    INFO ")).strip()
    worker = re.match(r"INFO (\S+:\d+):reports,invoices ", line)[1]
    assert line == re.sub(r"[0-9a-f]{32}", uuid, shown).replace(
        "host:7:reports", f"{worker}:reports,invoices"
    )


@pytest.mark.process
@pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])
def test_json_and_the_lines_of_the_worker_itself(work, enqueued, executor):
    uuid = enqueued("reports", "Report", 44)
    start, got, own, done = map(json.loads, work("as_json", "-v", "--executor", executor))
    job = {"queue": "reports", "class": "Report", "job_id": uuid}
    job["worker"] = re.search(r"starts as worker (\S+): ", start["message"])[1]
    assert own == {"asctime": own["asctime"], "levelname": "INFO", "message": "report 44", **job}
    assert start.keys().isdisjoint(job)
    for line, event in ((got, "got"), (done, "done")):
        assert line | {**job, "event": event} == line
    assert done["duration"] >= 0
    assert "fields" not in done


@pytest.mark.process
def test_logfmt_by_structlog(work, enqueued):
    enqueued("invoices", "Invoice", 44)
    _, got, *own, done = work("as_logfmt", "-v")
    shown = re.findall(r"^    (level=.*)$", PAGE, re.MULTILINE)
    worker = re.search(r"worker=(\S+)", got)[1]
    assert own == [line.replace("host:7:invoices", worker) for line in shown]
    assert re.search(rf" queue=invoices class=Invoice worker={worker} duration=[0-9.]+$", done)


#: Takes what would go to Sentry, and prints it.
SINK = """
import json, sys, sentry_sdk.transport
class Sink(sentry_sdk.transport.Transport):
    def capture_envelope(self, envelope):
        print(json.dumps(envelope.get_event()["tags"]), file=sys.stderr)
    def flush(self, timeout, callback=None): ...
    def kill(self): ...
import functools
options = {"dsn": "http://key@localhost/1", "transport": Sink, "auto_enabling_integrations": False}
sentry_sdk.init = functools.partial(sentry_sdk.init, **options)
"""


@pytest.mark.process
def test_sentry(work, enqueued):
    enqueued("reports", "Careful")
    tags = next(
        json.loads(line) for line in work("to_sentry", prologue=SINK) if "resque" in line[:9]
    )
    assert tags.pop("resque.worker").endswith(":reports,invoices")
    assert tags == {"resque.queue": "reports", "resque.class": "Careful"}


#: Sets up OpenTelemetry's SDK, as an application does elsewhere; spans are printed when they end.
TRACING = """
import sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
trace.set_tracer_provider(TracerProvider())
exporter = ConsoleSpanExporter(out=sys.stderr, formatter=lambda span: span.to_json(indent=None) + "\\n")
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(exporter))
"""


@pytest.mark.process
def test_opentelemetry(work, enqueued):
    enqueued("reports", "Traced")
    line, printed = work("with_traces", prologue=TRACING)
    span = json.loads(printed)
    ids = span["context"]["trace_id"][2:], span["context"]["span_id"][2:]
    assert line == f"{ids[0]} {ids[1]} Traced -: charged"
    assert span["attributes"] | {"resque.queue": "reports"} == span["attributes"]


def test_the_page_names_every_field():
    table = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert table == list(NO_JOB)
