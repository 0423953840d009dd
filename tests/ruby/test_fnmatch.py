"""File patterns as Ruby matches them without flags."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from pyresque.ruby.fnmatch import fnmatch

SPECIAL = set("*?[\\")


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("*", "high"),
        ("**", "a/b"),
        ("a?b", "a/b"),
        ("high_[12]", "high_2"),
        ("high_[!1]", "high_2"),
        ("high_[^1]", "high_2"),
        ("[a-c-e]", "-"),
        ("[a-]", "-"),
        ("[-a]", "-"),
        ("[z-a]", "z"),
        ("[z-a]", "a"),
        ("[!]", "x"),
        ("[\\]]", "]"),
        ("[a\\-z]", "-"),
        ("[\xe9]lan", "\xe9lan"),
        ("?lan", "\xe9lan"),
        ("star\\*", "star*"),
        ("b\\[c\\]", "b[c]"),
        ("back\\\\slash", "back\\slash"),
        ("x{1}", "x{1}"),
        ("\\a", "a"),
        ("a\\", "a"),
        (".*", ".hidden"),
        ("\\.*", ".hidden"),
        ("a*b*c", "axbxbxc"),
        ("*a*", "a"),
        ("", ""),
        ("*", ""),
        ("a\nb", "a\nb"),
        ("a?b", "a\nb"),
    ],
)
def test_the_pattern_matches(pattern, name):
    assert fnmatch(pattern, name)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("*", ".hidden"),
        ("?hidden", ".hidden"),
        ("[.]hidden", ".hidden"),
        ("HIGH", "high"),
        ("{high,low}", "high"),
        ("high_[!1]", "high_1"),
        ("[z-a]", "m"),
        ("[]", "x"),
        ("[]a]", "a"),
        ("[a", "a"),
        ("[a", "[a"),
        ("[a-", "a"),
        ("[a\\]", "a"),
        ("*[", "a["),
        ("star\\*", "starship"),
        ("a*b*c", "axcxb"),
        ("ab", "abc"),
        ("a\\", "a\\"),
        ("", "a"),
        ("high", "high\n"),
    ],
)
def test_the_pattern_does_not_match(pattern, name):
    assert not fnmatch(pattern, name)


@given(st.text())
def test_a_name_matches_itself_when_every_letter_is_escaped(name):
    assert fnmatch("".join(f"\\{letter}" for letter in name), name)


@given(st.text().filter(lambda text: not SPECIAL & set(text)), st.text())
def test_a_pattern_without_signs_matches_only_itself(pattern, name):
    assert fnmatch(pattern, pattern)
    assert fnmatch(pattern, name) == (pattern == name)


@given(st.text("ab*", max_size=8), st.text("ab", max_size=10))
def test_stars_match_like_the_plainest_matcher(pattern, name):
    def plain(at: int, here: int) -> bool:
        if at == len(pattern):
            return here == len(name)
        if pattern[at] == "*":
            return any(plain(at + 1, there) for there in range(here, len(name) + 1))
        return here < len(name) and pattern[at] == name[here] and plain(at + 1, here + 1)

    assert fnmatch(pattern, name) == plain(0, 0)


@given(st.text("ab[]!^-\\?*.z"), st.text("ab[]!^-\\?*.z"))
def test_no_pattern_is_an_error(pattern, name):
    assert fnmatch(pattern, name) in (True, False)


@pytest.mark.timeout(60)
def test_many_stars_take_no_time():
    assert not fnmatch("a*" * 40 + "b", "a" * 5000)


@pytest.mark.parametrize("stars", [99, 100, 101, 300, 600])
def test_stars_match_however_many_there_are(stars):
    assert fnmatch("*a" * stars, "a" * stars)
    assert fnmatch("*a" * stars + "*b", "ca" * stars + "b")
    assert not fnmatch("*a" * stars, "a" * (stars - 1))
