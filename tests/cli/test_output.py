"""Tables for people, the question before something is destroyed."""

from __future__ import annotations

import io
import sys

import click
import pytest
from hypothesis import given, strategies as st

from pyresque.cli.errors import Complaint, Misuse
from pyresque.cli.output import confirm, print_table, safe_text, short


class Terminal(io.StringIO):
    """A keyboard with somebody at it."""

    def isatty(self) -> bool:
        return True


def test_columns_are_aligned_and_numbers_stand_to_the_right(capsys):
    print_table(("name", "jobs"), [("a", 1), ("long name", 1000)], "nothing")
    assert capsys.readouterr().out == "NAME       JOBS\na             1\nlong name  1000\n"


def test_one_endless_name_does_not_widen_every_line(capsys):
    print_table(("name", "jobs"), [("x" * 100_000, 1), *(("a", 1) for _ in range(10))], "nothing")
    first, second, *others = capsys.readouterr().out.splitlines()
    assert second == "x" * 100_000 + "     1"
    assert {len(line) for line in (first, *others)} == {206}


def test_no_rows_are_said_in_words(capsys):
    print_table(("name",), [], "nothing")
    assert capsys.readouterr().out == "nothing\n"


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_printed(text: str):
    assert safe_text(text).isprintable()


@pytest.mark.parametrize("text", ["café 😀", "a b", ""])
def test_what_can_be_read_is_left_alone(text: str):
    assert safe_text(text) == text


def test_long_texts_are_cut_to_the_width():
    assert short("x" * 10, 8) == "xxxxx..."
    assert short("x" * 8, 8) == "x" * 8


def test_without_a_terminal_only_yes_will_do(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(Misuse, match="add --yes"):
        confirm("remove it", yes=False)
    confirm("remove it", yes=True)


@pytest.mark.parametrize(("answer", "goes_on"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_at_a_terminal_it_is_asked(monkeypatch, answer: str, goes_on: bool):
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    if goes_on:
        confirm("remove it", yes=False)
    else:
        with pytest.raises(Complaint, match="nothing was done"):
            confirm("remove it", yes=False)


def test_a_keyboard_that_is_gone_is_a_no(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    with pytest.raises(click.Abort):
        confirm("remove it", yes=False)


def test_a_complaint_is_one_line(capsys):
    Complaint("two\nlines  of it").show()
    assert capsys.readouterr().err == "pyresque: two lines of it\n"
