from __future__ import annotations

from pathlib import Path

import pytest

from pyresque.errors import PoolFileError
from pyresque.process.pool.file import default_file, parse_pool, read_pool


def parsed(text: str, environment: str = "production") -> dict[str, int]:
    return parse_pool(text, "pool.yml", environment)[0]


def test_lines_on_top_are_for_every_environment_and_a_section_goes_over_them():
    text = 'low: 1\n"high,low": 2\nproduction:\n  low: 4\n  "*": 1\nstaging:\n  other: 9\n'
    assert parsed(text) == {"low": 4, "high,low": 2, "*": 1}
    assert parsed(text, "staging") == {"low": 1, "high,low": 2, "other": 9}
    assert parsed(text, "test") == {"low": 1, "high,low": 2}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file_wants_nobody(text):
    assert parsed(text) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("low: many\n", "line 1: 'many' is no number"),
        ("low: 1\nhigh: -1\n", "line 2: '-1' is no number"),
        ("low: 1.5\n", "line 1: '1.5' is no number"),
        ("- low\n", "line 1: a pool is a mapping"),
        ("production: [low]\n", "line 1"),
        ("production:\n  low: [1]\n", "line 2"),
        ('" ": 1\n', "line 1: this names no queue"),
        ("low: <%= 2 %>\n", "line 1: <% is a template"),
        ("low: 1\n  high: 2\n", "line 2"),
        ("[[" * 5000, "pool.yml"),
    ],
)
def test_what_cannot_be_read_is_reported_with_its_line(text, message):
    with pytest.raises(PoolFileError) as caught:
        parsed(text)
    assert message in str(caught.value)
    assert str(caught.value).startswith("pool.yml")


def test_a_ruby_object_is_never_made():
    with pytest.raises(PoolFileError, match="line 1"):
        parsed("low: !ruby/object:Gem::Installer {}\n")


def test_a_file_that_is_not_there_is_reported(tmp_path: Path):
    with pytest.raises(PoolFileError, match="cannot be read"):
        read_pool(tmp_path / "nowhere.yml", "production")


def test_the_file_is_looked_for_where_resque_pool_looks(tmp_path: Path):
    with pytest.raises(PoolFileError, match="RESQUE_POOL_CONFIG"):
        default_file({}, tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "resque-pool.yml").touch()
    assert default_file({}, tmp_path) == tmp_path / "config" / "resque-pool.yml"
    (tmp_path / "resque-pool.yml").touch()
    assert default_file({}, tmp_path) == tmp_path / "resque-pool.yml"
    assert default_file({"RESQUE_POOL_CONFIG": "else.yml"}, tmp_path) == Path("else.yml")


def test_anchors_merges_and_overrides_are_plain_yaml():
    text = "base: &base\n  low: 1\n  high: 2\nproduction:\n  <<: *base\n  high: 4\n"
    assert parsed(text) == {"low": 1, "high": 4}
    assert parsed("x: &x\n  low: 1\n<<: *x\nhigh: 1\n") == {"low": 1, "high": 1}
    assert parsed("n: &n 3\nlow: *n\n") == {"n": 3, "low": 3}


def test_a_line_that_overrides_a_merged_one_is_not_reported_as_standing_twice():
    text = "base: &base\n  low: 1\nproduction:\n  <<: *base\n  low: 2\n"
    assert parse_pool(text, "pool.yml", "production") == ({"low": 2}, [])


def test_a_section_that_is_missing_is_reported_where_nothing_is_wanted():
    text = "production:\n  low: 2\nstaging:\n  low: 1\n"
    assert parse_pool(text, "pool.yml", "produktion") == (
        {},
        ["there is no section 'produktion'; it has production, staging"],
    )
    assert parse_pool("high: 1\n" + text, "pool.yml", "test") == ({"high": 1}, [])


def test_a_line_that_stands_twice_is_reported_and_the_last_counts():
    wanted, notes = parse_pool("low: 1\nlow: 2\n", "pool.yml", "test")
    assert wanted == {"low": 2}
    assert notes == ["'low' stands in line 1 and in line 2: the last one counts"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a {b: *a}\n", "pool.yml, line 1: an alias stands inside what it names"),
        ("<<: 3\nlow: 1\n", "pool.yml, line 1: "),
        ("low: *nothing\n", "pool.yml, line 1: "),
        ("low: *\n", "pool.yml, line 1: a text that begins with * needs quotes"),
        ("production: {x: &x [1]}\nlow: *x\n", "pool.yml, line 1: 'a list' is no number"),
    ],
)
def test_aliases_that_make_no_sense_are_reported_with_their_line(text, message):
    with pytest.raises(PoolFileError) as caught:
        parsed(text)
    assert str(caught.value).startswith(message)
