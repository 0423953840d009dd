"""Standard output and error that may be closed, on a full disk, or on a terminal that is gone. Light."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


def open_what_is_closed() -> None:
    """Have the descriptors 0, 1 and 2 open, at the start of a program: else its next socket or file has one of these numbers.

    What is printed to one that was closed goes nowhere.
    """
    number = 0
    while number <= 2:  # noqa: PLR2004 - standard error
        number = os.open(os.devnull, os.O_RDWR)
        if number <= 2:  # noqa: PLR2004 - as above
            os.set_inheritable(number, True)
    os.close(number)
    if sys.stdout is None:
        sys.stdout = _text(1)
    if sys.stderr is None:
        sys.stderr = _text(2)


def _text(number: int) -> TextIO:
    return open(number, "w", encoding="utf-8", errors="replace", closefd=False)


def lose(error: OSError) -> str:
    """The complaint about an output that could not be written. What is printed from now on goes to the null device."""
    if error.filename is not None:
        return str(error)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
    return f"standard output cannot be written: {error.strerror}"


def flush() -> None:
    """Write out what was printed, as far as it can be."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # none, closed, or there is no room
            continue
