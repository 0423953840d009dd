"""The metrics: how many jobs were sent and performed, how long that took, how many failed (``error.type``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyresque.contrib.otel.described import ERROR_TYPE, PROCESS, SEND, metric_attributes

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

#: The bounds of the histograms' buckets, in seconds, by the conventions; and longer ones, for jobs.
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
OF_JOBS: Final = (*SECONDS, 30.0, 60.0, 300.0, 1800.0, 7200.0)


class Instruments:
    """Counts and measures by the instruments of a meter."""

    def __init__(self, meter: Meter) -> None:
        self._sent = meter.create_counter("messaging.client.sent.messages", "{message}")
        self._consumed = meter.create_counter("messaging.client.consumed.messages", "{message}")
        self._sending = meter.create_histogram(
            "messaging.client.operation.duration",
            "s",
            explicit_bucket_boundaries_advisory=SECONDS,
        )
        self._processing = meter.create_histogram(
            "messaging.process.duration", "s", explicit_bucket_boundaries_advisory=OF_JOBS
        )

    def sent(self, queue: str | None, seconds: float, error: str | None, *, sent: bool) -> None:
        """Measure an enqueue, and count the job if it was one: a middleware may have refused it."""
        attributes = metric_attributes(SEND, queue)
        if error is not None:
            attributes[ERROR_TYPE] = error
        self._sending.record(seconds, attributes)
        if sent or error is not None:
            self._sent.add(1, attributes)

    def processed(self, queue: str, seconds: float | None, error: str | None) -> None:
        """Count a job that was performed, and measure it; ``seconds`` is None where nobody knows how long it took."""
        attributes = metric_attributes(PROCESS, queue)
        if error is not None:
            attributes[ERROR_TYPE] = error
        self._consumed.add(1, attributes)
        if seconds is not None:
            self._processing.record(seconds, attributes)
