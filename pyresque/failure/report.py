"""What is told of an error: its name, its text and its backtrace, in the form that Ruby records and ``resque-web`` shows."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

#: Frames kept of one error: the innermost half and the outermost half; a runaway recursion has thousands.
MOST_FRAMES = 200

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
    """Tell an error. Never raises, whatever the error's own ``__str__`` does."""
    return ErrorReport(exception_name(error), _text(error), tuple(_backtrace(error)))


def exception_name(error: BaseException) -> str:
    """Ruby's name for it where Ruby has one, else the Python class's own."""
    return getattr(error, "ruby_name", None) or type(error).__qualname__


def clean(text: str) -> str:
    """Text that every reader takes: what is no Unicode becomes a question mark, as in Ruby's records."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _text(error: BaseException) -> str:
    try:
        text = clean(str(error))
    except Exception as another:  # noqa: BLE001 - user code: an exception's own __str__
        return f"(its text cannot be had: {type(another).__name__})"
    # Ruby's text of an error that was given none is the name of its class.
    return text if text or error.args else exception_name(error)


def _backtrace(error: BaseException) -> list[str]:
    lines = _frames(error.__traceback__)
    seen = {id(error)}
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        frames = _frames(cause.__traceback__)
        if frames:
            lines.append(f"caused by {exception_name(cause)}: {_text(cause)}")
            lines += frames
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return lines


def _frames(trace: TracebackType | None) -> list[str]:
    """``file:line:in `function'``, innermost first, up to what performs the job, without pyresque's own frames."""
    job: list[traceback.FrameSummary] = []
    for frame, line in traceback.walk_tb(trace):
        module = str(frame.f_globals.get("__name__", ""))
        if module == CUT:
            job.clear()  # it came from outside: only what follows is the job's
        elif not module.startswith(OURS):
            code = frame.f_code
            job.append(
                traceback.FrameSummary(code.co_filename, line, code.co_name, lookup_line=False)
            )
    told = [clean(f"{at.filename}:{at.lineno}:in `{at.name}'") for at in reversed(job)]
    if len(told) <= MOST_FRAMES:
        return told
    half = MOST_FRAMES // 2
    return [*told[:half], f"... {len(told) - 2 * half} more ...", *told[-half:]]
