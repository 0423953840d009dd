"""Schedules in YAML: read as resque-scheduler reads them, but safely."""

from __future__ import annotations

import pytest
import yaml

from pyresque.errors import ScheduleFileError
from pyresque.schedule import yaml_file
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
        ("a: {args: &x [*x]}\n", "s.yml, line 1: an alias stands inside what it names"),
    ],
)
def test_what_cannot_be_read_is_reported_with_its_line(text, said):
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


def test_of_an_entry_that_stands_twice_the_last_counts_and_that_is_noted():
    found = read_yaml("a: {every: 1h}\nb: {every: 2h}\na:\n  every: 3h\n  every: 4h\n", "s.yml")
    assert [(one.name, one.config["every"], one.line) for one in found] == [
        ("a", "4h", 3),
        ("b", "2h", 2),
    ]
    assert [one.notes for one in found] == [
        (
            "'a' stands in line 1 and in line 3: the last one counts",
            "'every' stands in line 4 and in line 5: the last one counts",
        ),
        (),
    ]


def test_an_entry_that_overrides_a_merged_one_is_plain_yaml():
    text = "base: &b\n  a: {every: 1h}\n  c: {every: 2h}\n<<: *b\na: {every: 3h}\n"
    found = {one.name: one for one in read_yaml(text, "s.yml")}
    assert found["a"].config == {"every": "3h", "class": "a"}
    assert found["c"].config == {"every": "2h", "class": "c"}
    assert [one.notes for one in found.values()] == [()] * 3


def test_a_section_is_a_schedule_of_its_own():
    text = "default: &d\n  a: {every: 1h}\nproduction:\n  <<: *d\n  b: {every: 2h}\ntest:\n"
    found = read_yaml(text, "s.yml", "production")
    assert [(one.name, one.line) for one in found] == [("a", 2), ("b", 5)]
    assert read_yaml(text, "s.yml", "test") == []
    with pytest.raises(ScheduleFileError, match="no section 'prod'; it has default, production, t"):
        read_yaml(text, "s.yml", "prod")


def bomb(levels: int) -> str:
    """A list of lists of lists..., each nine times the one before."""
    lists = ["&l0 [" + ", ".join(["lol"] * 9) + "]"]
    lists += [f"&l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, levels)]
    return f"a:\n  every: 1h\n  args: [{', '.join(lists)}]\n"


@pytest.mark.parametrize("levels", [9, 40, 300])
def test_aliases_that_come_to_too_much_are_refused_before_they_are_written_out(levels):
    with pytest.raises(ScheduleFileError, match=r"s\.yml, line 3: with its aliases written out"):
        read_yaml(bomb(levels), "s.yml")


def test_what_merges_come_to_is_bounded_too():
    lines = ["m0: &m0 {k: v}"]
    lines += [f"m{n}: &m{n}\n  a: *m{n - 1}\n  b: *m{n - 1}" for n in range(1, 60)]
    with pytest.raises(ScheduleFileError, match="with its aliases written out"):
        read_yaml("\n".join(lines), "s.yml")


def test_many_entries_that_merge_one_are_no_bomb():
    text = "base: &b {queue: q, every: 1h}\n"
    text += "".join(f"e{n}:\n  <<: *b\n  args: [{n}]\n" for n in range(2000))
    assert len(read_yaml(text, "s.yml")) == 2001


def test_how_far_it_is_read_is_reported():
    counts: list[int] = []
    text = "".join(f"e{n}: {{every: 1h, queue: q}}\n" for n in range(2000))
    assert len(read_yaml(text, "s.yml", seen=counts.append)) == 2000
    assert len(counts) >= 3
    assert counts == sorted(counts)
    assert 0 < counts[0] < counts[-1] <= 2001


def entries(count: int) -> str:
    return "\n".join(
        f"job{at}: &job{at}\n  cron: '{at % 60} 3 * * *'\n  queue: low\n  args: [{at}, a b, {{key: ~}}]\n"
        f"again{at}:\n  <<: *job{at}\n  queue: high  # another one\n  every:\n  - 30s\n  - first_in: 5s"
        for at in range(count)
    )


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML has no libyaml here")
@pytest.mark.parametrize(
    "end",
    [
        "",
        "\njob3: {cron: 0 5 * * *, cron: 0 6 * * *}",
        "\nfault: [1, 2",
        "\nfault: *nothing",
        "\nfault: &job3 1",
        "\nfault: a: b",
        "\nfault: \t b",
        "\nfault: !ruby/object:Object {}",
        "\nsymbols: {:first_in: 5s}",
        "\ntext: |\n  one\n  two",
        "\n? a\n: b",
        "\n---\nanother: 1",
        "\ndeep: " + "[" * 2000 + "]" * 2000,
    ],
)
def test_a_long_file_means_the_same_with_and_without_libyaml(monkeypatch, end):
    text = entries(100 if end else 800) + end
    if end:  # one long file is enough
        monkeypatch.setattr(yaml_file, "LONG_FILE", 1000)

    def read():
        lines = []
        try:
            return read_yaml(text, "s.yml", seen=lines.append), bool(lines)
        except ScheduleFileError as error:
            return str(error)

    assert len(text) > yaml_file.LONG_FILE
    found = read()
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    assert found == read()
