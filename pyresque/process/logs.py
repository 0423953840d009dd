"""How log lines are written: Resque's own two forms, JSON, and logfmt, as resque-scheduler names them."""

from __future__ import annotations

import io
import json
import logging
import sys
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyresque.settings import Settings

#: A payload's bytes that are no UTF-8 must not cost a line of the log.
LENIENT = "backslashreplace"


class TextFormatter(logging.Formatter):
    """``*** message``; very verbose ``** [12:00:00 2026-03-01] pid: message`` (Ruby: Verbose and VeryVerboseFormatter)."""

    def __init__(self, *, very_verbose: bool) -> None:
        super().__init__()
        self.very_verbose = very_verbose

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback below it."""
        message = _whole(self, record)
        if not self.very_verbose:
            return f"*** {message}"
        at = time.strftime("%H:%M:%S %Y-%m-%d", time.localtime(record.created))
        return f"** [{at}] {record.process}: {message}"


class JsonFormatter(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return json.dumps(_fields(self, record), ensure_ascii=False)


class LogfmtFormatter(logging.Formatter):
    """``key=value`` pairs."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return " ".join(
            f"{key}={_quoted(str(value))}" for key, value in _fields(self, record).items()
        )


def set_up(settings: Settings) -> None:
    """Send pyresque's log where the settings say: a file or standard output."""
    handler: logging.Handler
    if settings.logfile:
        from logging.handlers import WatchedFileHandler  # noqa: PLC0415 - for those who log to a file

        # One that was moved away, as logrotate does, is opened anew for the next line.
        handler = WatchedFileHandler(settings.logfile, encoding="utf-8", errors=LENIENT)
    else:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors=LENIENT)
        handler = logging.StreamHandler(sys.stdout)
    formatters: dict[str, logging.Formatter] = {
        "json": JsonFormatter(),
        "logfmt": LogfmtFormatter(),
        "text": TextFormatter(very_verbose=settings.very_verbose),
    }
    handler.setFormatter(formatters[settings.log_format])
    logger = logging.getLogger("pyresque")
    logger.handlers[:] = [handler]
    logger.setLevel(settings.log_level.upper())
    logger.propagate = False


def _whole(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    message = record.getMessage()
    if record.exc_info:
        message = f"{message}\n{formatter.formatException(record.exc_info)}"
    return message


def _fields(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, object]:
    at = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
    return {
        "timestamp": at,
        "level": record.levelname.lower(),
        "pid": record.process,
        "message": _whole(formatter, record),
        **getattr(record, "fields", {}),
    }


def _quoted(value: str) -> str:
    if value and not any(char in value for char in ' "=\n\t'):
        return value
    return json.dumps(value, ensure_ascii=False)
