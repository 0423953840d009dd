"""Texts made for people."""

from __future__ import annotations

import pytest

from pyresque.printable import many


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
