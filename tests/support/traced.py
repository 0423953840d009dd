"""Spans, metrics and Sentry events: kept in memory, or sent to an HTTP server that stands for a collector and for Sentry."""

from __future__ import annotations

import gzip
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator

from pyresque import Resque
from pyresque.contrib.otel import Tracing
from pyresque.process.host.posix import PosixHost
from pyresque.process.run.worker import build_worker
from pyresque.process.worker.idle import Interval
from pyresque.process.worker.queue_list import QueueList

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan


class FixedIds(IdGenerator):
    """Ids that count, so that a trace is the same each time."""

    def __init__(self) -> None:
        self.spans = self.traces = 0

    def generate_span_id(self) -> int:
        self.spans += 1
        return 0xA000000000000000 + self.spans

    def generate_trace_id(self) -> int:
        self.traces += 1
        return (0xB << 124) + self.traces


class Memory:
    """Providers of OpenTelemetry that keep what they are told."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracer_provider = TracerProvider(id_generator=FixedIds(), shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meter_provider = MeterProvider([self.reader], shutdown_on_exit=False)

    @property
    def providers(self) -> dict[str, Any]:
        return {"tracer_provider": self.tracer_provider, "meter_provider": self.meter_provider}

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        """The ended spans by name; of several with one name the last."""
        return {span.name: span for span in self.exporter.get_finished_spans()}

    def metrics(self) -> dict[str, list[tuple[dict[str, Any], Any]]]:
        """The points of each metric: attributes, and the value or the count."""
        data = self.reader.get_metrics_data()
        found: dict[str, list[tuple[dict[str, Any], Any]]] = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found[metric.name] = [
                        (dict(point.attributes), getattr(point, "value", None) or point.count)
                        for point in metric.data.data_points
                    ]
        return found


def burst(resque: Resque, *queues: str) -> None:
    """Let a worker of this process empty the queues."""
    posix = PosixHost()
    worker = build_worker(resque, QueueList.parse(queues), posix)
    with posix.hearing(worker):
        resque.run(worker.work(Interval.between(0.0)))
    posix.close()


class Sink:
    """What a collector and Sentry were sent. ``hangs``: set it, and no request is answered."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.points: list[tuple[str, dict[str, str], Any]] = []
        self.sentry: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.requests: list[str] = []
        self.hangs = threading.Event()
        self.released = threading.Event()
        self.url = ""

    @property
    def dsn(self) -> str:
        return self.url.replace("://", "://key@") + "/7"

    def events(self, kind: str = "event") -> list[dict[str, Any]]:
        """The items of Sentry's envelopes of a type: ``event``, ``transaction``; one that was sent twice counts once, as in Sentry."""
        found = {item["event_id"]: item for head, item in self.sentry if head["type"] == kind}
        return list(found.values())

    def take(self, path: str, body: bytes) -> None:
        """Take a request's body: a collector's by its path, or an envelope of Sentry's."""
        if path == "/v1/traces":
            for one in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.spans += [span for scope in one.scope_spans for span in scope.spans]
        elif path == "/v1/metrics":
            for two in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for metric in (metric for scope in two.scope_metrics for metric in scope.metrics):
                    self._take_metric(metric)
        elif path.endswith("/envelope/"):
            _, *lines = body.split(b"\n")
            pairs = zip(lines[0::2], lines[1::2])  # noqa: B905 - a line feed may end it
            self.sentry += [(json.loads(head), json.loads(item)) for head, item in pairs]

    def _take_metric(self, metric: Any) -> None:
        data = getattr(metric, metric.WhichOneof("data"))
        for point in data.data_points:
            attributes = {one.key: one.value.string_value for one in point.attributes}
            value = point.as_int if hasattr(point, "as_int") else point.count
            self.points.append((metric.name, attributes, value))

    def sum_of(self, metric: str, **attributes: str) -> int:
        """The sum of the points of a metric whose attributes are these; ``_`` stands for a dot."""
        wanted = {name.replace("_", "."): value for name, value in attributes.items()}
        return sum(
            value
            for name, found, value in self.points
            if name == metric and wanted.items() <= found.items()
        )


@contextmanager
def sink() -> Iterator[Sink]:
    """An HTTP server that takes what exporters send."""
    found = Sink()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.requests.append(self.path)
            if found.hangs.is_set():
                found.released.wait(60)
                return
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            found.take(self.path, body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def passed_on(url: str, raw: str) -> list[str]:
    """Perform Rails' payload of a MailJob; the payloads of the jobs that this job enqueues, one of Resque and one of ActiveJob."""
    memory = Memory()
    with Resque(url, executor="inline") as resque:
        Tracing(resque, write=True, propagation="child", **memory.providers)
        resque.declare("Archive", queue="ruby")

        @resque.active_job("MailJob")
        def mail(number: int) -> None:
            resque.enqueue("Archive", number)
            resque.enqueue_to("ruby", "MailJob", number)

        with resque.redis.pipeline() as pipe:
            pipe.delete("queue:ruby", "queue:mailers").sadd("queues", "mailers")
            pipe.rpush("queue:mailers", raw).execute()
        burst(resque, "mailers")
        return [one.decode() for one in resque.redis.lrange("queue:ruby", 0, -1)]
