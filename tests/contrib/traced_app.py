"""An application with OpenTelemetry and Sentry; for ``pyresque worker -A tests.contrib.traced_app``."""

from __future__ import annotations

import asyncio
import os
import signal

import sentry_sdk
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from pyresque import Resque
from pyresque.contrib.otel import Tracing
from pyresque.contrib.sentry import ResqueIntegration
from pyresque.plugins import Retry

resque = Resque()
if "WITH_HOOK" in os.environ:  # then the worker forks by itself
    resque.before_fork(lambda _job: None)

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())]))
Tracing(resque, write=True, propagation="child")
sentry_sdk.init(
    os.environ["SENTRY"],
    release="1",
    auto_enabling_integrations=False,  # each that is installed here would be imported
    traces_sample_rate=1.0,
    integrations=[ResqueIntegration(resque)],
)
tracer = trace.get_tracer("app")


@resque.job("Work", queue="low")
def work(number: int) -> None:
    with tracer.start_as_current_span(f"inner {number}"):
        resque.enqueue_to("ruby", "Archive", number)


@resque.job("Await", queue="low")
async def wait(number: int) -> None:
    await asyncio.sleep(0)
    with tracer.start_as_current_span(f"inner {number}"):
        await asyncio.sleep(0)


@resque.job("Again", queue="low", plugins=[Retry(limit=1)])
def again() -> None:
    raise ValueError("of each attempt")


@resque.job("Die", queue="low")
def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
