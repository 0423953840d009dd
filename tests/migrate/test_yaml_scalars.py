"""Plain texts that Psych 4 and PyYAML read differently; compat_tests/live holds the same list against a real Ruby."""

from __future__ import annotations

import pytest

from pyresque.migrate.yaml_scalars import unlike_ruby


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        *((text, "a number") for text in ("1,000", "-1,000.5", "1,2_3", "1,.5", "-.5", "+.5")),
        *((text, "a number of seconds") for text in ("12:30", "-1:2")),
        *((text, "a text") for text in ("1__0", "1_", "1.5_0", ".5_1")),
        *((text, "a date") for text in ("2026-1-1", "2026-1-01")),
        *((text, "true or false") for text in ("oN", "tRue", "nO")),
    ],
)
def test_a_text_that_ruby_reads_otherwise_is_named(text, taken):
    assert unlike_ruby(
        f"a:\n  b: [1, {{c: {text!s}}}]\n" if "," not in text else f"a:\n  {text}\n"
    ) == [(2, text, taken)]


@pytest.mark.parametrize(
    "text",
    ["1_000", "010", "0b11", "12:30:45", "yes", "On", "1.5", "08", "2026-01-01", "5m", ":abc", "~", "1,", "99:99", "2026-13-1",
     "'1,000'", '"12:30"', "|\n  1,000", "*a"],
)  # fmt: skip
def test_others_are_not(text):
    assert unlike_ruby(f"x: &a 1\na: {text}\n") == []
