"""How log lines are written: Resque's two formats, JSON, and logfmt, under resque-scheduler's names.

Rule: a record is one line of bounded length (a traceback follows, indented), and no line contains an escape sequence. Handlers that
the application has added to logging stay; they get messages without line ends and escape sequences.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pyresque.errors import JobTimeout
from pyresque.printable import MOST_IN_LINE, as_json, in_line, printable

if TYPE_CHECKING:
    from typing_extensions import Self

    from pyresque.settings import Settings

#: What a stream does with a character that it cannot encode: a line of the log must not be lost for it.
ON_ENCODE_ERROR = "backslashreplace"

#: The name of the handler that is set up here.
HANDLER_NAME = "pyresque"

#: Lines of a traceback in the log.
MOST_LINES = 1000

#: Begins each line of a traceback: no text in it can look like a line of the log.
INDENT = "    "


class TextFormatter(logging.Formatter):
    """``*** message``; very verbose ``** [12:00:00 2026-03-01] pid: message`` (Ruby: Verbose and VeryVerboseFormatter)."""

    def __init__(self, *, very_verbose: bool) -> None:
        super().__init__()
        self.very_verbose = very_verbose

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback below it."""
        message, trace = _message_and_trace(self, record)
        lines = [printable(message), *(INDENT + printable(line) for line in trace.splitlines())]
        text = "\n".join(lines)
        if not self.very_verbose:
            return f"*** {text}"
        at = time.strftime("%H:%M:%S %Y-%m-%d", time.localtime(record.created))
        return f"** [{at}] {record.process}: {text}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return as_json(json.dumps(_fields(self, record), ensure_ascii=False))


class LogfmtFormatter(logging.Formatter):
    """``key=value`` pairs, separated by spaces."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return " ".join(
            f"{key}={_quoted(str(value))}" for key, value in _fields(self, record).items()
        )


class _OneLine(str):
    """A message, printable but for its tabs; ``raw``: as it was, for formats that escape it themselves."""

    __slots__ = ("raw",)

    raw: str

    def __new__(cls, raw: str) -> Self:
        made = super().__new__(cls, "\t".join(map(printable, raw.split("\t"))))
        made.raw = raw
        return made


class SafeLogger(logging.Logger):
    """The logger ``pyresque`` of a worker: an error of an application's filter or handler ends no worker and fails no job.

    The application's handlers get each message on one line, too, whatever names and errors from Redis it holds.
    """

    def handle(self, record: logging.LogRecord) -> None:
        """Pass the record to the handlers. An error of theirs becomes one line on standard error."""
        try:
            message = record.getMessage()
            if len(message) > MOST_IN_LINE or not message.isprintable():
                record.msg, record.args = _OneLine(in_line(message)), None
            _shorten(record)
            super().handle(record)
        except JobTimeout:  # raised by a clock in whatever a job does
            raise
        except Exception as error:  # noqa: BLE001 - handlers and filters are anybody's
            _report(
                f"a line of the log was not written: {type(error).__name__}: {in_line(str(error))}"
            )


def _shorten(record: logging.LogRecord) -> None:
    """Cut the fields of a record, and its traceback, if an error of user code has made them too long for a log."""
    fields = getattr(record, "fields", None)
    if fields:
        record.fields = {
            name: in_line(value) if isinstance(value, str) else value
            for name, value in fields.items()
        }
    if record.exc_info and not record.exc_text:
        trace = logging.Formatter().formatException(record.exc_info)
        lines = [in_line(line) for line in trace.splitlines()]
        left_out = len(lines) - MOST_LINES
        if left_out > 0:
            half = MOST_LINES // 2
            lines[half:-half] = [f"... {left_out} more lines ..."]
        shortened = "\n".join(lines)
        if len(shortened) < len(trace):
            record.exc_text = shortened  # what formatters take in place of their own


class _UnwrittenLines:
    """``handleError`` of a log handler: one line on standard error for each reason, not a traceback for each record."""

    def __init__(self, handler: logging.Handler, where: str) -> None:
        self._others = handler.handleError
        self._where = where
        self._reported: set[str] = set()

    def __call__(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if isinstance(
            error, JobTimeout
        ):  # the time limit of a job, raised while the record was written
            raise error
        if not isinstance(error, OSError):
            self._others(record)
            return
        why = error.strerror or type(error).__name__
        if why not in self._reported:
            self._reported.add(why)
            _report(f"the log cannot be written to {self._where}: {why}; the process goes on")


def _report(text: str) -> None:
    with contextlib.suppress(Exception):
        sys.stderr.write(f"pyresque: {printable(text)}\n")


def set_up(settings: Settings) -> None:
    """Send pyresque's log where the settings say: to a file or standard output, or leave it to the application. Raises OSError.

    The application's handlers stay. Standard output is used if there are none, or if a format is asked for; ``app`` leaves
    logging as the application has set it up.
    """
    logger = logging.getLogger("pyresque")
    logger.__class__ = SafeLogger
    if settings.log_format == "app":
        return
    for one in [one for one in logger.handlers if one.name == HANDLER_NAME]:
        logger.removeHandler(one)
        one.close()
    asked = settings.verbose or settings.very_verbose
    if logger.level == logging.NOTSET or asked or not logger.hasHandlers():
        logger.setLevel(settings.log_level.upper())
    if logger.hasHandlers() and not settings.logfile and settings.log_format == "text":
        return
    logger.propagate = logger.propagate and logger.hasHandlers()
    logger.addHandler(_handler(settings))


def _handler(settings: Settings) -> logging.Handler:
    handler: logging.Handler
    if settings.logfile:
        from logging.handlers import WatchedFileHandler  # noqa: PLC0415 - for those who log to a file

        # logrotate moves the file away: the handler opens it again for the next line.
        try:
            handler = WatchedFileHandler(settings.logfile, encoding="utf-8", errors=ON_ENCODE_ERROR)
        except OSError as error:
            why = f"the log file cannot be written: {error.strerror}"
            raise OSError(error.errno, why, settings.logfile) from error
    else:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors=ON_ENCODE_ERROR)
        handler = logging.StreamHandler(sys.stdout)
    where = settings.logfile or "standard output"
    handler.handleError = _UnwrittenLines(handler, where)  # type: ignore[method-assign]
    handler.name = HANDLER_NAME
    formatters: dict[str, logging.Formatter] = {
        "json": JsonFormatter(),
        "logfmt": LogfmtFormatter(),
        "text": TextFormatter(very_verbose=settings.very_verbose),
    }
    handler.setFormatter(formatters[settings.log_format])
    return handler


def _message_and_trace(formatter: logging.Formatter, record: logging.LogRecord) -> tuple[str, str]:
    """Return a record's message and its traceback."""
    trace = record.exc_text or (
        formatter.formatException(record.exc_info) if record.exc_info else ""
    )
    return record.msg.raw if isinstance(record.msg, _OneLine) else record.getMessage(), trace


def _fields(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, object]:
    at = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
    message, trace = _message_and_trace(formatter, record)
    return {
        "timestamp": at,
        "level": record.levelname.lower(),
        "pid": record.process,
        "message": f"{message}\n{trace}" if trace else message,
        **getattr(record, "fields", {}),
    }


def _quoted(value: str) -> str:
    if value and value.isprintable() and not any(char in value for char in ' "='):
        return value
    return as_json(json.dumps(value, ensure_ascii=False))
