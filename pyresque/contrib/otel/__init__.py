"""OpenTelemetry: spans and metrics of jobs, joined with those of Ruby's instrumentations. The extra is ``otel``.

>>> from pyresque.contrib.otel import Tracing
>>> Tracing(resque, propagation="child")
"""

from pyresque.errors import MissingPackage

try:
    from pyresque.contrib.otel.tracing import Tracing
except ModuleNotFoundError as error:
    raise MissingPackage("tracing", "otel", error) from error

__all__ = ["Tracing"]
