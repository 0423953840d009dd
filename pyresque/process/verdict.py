"""What an error says of the command that ran into it: whether another command line would have avoided it."""

from __future__ import annotations

from pyresque import errors
from pyresque.printable import printable

MISUSE = (
    errors.AppImportError,
    errors.ConnectError,
    errors.InvalidFailureQueue,
    errors.NoClassError,
    errors.NoQueueError,
    errors.NotEncodable,
    errors.NothingToPerform,
    errors.PoolFileError,
    errors.ScheduleError,
    errors.ScheduleFileError,
    errors.SettingsError,
    errors.TimestampError,
)

#: Exit codes: bad usage, anything else.
BAD_USAGE, FAILED = 2, 1


def is_misuse(error: Exception) -> bool:
    """Whether another command line would have avoided it."""
    return isinstance(error, MISUSE)


def one_line(message: str) -> str:
    """How trouble is told: on one line."""
    return printable(" ".join(message.split()))
