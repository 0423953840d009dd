from __future__ import annotations

from pyresque.errors import DirtyExit, TermException
from pyresque.failure.report import MOST_FRAMES, clean, report


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause  # noqa: TRY301 - to have been raised is the point
    except BaseException as caught:  # noqa: BLE001 - to be looked at
        return caught


def test_an_error_is_told_by_its_class_its_text_and_where_it_was_raised():
    told = report(raised(ValueError("boom")))
    assert (told.exception, told.error) == ("ValueError", "boom")
    (line,) = told.backtrace
    assert line.startswith(f"{__file__}:")
    assert line.endswith(":in `raised'")


def test_ruby_names_stand_where_ruby_has_one():
    assert report(DirtyExit("x")).exception == "Resque::DirtyExit"
    assert report(TermException("SIGTERM")).exception == "Resque::TermException"


def test_an_error_whose_text_cannot_be_had_is_told_all_the_same():
    class Mute(Exception):  # noqa: N818 - it cannot speak
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


def test_a_cause_is_told_below():
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
