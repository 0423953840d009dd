"""Rails' ``retry_on`` and ``discard_on``: rules that decide what happens after an error. They compute, and do nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from pyresque.activejob.versions import Rails
from pyresque.errors import JobOptionError, NoDelayError
from pyresque.user_errors import attribute, cause_of, is_a, is_error_class, own_name

if TYPE_CHECKING:
    from pyresque.activejob.envelope import Envelope

#: A wait that grows with the fourth power of the count; EXPONENTIALLY_LONGER is its name before Rails 7.2.
POLYNOMIALLY_LONGER: Final = "polynomially_longer"
EXPONENTIALLY_LONGER: Final = "exponentially_longer"

#: Seconds, or how to compute them from the count of failures so far.
Wait = (
    float
    | timedelta
    | Literal["polynomially_longer", "exponentially_longer"]
    | Callable[[int], float]
)


@dataclass(frozen=True, slots=True)
class RetryOn:
    """Try again after these errors: ``RetryOn((ValueError,), wait=3, attempts=5)``.

    ``attempts`` is the most runs; None: no limit. ``names`` are the errors' names in Ruby; the job hash counts failures under
    them, so give them if Ruby counts the same failures. ``jitter`` lengthens a wait by a random part of up to that share;
    None takes the application's.
    """

    errors: tuple[type[BaseException], ...]
    wait: Wait = 3
    attempts: int | None = 5
    queue: str | None = None
    priority: int | None = None
    jitter: float | None = None
    names: tuple[str, ...] = ()
    #: Called with job and error after the last try; the job then does not fail.
    on_exhausted: Callable[[Envelope, BaseException], object] | None = field(
        default=None, compare=False
    )

    def __post_init__(self) -> None:
        _check(self)

    @property
    def key(self) -> str:
        """The key in ``exception_executions``: Ruby's inspect of the list, ``[IOError, ArgumentError]``."""
        return f"[{', '.join(self.names or map(ruby_name, self.errors))}]"


@dataclass(frozen=True, slots=True)
class DiscardOn:
    """Drop the job after these errors: there is no failed record, and the job counts as processed."""

    errors: tuple[type[BaseException], ...]
    on_discarded: Callable[[Envelope, BaseException], object] | None = field(
        default=None, compare=False
    )

    def __post_init__(self) -> None:
        _check(self)


def _check(rule: RetryOn | DiscardOn) -> None:
    """Raise JobOptionError for a rule whose errors are no classes of errors."""
    errors: object = rule.errors
    if isinstance(errors, tuple) and all(map(is_error_class, errors)):
        return
    name = getattr(errors, "__name__", None) or repr(errors)
    raise JobOptionError(
        f"{type(rule).__name__}: {name} is no tuple of error classes: write (ValueError, OSError), or (ValueError,) for one"
    )


@dataclass(frozen=True, slots=True)
class Retry:
    """Enqueue the job again: ``job.retried(now=..., wait=wait, queue=..., priority=...)``."""

    job: Envelope
    error: BaseException
    wait: float
    rule: RetryOn


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The last try failed: raise the error, or call the rule's ``on_exhausted`` with it."""

    job: Envelope
    error: BaseException
    rule: RetryOn


@dataclass(frozen=True, slots=True)
class Discard:
    """Drop the job; call the rule's ``on_discarded`` with it if there is one."""

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
    """Return what the rules decide for an error of a ``started`` job; None if no rule matches and the job fails.

    As in Rails the last matching rule counts. If none matches the error, its cause is tried, and the cause's cause.
    ``jitter`` is the application's (Rails: 0, with ``load_defaults "6.1"`` or later 0.15).
    """
    tried: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in tried:
        tried.add(id(cause))
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
    """Return the seconds to wait after so many failures, as that Rails version computes them. Raises NoDelayError."""
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
    # Rails takes a duration's whole seconds. It refuses floats, which are accepted here.
    seconds = int(wait.total_seconds()) if isinstance(wait, timedelta) else wait
    return seconds + _jitter(seconds, jitter, random)


def _jitter(seconds: float, share: float, random: Callable[[], float]) -> float:
    return random() * seconds * share if share else 0


def ruby_name(error: type[BaseException]) -> str:
    """Return an error class's ``ruby_name``, or its Python name."""
    name = attribute(error, "ruby_name")
    return name if isinstance(name, str) else own_name(error)
