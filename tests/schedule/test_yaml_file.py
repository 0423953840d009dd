"""Schedules in YAML: read as resque-scheduler reads them, but safely."""

from __future__ import annotations

import pytest
import yaml

from pyresque.errors import ScheduleFileError
from pyresque.schedule.yaml_file import read_yaml


def read(text: str):
    return {one.name: one.config for one in read_yaml(text, "s.yml")}


def test_entries_come_in_their_order_with_their_lines():
    found = read_yaml("# tea\nb:\n  cron: x\n\na:\n  every: 1h\n", "s.yml")
    assert [(one.name, one.line) for one in found] == [("b", 2), ("a", 5)]


def test_the_class_is_the_name_where_none_is_given():
    assert read("Tea: {every: 1h}\nx: {class: Tea}") == {
        "Tea": {"every": "1h", "class": "Tea"},
        "x": {"class": "Tea"},
    }


def test_ruby_symbols_are_texts():
    text = """
    tea:
      :every: ["30s", {:first_in: 5s, ':quoted': 1}]
      queue: :high
      description: ":not a symbol"
      args: {"a":1}
    """
    assert read(text)["tea"] == {
        "every": ["30s", {"first_in": "5s", ":quoted": 1}],
        "queue": "high",
        "description": ":not a symbol",
        "args": {"a": 1},
        "class": "tea",
    }


def test_anchors_and_merges_work():
    text = "base: &base\n  queue: low\n  every: 1h\ntea:\n  <<: *base\n  every: 5m\n"
    assert read(text)["tea"] == {"queue": "low", "every": "5m", "class": "tea"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a:\n  cron: '<%= x %>'\n", "s.yml, line 2: <% is a template"),
        (
            "a:\n  b: 1\n  c: !ruby/object:Foo {}\n",
            "s.yml, line 3: !ruby/object:Foo is a Ruby object",
        ),
        ("a: !ruby/regexp /x/\n", "s.yml, line 1: !ruby/regexp is a Ruby object"),
        ("a: !!python/object/apply:os.system [ls]\n", "s.yml, line 1: "),
        ("a:\n  cron: */5 * * * *\n", "s.yml, line 2: a text that begins with * needs quotes"),
        ("a: [1\nb: 2\n", "s.yml, line 2: "),
        ("- a\n- b\n", "s.yml, line 1: a schedule is a mapping"),
        ("a: {}\nb: {}\na: {}\n", "s.yml, line 3: 'a' stands in line 1 already"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text, said):
    with pytest.raises(ScheduleFileError) as caught:
        read(text)
    assert str(caught.value).startswith(said)


def test_a_template_in_a_comment_is_a_comment():
    assert read("# <%= old %>\na: {every: 1h}") == {"a": {"every": "1h", "class": "a"}}


def test_an_empty_file_is_an_empty_schedule():
    assert read("") == {}
    assert read("---\n# nothing\n") == {}


def test_nobody_elses_yaml_reads_symbols():
    read("a: {every: :x}")
    assert yaml.safe_load("a: :x") == {"a": ":x"}
