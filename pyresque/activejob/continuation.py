"""Jobs in steps (Rails 8.1's continuations). The job hash holds the completed steps, so Ruby and Python can both resume a job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pyresque.activejob import ruby_messages
from pyresque.activejob.retries import ruby_name
from pyresque.errors import (
    ContinuationError,
    CursorError,
    JobInterrupted,
    ResumeLimitError,
    StepError,
)
from pyresque.user_errors import is_a, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from pyresque.activejob.envelope import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """How an interrupted job is enqueued again; Rails' ``resume_options``, ``max_resumptions``, ``resume_errors_after_advancing``."""

    wait: timedelta | float = 5
    queue: str | None = None
    priority: int | None = None
    #: After so many resumptions the next one raises ResumeLimitError; None: no limit.
    most: int | None = None
    #: Whether the job resumes after an error, too, if it advanced in this run; this goes before ``retry_on``.
    errors_after_advancing: bool = True


class Step:
    """The running step, with its cursor: any JSON value that says how far the step came."""

    def __init__(
        self, name: str, cursor: Any, checkpoint: Callable[[], None], *, resumed: bool
    ) -> None:
        self.name = name
        self.cursor = cursor
        #: Whether an earlier run began this step.
        self.resumed = resumed
        self.checkpoint = checkpoint
        self._start = cursor

    def set(self, cursor: Any) -> None:
        """Set the cursor. The job may be interrupted here."""
        self.cursor = cursor
        self.checkpoint()

    def advance(self, *, after: int | None = None) -> None:
        """Set the cursor to the next number, or to the one after ``after``. Raises CursorError for what is no whole number."""
        last = self.cursor if after is None else after
        if not isinstance(last, int) or isinstance(last, bool):
            raise CursorError(
                f"Cursor class '{ruby_messages.class_name(last)}' does not implement 'succ'"
            )
        self.set(last + 1)

    @property
    def advanced(self) -> bool:
        """Whether the cursor changed in this run."""
        return bool(self.cursor != self._start)

    def __str__(self) -> str:
        return f"at '{self.name}', cursor '{ruby_messages.inspect(self.cursor)}'"


class Continuable:
    """A running job in steps: the first argument of a function registered with ``resume=``."""

    def __init__(self, envelope: Envelope, stopping: Callable[[], bool]) -> None:
        self.envelope = envelope
        self._stopping = stopping
        state = envelope.continuation or {}
        completed, current = state.get("completed"), state.get("current")
        self._completed = list(map(str, completed)) if isinstance(completed, list) else []
        self._current: Step | None = None
        if isinstance(current, list) and current:
            name, cursor = str(current[0]), current[1] if len(current) > 1 else None
            self._current = Step(name, cursor, self.checkpoint, resumed=True)
        self._encountered: list[str] = []
        self._inside = self._isolating = self._advanced = False

    def step(self, name: str, *, start: object = None, isolated: bool = False) -> Iterator[Step]:
        """``for step in job.step("rows", start=0): ...``: run that block once, or not at all if an earlier run completed it.

        ``start`` is the first cursor. An ``isolated`` step gets a run of its own. The job may be interrupted between two steps.
        Raises StepError if steps are nested, have the same name, or are not those of the run before.
        """
        if self.advanced:
            self.checkpoint()
        self._check(name)
        self._encountered.append(name)
        if name in self._completed:
            return
        self._isolating = self._isolating or isolated
        if self._isolating and self.advanced:
            self._interrupt("isolating")
        step = self._current or Step(name, start, self.checkpoint, resumed=False)
        self._current, self._inside = step, True
        try:
            yield step
        finally:
            self._inside = False
        self._completed.append(name)
        self._current, self._advanced = None, True

    def checkpoint(self) -> None:
        """Interrupt the job here if its worker is stopping; the job is enqueued again and resumes here."""
        if self._stopping():
            self._interrupt("stopping")

    @property
    def advanced(self) -> bool:
        """Whether the job advanced in this run."""
        return self._advanced or (self._current is not None and self._current.advanced)

    def with_progress(self) -> Envelope:
        """Return the job with its completed steps and cursor."""
        state: dict[str, object] = {"completed": self._completed}
        if self._current is not None:
            state["current"] = [self._current.name, self._current.cursor]
        resumptions = self.envelope.resumptions or 0
        return replace(self.envelope, continuation=state, resumptions=resumptions)

    def resumed(self, resume: Resume, error: BaseException) -> Envelope | None:
        """Return the job to enqueue again after an error, counted as Rails does; None if the job fails.

        Raises ResumeLimitError.
        """
        if is_a(error, (JobInterrupted,)):
            key = str(error)
        elif self._goes_on_after(error) and resume.errors_after_advancing:
            name = ruby_name(type(error))
            key = f"{{:exception=>#<{name}: {text_of(error) or name}>}}"
        else:
            return None
        counted, _ = self.with_progress().counted(key)
        if resume.most is not None and (counted.resumptions or 0) >= resume.most:
            raise ResumeLimitError(f"Job was resumed a maximum of {resume.most} times") from error
        return counted

    def _goes_on_after(self, error: BaseException) -> bool:
        broken = is_a(error, (ContinuationError,)) or not is_a(error, (Exception,))
        return self.advanced and not broken

    def _interrupt(self, reason: str) -> None:
        if self._current is not None:
            where = str(self._current)
        else:
            where = f"after '{self._completed[-1]}'" if self._completed else "not started"
        raise JobInterrupted(f"Interrupted {where} ({reason})")

    def _check(self, name: str) -> None:
        """Raise StepError, in Rails' words, unless this step may run now."""
        current, passed = self._current, len(self._encountered)
        if name in self._encountered:
            raise StepError(f"Step '{name}' has already been encountered")
        if self._inside and current is not None:
            raise StepError(f"Step '{name}' is nested inside step '{current.name}'")
        if passed < len(self._completed):
            if self._completed[passed] != name:
                expected = self._completed[passed]
                raise StepError(f"Step '{name}' found, expected to see '{expected}'")
        elif current is not None and current.name != name:
            raise StepError(f"Step '{name}' found, expected to resume from '{current.name}'")
