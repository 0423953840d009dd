"""Texts made for people."""

from __future__ import annotations

import pytest

from pyresque.printable import MOST_IN_LINE, many, one_line


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (1, "job", "1 job"),
        (2, "job", "2 jobs"),
        (2, "entry", "2 entries"),
        (0, "copy", "0 copies"),
        (2, "key", "2 keys"),
        (3, "class", "3 classes"),
    ],
)
def test_a_number_has_its_noun_in_the_plural_unless_there_is_one(count, noun, text):
    assert many(count, noun) == text


def test_a_line_is_of_bounded_length():
    assert one_line("no\nserver") == "no server"
    assert one_line("x" * MOST_IN_LINE) == "x" * MOST_IN_LINE
    assert one_line("x" * (MOST_IN_LINE + 7)) == "x" * MOST_IN_LINE + "... (7 more characters)"
