"""What becomes of a job that failed: Rails' ``retry_on`` and ``discard_on``, as rules that only compute."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from pyresque.activejob.versions import Rails
from pyresque.errors import JobOptionError, NoDelayError
from pyresque.user_errors import attribute, cause_of, is_a, own_name

if TYPE_CHECKING:
    from pyresque.activejob.envelope import Envelope

#: The wait that grows with the fourth power of the count; its second name is the one before Rails 7.2.
POLYNOMIALLY_LONGER: Final = "polynomially_longer"
EXPONENTIALLY_LONGER: Final = "exponentially_longer"

#: Seconds, or how to come by them from the count of failures so far.
Wait = (
    float
    | timedelta
    | Literal["polynomially_longer", "exponentially_longer"]
    | Callable[[int], float]
)


@dataclass(frozen=True, slots=True)
class RetryOn:
    """Try again after these errors: ``RetryOn((ValueError,), wait=3, attempts=5)``.

    ``attempts`` counts runs, None is without end. ``names`` are the errors' names in Ruby, under which the count travels:
    give them where Ruby counts the same failures. ``jitter`` stretches a wait by a random part of up to that share; None
    takes the application's.
    """

    errors: tuple[type[BaseException], ...]
    wait: Wait = 3
    attempts: int | None = 5
    queue: str | None = None
    priority: int | None = None
    jitter: float | None = None
    names: tuple[str, ...] = ()
    #: Called with job and error after the last try, in place of a failure.
    on_exhausted: Callable[[Envelope, BaseException], object] | None = field(
        default=None, compare=False
    )

    def __post_init__(self) -> None:
        _check(self)

    @property
    def key(self) -> str:
        """The key of ``exception_executions``: Ruby's inspect of the list, ``[IOError, ArgumentError]``."""
        return f"[{', '.join(self.names or map(ruby_name, self.errors))}]"


@dataclass(frozen=True, slots=True)
class DiscardOn:
    """Drop the job after these errors: no failure record, and it counts as processed."""

    errors: tuple[type[BaseException], ...]
    on_discarded: Callable[[Envelope, BaseException], object] | None = field(
        default=None, compare=False
    )

    def __post_init__(self) -> None:
        _check(self)


def _check(rule: RetryOn | DiscardOn) -> None:
    """Raise JobOptionError for a rule of no error classes."""
    errors: object = rule.errors
    if isinstance(errors, tuple) and all(
        isinstance(each, type) and issubclass(each, BaseException) for each in errors
    ):
        return
    shown = getattr(errors, "__name__", None) or repr(errors)
    raise JobOptionError(
        f"{type(rule).__name__}: {shown} is no tuple of error classes: write (ValueError, OSError), or (ValueError,) for one"
    )


@dataclass(frozen=True, slots=True)
class Retry:
    """Put the job back: ``job.retried(now=..., wait=wait, queue=..., priority=...)``."""

    job: Envelope
    error: BaseException
    wait: float
    rule: RetryOn


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The last try is over: raise the error, or give it to the rule's ``on_exhausted``."""

    job: Envelope
    error: BaseException
    rule: RetryOn


@dataclass(frozen=True, slots=True)
class Discard:
    """Drop the job; give it to the rule's ``on_discarded`` if it has one."""

    job: Envelope
    error: BaseException
    rule: DiscardOn


Rules = Sequence[RetryOn | DiscardOn]


def decide(
    rules: Rules,
    error: BaseException,
    job: Envelope,
    *,
    random: Callable[[], float],
    jitter: float = 0.0,
) -> Retry | Exhausted | Discard | None:
    """What the rules say about a ``started`` job's error; None if they say nothing, and it is an ordinary failure.

    As in Rails the last rule that fits counts, and where none fits the error's cause is asked about, and its cause.
    ``jitter`` is the application's (Rails: 0, with ``load_defaults "6.1"`` or later 0.15).
    """
    asked: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in asked:
        asked.add(id(cause))
        for rule in reversed(rules):
            if is_a(cause, rule.errors):
                return _applied(rule, cause, job, random, jitter)
        cause = cause_of(cause)
    return None


def _applied(
    rule: RetryOn | DiscardOn,
    error: BaseException,
    job: Envelope,
    random: Callable[[], float],
    jitter: float,
) -> Retry | Exhausted | Discard:
    if isinstance(rule, DiscardOn):
        return Discard(job, error, rule)
    counted, count = job.counted(rule.key)
    if rule.attempts is not None and count >= rule.attempts:
        return Exhausted(counted, error, rule)
    share = jitter if rule.jitter is None else rule.jitter
    return Retry(counted, error, delay(rule.wait, count, share, random, job.version), rule)


def delay(
    wait: Wait, count: int, jitter: float, random: Callable[[], float], version: Rails
) -> float:
    """The seconds to wait after so many failures, as that Rails version reckons; NoDelayError where it cannot."""
    if callable(wait):
        return wait(count)
    if isinstance(wait, str):
        known = {
            POLYNOMIALLY_LONGER: version >= Rails.V7_1,
            EXPONENTIALLY_LONGER: version < Rails.V7_2,
        }
        if not known.get(wait, False):
            raise NoDelayError(f"Couldn't determine a delay based on :{wait}")
        return count**4 + _jitter(count**4, jitter, random) + 2
    # Rails takes a duration's whole seconds; floats, which it refuses here, are taken as they are.
    seconds = int(wait.total_seconds()) if isinstance(wait, timedelta) else wait
    return seconds + _jitter(seconds, jitter, random)


def _jitter(seconds: float, share: float, random: Callable[[], float]) -> float:
    return random() * seconds * share if share else 0


def ruby_name(error: type[BaseException]) -> str:
    """The name an error bears in what Ruby reads: its Ruby name, or its Python class name."""
    name = attribute(error, "ruby_name")
    return name if isinstance(name, str) else own_name(error)
