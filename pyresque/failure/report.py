"""What is told of an error: its name, its text and its backtrace, in the form that Ruby records and ``resque-web`` shows.

Law: nothing here raises, whatever the error does when it is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyresque.user_errors import (
    as_raised,
    attribute,
    cause_of,
    clean,
    cut,
    exception_name,
    text_of,
    traceback_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType, TracebackType

#: Frames kept of one error: the innermost half and the outermost half; a runaway recursion has thousands.
MOST_FRAMES = 200

#: Errors told beside the first (causes, the errors inside a group), and lines of a backtrace after which no further error is told.
MOST_ERRORS, MOST_LINES = 50, 1000

#: Characters of a text, and notes of an error, that stand inside a backtrace.
MOST_TEXT_BELOW, MOST_NOTES = 2000, 20

#: What stands before a cause; one without frames is not told.
CAUSED_BY = "caused by"

#: A backtrace ends at this module, as Ruby cuts its own at ``resque/job.rb``; the package's other frames tell nothing of
#: the job either.
CUT = "pyresque.job.perform"
OURS = "pyresque."


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """An error as it is recorded; ``backtrace`` from the innermost frame outwards."""

    exception: str
    error: str
    backtrace: tuple[str, ...] = ()


def report(error: BaseException) -> ErrorReport:
    """Tell an error."""
    error = as_raised(error)
    return ErrorReport(exception_name(error), text_of(error), tuple(_backtrace(error)))


def _backtrace(error: BaseException) -> list[str]:
    """The error's frames; below them the errors inside it, where it is a group, and its cause, each with the same of its own."""
    lines: list[str] = []
    seen: set[int] = set()
    waiting = [("", error)]
    while waiting:
        heading, one = waiting.pop()
        if id(one) in seen:
            continue
        if len(seen) > MOST_ERRORS or len(lines) > MOST_LINES:
            lines.append("... more errors ...")
            break
        seen.add(id(one))
        told = [*_frames(traceback_of(one)), *_notes(one)]
        if heading and (told or heading != CAUSED_BY):
            text = cut(text_of(one), MOST_TEXT_BELOW)
            lines.append(f"{heading} {exception_name(one)}: {text}")
        lines += told
        cause, inside = cause_of(one), _inside(one)
        if cause is not None:
            waiting.append((CAUSED_BY, cause))
        shown = list(enumerate(inside[: MOST_ERRORS + 1], 1))
        waiting += [(f"sub-exception {n} of {len(inside)}:", e) for n, e in reversed(shown)]
    return lines


def _inside(error: BaseException) -> tuple[BaseException, ...]:
    """The errors of a group, Python's own or one of a library."""
    found = attribute(error, "exceptions")
    if type(found) is not tuple or not all(issubclass(type(one), BaseException) for one in found):
        return ()
    return found


def _notes(error: BaseException) -> Iterator[str]:
    """What was added to it by ``add_note``."""
    notes = attribute(error, "__notes__")
    if type(notes) is list:
        for note in notes[:MOST_NOTES]:
            if type(note) is str:
                yield f"note: {cut(clean(note), MOST_TEXT_BELOW)}"


def _frames(trace: TracebackType | None) -> list[str]:
    """``file:line:in `function'``, innermost first, up to what performs the job, without pyresque's own frames."""
    job: list[tuple[FrameType, int | None]] = []
    while trace is not None:
        module = dict.get(trace.tb_frame.f_globals, "__name__")
        if type(module) is not str:
            module = ""
        if module == CUT:
            job.clear()  # it came from outside: only what follows is the job's
        elif not module.startswith(OURS):
            job.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    job.reverse()
    if len(job) <= MOST_FRAMES:
        return _places(job)
    half = MOST_FRAMES // 2
    return [*_places(job[:half]), f"... {len(job) - 2 * half} more ...", *_places(job[-half:])]


def _places(frames: Iterable[tuple[FrameType, int | None]]) -> list[str]:
    return [
        clean(f"{frame.f_code.co_filename}:{line}:in `{frame.f_code.co_name}'")
        for frame, line in frames
    ]
