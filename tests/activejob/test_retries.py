"""Retry rules: which one counts, under which key, and how long the wait is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from pyresque.activejob import (
    EXPONENTIALLY_LONGER,
    POLYNOMIALLY_LONGER,
    DiscardOn,
    Envelope,
    Rails,
    RetryOn,
)
from pyresque.activejob.retries import Discard, Exhausted, Retry, Wait, decide, delay
from pyresque.errors import DeserializationError, NoDelayError

if TYPE_CHECKING:
    from collections.abc import Callable


def job(
    executions: int = 0, counts: dict[str, object] | None = None, version: Rails = Rails.V8_1
) -> Envelope:
    found = {
        "job_class": "A",
        "executions": executions,
        "exception_executions": {} if counts is None else counts,
    }
    return Envelope.from_payload(found, version=version).started()


def never() -> float:
    raise AssertionError("no dice are needed")


def test_no_rule_no_decision() -> None:
    assert decide([RetryOn((KeyError,))], ValueError(), job(), random=never) is None


def test_the_last_rule_that_fits_counts() -> None:
    rules = [RetryOn((Exception,), wait=9), RetryOn((ValueError,), wait=7), DiscardOn((KeyError,))]

    assert decide(rules, ValueError(), job(), random=never) == Retry(
        job(counts={"[ValueError]": 1}), _same(ValueError), 7, rules[1]
    )
    assert isinstance(decide(rules, KeyError(), job(), random=never), Discard)
    assert isinstance(decide(rules, OSError(), job(), random=never), Retry)


class _same:
    """Equal to every error of that class."""

    def __init__(self, kind: type[BaseException]) -> None:
        self.kind = kind

    def __eq__(self, other: object) -> bool:
        return isinstance(other, self.kind)

    __hash__ = None  # type: ignore[assignment]  # equality is all it is for


def test_the_cause_is_asked_about_where_no_rule_fits_the_error() -> None:
    error, other = RuntimeError(), RuntimeError()
    error.__cause__ = ValueError("inner")
    other.__context__ = ValueError("inner")

    for each in (error, other):
        found = decide([DiscardOn((ValueError,))], each, job(), random=never)
        assert isinstance(found, Discard)
        assert str(found.error) == "inner"


def test_an_error_that_is_its_own_cause_is_asked_about_once() -> None:
    first, second = RuntimeError(), RuntimeError()
    first.__cause__, second.__cause__ = second, first

    assert decide([RetryOn((ValueError,))], first, job(), random=never) is None


def test_tries_are_counted_per_rule_and_the_last_one_is_the_end() -> None:
    rule = RetryOn((ValueError, KeyError), attempts=3)

    found = decide([rule], KeyError(), job(counts={rule.key: 1}), random=never)
    assert isinstance(found, Retry)
    assert found.job.exception_executions == {"[ValueError, KeyError]": 2}
    ended = decide([rule], KeyError(), found.job, random=never)
    assert isinstance(ended, Exhausted)
    assert ended.job.exception_executions == {"[ValueError, KeyError]": 3}


def test_without_counts_the_executions_count() -> None:
    old = Envelope.from_payload({"job_class": "A", "executions": 4}).started()

    assert isinstance(decide([RetryOn((ValueError,))], ValueError(), old, random=never), Exhausted)


def test_attempts_without_end_never_end() -> None:
    rule = RetryOn((ValueError,), attempts=None)

    assert isinstance(
        decide([rule], ValueError(), job(counts={rule.key: 9999}), random=never), Retry
    )


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        (RetryOn((ValueError,)), "[ValueError]"),
        (
            RetryOn((ValueError, OSError), names=("ArgumentError", "IOError")),
            "[ArgumentError, IOError]",
        ),
        (RetryOn((DeserializationError,)), "[ActiveJob::DeserializationError]"),
    ],
)
def test_the_key_names_errors_as_ruby_does(rule: RetryOn, key: str) -> None:
    assert rule.key == key


@pytest.mark.parametrize(
    ("wait", "count", "jitter", "seconds"),
    [
        (3, 1, 0.0, 3),
        (0.5, 1, 0.0, 0.5),
        (timedelta(minutes=1), 1, 0.0, 60),
        (timedelta(seconds=1.9), 1, 0.0, 1),
        (100, 1, 0.3, 115),
        (POLYNOMIALLY_LONGER, 3, 0.0, 83),
        (POLYNOMIALLY_LONGER, 2, 0.5, 22),
        (lambda count: count * 20, 2, 0.5, 40),
    ],
)
def test_waits_are_reckoned_as_in_rails(
    wait: Wait, count: int, jitter: float, seconds: float
) -> None:
    assert delay(wait, count, jitter, lambda: 0.5, Rails.V8_1) == seconds


@pytest.mark.parametrize(
    ("wait", "version"), [(POLYNOMIALLY_LONGER, Rails.V7_0), (EXPONENTIALLY_LONGER, Rails.V7_2)]
)
def test_a_name_that_version_does_not_know_is_refused_in_its_words(
    wait: Wait, version: Rails
) -> None:
    with pytest.raises(NoDelayError, match=f"^Couldn't determine a delay based on :{wait}$"):
        delay(wait, 1, 0.0, never, version)


def test_a_rules_own_jitter_goes_before_the_applications() -> None:
    def wait(rule: RetryOn, random: Callable[[], float]) -> float:
        found = decide([rule], ValueError(), job(), random=random, jitter=0.5)
        assert isinstance(found, Retry)
        return found.wait

    assert wait(RetryOn((ValueError,), wait=10), lambda: 1.0) == 15
    assert wait(RetryOn((ValueError,), wait=10, jitter=0), never) == 10
