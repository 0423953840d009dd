"""An error as it is recorded: its name, its text and its backtrace, in the form that Ruby records and ``resque-web`` shows.

Nothing here raises, even if the error's own methods and attributes do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyresque.lightweight import dataclass
from pyresque.user_errors import (
    RaisedInCall,
    attribute,
    cause_of,
    clean,
    cut,
    exception_name,
    text_of,
    traceback_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType

#: Frames kept of one error: the innermost half and the outermost half; a runaway recursion has thousands.
MOST_FRAMES = 200

#: The most causes and errors inside a group; after so many lines of a backtrace no further error follows.
MOST_ERRORS, MOST_LINES = 50, 1000

#: The most characters of a text inside a backtrace, and the most notes of one error.
MOST_TEXT_BELOW, MOST_NOTES = 2000, 20

#: The heading of a cause; a cause without frames is left out.
CAUSED_BY = "caused by"

#: A backtrace ends at this module, as Ruby cuts its own at ``resque/job.rb``. Frames of other modules of the package are left out.
CUT = "pyresque.job.perform"
OURS = "pyresque."


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """An error as it is recorded; ``backtrace`` goes from the innermost frame outwards."""

    exception: str
    error: str
    backtrace: tuple[str, ...] = ()


def report(error: BaseException) -> ErrorReport:
    """Return the report of an error; never raises."""
    if type(error) is RaisedInCall:
        error = error.error
    return ErrorReport(exception_name(error), text_of(error), tuple(_backtrace(error)))


def _backtrace(error: BaseException) -> list[str]:
    """Return the error's frames, then those of the errors inside a group and of its cause, each with a heading."""
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
        own_lines = _frames(traceback_of(one))
        notes = attribute(one, "__notes__")
        if type(notes) is list:
            own_lines += _notes(notes)
        if heading and (own_lines or heading != CAUSED_BY):
            text = cut(text_of(one), MOST_TEXT_BELOW)
            lines.append(f"{heading} {exception_name(one)}: {text}")
        lines += own_lines
        cause, found = cause_of(one), attribute(one, "exceptions")
        inside = _inside(found) if type(found) is tuple else ()
        if cause is not None:
            waiting.append((CAUSED_BY, cause))
        numbered = list(enumerate(inside[: MOST_ERRORS + 1], 1))
        waiting += [(f"sub-exception {n} of {len(inside)}:", e) for n, e in reversed(numbered)]
    return lines


def _inside(found: tuple[Any, ...]) -> tuple[BaseException, ...]:
    """Return the errors of a group: Python's own ExceptionGroup, or a library's."""
    return found if all(issubclass(type(one), BaseException) for one in found) else ()


def _notes(notes: list[Any]) -> Iterator[str]:
    """Yield a line for each note that ``add_note`` added."""
    for note in notes[:MOST_NOTES]:
        if type(note) is str:
            yield f"note: {cut(clean(note), MOST_TEXT_BELOW)}"


def _frames(trace: TracebackType | None) -> list[str]:
    """Return ``file:line:in `function'`` for each frame of the job, the innermost first, without pyresque's own frames."""
    job: list[tuple[FrameType, int | None]] = []
    while trace is not None:
        module = dict.get(trace.tb_frame.f_globals, "__name__")
        if type(module) is not str:
            module = ""
        if module == CUT:
            job.clear()  # the frames so far called pyresque: only the following are the job's
        elif not module.startswith(OURS):
            job.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    job.reverse()
    omitted, half = len(job) - MOST_FRAMES, MOST_FRAMES // 2
    if omitted > 0:
        job[half:-half] = []
    lines = [
        clean(f"{frame.f_code.co_filename}:{line}:in `{frame.f_code.co_name}'")
        for frame, line in job
    ]
    if omitted > 0:
        lines.insert(half, f"... {omitted} more ...")
    return lines
