# ruff: noqa: F821 - exception groups came with Python 3.11

from __future__ import annotations

import sys

import pytest

from pyresque.errors import DirtyExit, TermException
from pyresque.failure.report import MOST_ERRORS, MOST_FRAMES, report
from pyresque.user_errors import MOST_TEXT, clean

#: Python 3.10 has none of its own.
GROUPS = pytest.mark.skipif(sys.version_info < (3, 11), reason="groups came with Python 3.11")


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause  # noqa: TRY301 - to have been raised is the point
    except BaseException as caught:  # noqa: BLE001 - to be looked at
        return caught


def test_an_error_is_reported_by_its_class_its_text_and_where_it_was_raised():
    written = report(raised(ValueError("boom")))
    assert (written.exception, written.error) == ("ValueError", "boom")
    (line,) = written.backtrace
    assert line.startswith(f"{__file__}:")
    assert line.endswith(":in `raised'")


def test_ruby_names_stand_where_ruby_has_one():
    assert report(DirtyExit("x")).exception == "Resque::DirtyExit"
    assert report(TermException("SIGTERM")).exception == "Resque::TermException"


def test_an_error_whose_text_cannot_be_had_is_reported_all_the_same():
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert "RuntimeError" in report(Mute()).error


def test_a_text_that_is_no_unicode_becomes_question_marks():
    assert report(ValueError("a\udcffb")).error == "a?b"
    assert clean("ä\ud800") == "ä?"


def test_the_innermost_frame_stands_first():
    def inner():
        raise ValueError

    def outer():
        inner()

    try:
        outer()
    except ValueError as error:
        lines = report(error).backtrace
    assert [line.rpartition("`")[2] for line in lines[:2]] == ["inner'", "outer'"]


def test_a_cause_is_reported_below():
    lines = report(raised(ValueError("b"), raised(KeyError("a")))).backtrace
    assert lines[1] == "caused by KeyError: 'a'"


def test_causes_in_a_circle_end():
    first, second = raised(ValueError("a")), raised(ValueError("b"))
    first.__cause__, second.__cause__ = second, first
    assert len(report(first).backtrace) == 3


def test_a_runaway_recursion_is_cut_in_the_middle():
    def deeper():
        deeper()

    try:
        deeper()
    except RecursionError as error:
        lines = report(error).backtrace
    assert len(lines) == MOST_FRAMES + 1
    assert lines[MOST_FRAMES // 2].startswith("... ")


@GROUPS
def test_what_is_in_a_group_is_reported_with_its_lines_the_causes_of_each_below_it():
    inner = raised(KeyError("customer 7"), raised(OSError("gone")))
    written = report(raised(ExceptionGroup("unhandled errors", [inner, raised(ValueError("b"))])))
    assert (written.exception, written.error) == (
        "ExceptionGroup",
        "unhandled errors (2 sub-exceptions)",
    )
    at = [line.rpartition(":in ")[2] for line in written.backtrace]
    assert at == [
        "`raised'",
        "sub-exception 1 of 2: KeyError: 'customer 7'",
        "`raised'",
        "caused by OSError: gone",
        "`raised'",
        "sub-exception 2 of 2: ValueError: b",
        "`raised'",
    ]


@GROUPS
def test_groups_in_groups_are_reported_from_outside_inwards():
    group = ExceptionGroup("outer", [ExceptionGroup("inner", [ValueError("a"), ValueError("b")])])
    assert report(group).backtrace == (
        "sub-exception 1 of 1: ExceptionGroup: inner (2 sub-exceptions)",
        "sub-exception 1 of 2: ValueError: a",
        "sub-exception 2 of 2: ValueError: b",
    )


def test_a_library_that_brings_groups_of_its_own_is_understood():
    class Several(Exception):
        exceptions = (ValueError("a"),)

    assert report(Several("x")).backtrace == ("sub-exception 1 of 1: ValueError: a",)


@GROUPS
def test_of_very_many_errors_some_are_reported():
    crowd = report(ExceptionGroup("crowd", [ValueError(number) for number in range(5000)]))
    assert len(crowd.backtrace) == MOST_ERRORS + 1
    assert crowd.backtrace[-1] == "... more errors ..."
    first = raised(ValueError("first"))
    error = first
    for number in range(5000):
        error.__cause__ = error = raised(ValueError(number))
    chain = report(first)
    assert len(chain.backtrace) == 2 * MOST_ERRORS + 2
    assert chain.backtrace[-1] == "... more errors ..."


def test_the_notes_of_an_error_stand_below_its_frames():
    error = raised(ValueError("x"))
    error.__notes__ = ["while the month was closed", 7]
    assert report(error).backtrace[1:] == ("note: while the month was closed",)


def test_a_text_that_redis_would_not_take_is_cut():
    written = report(ValueError("x" * (MOST_TEXT + 5)))
    assert written.error.endswith("xxx... (5 more characters)")
    assert len(written.error) < MOST_TEXT + 50


def test_a_long_text_of_a_cause_is_cut():
    lines = report(raised(ValueError("b"), raised(KeyError("a" * 5000)))).backtrace
    assert len(lines[1]) < 2100
    assert lines[1].endswith(" more characters)")
