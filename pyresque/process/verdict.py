"""What an error says of the command that ran into it: whether another command line would have avoided it."""

from __future__ import annotations

from pyresque.errors import (
    AppImportError,
    ConnectError,
    InvalidFailureQueue,
    NoClassError,
    NoQueueError,
    NotEncodable,
    NothingToPerform,
    ScheduleError,
    ScheduleFileError,
    SettingsError,
    TimestampError,
)

MISUSE = (
    AppImportError,
    ConnectError,
    InvalidFailureQueue,
    NoClassError,
    NoQueueError,
    NotEncodable,
    NothingToPerform,
    ScheduleError,
    ScheduleFileError,
    SettingsError,
    TimestampError,
)

#: Exit codes: bad usage, anything else.
BAD_USAGE, FAILED = 2, 1


def is_misuse(error: Exception) -> bool:
    """Whether another command line would have avoided it."""
    return isinstance(error, MISUSE)


def one_line(message: str) -> str:
    """How trouble is told: on one line."""
    return " ".join(message.split())
