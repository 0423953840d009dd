"""Settings given in code: typed like the table, checked like the environment, named where they are wrong."""

from __future__ import annotations

import inspect
import subprocess
import sys
import typing
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Literal

import pytest
import redis

from pyresque import AsyncResque, Resque, settings as table
from pyresque.errors import SettingsError
from pyresque.settings import Settings
from pyresque.settings_keywords import Keywords, Options

URL = "redis://nowhere:1/0"

#: A value of a wrong type for each type of a row, and one of the right type that no reader takes.
WRONG = {
    "str": 1,
    "bool": "yes",
    "int": "3",
    "int | None": 2.0,
    "float": "soon",
    "float | None": True,
    "tuple[str, ...]": "low,high",
}
SENSELESS = {"int": -1, "int | None": -1, "float": -1.0, "float | None": float("nan")}


def expected(row) -> object:
    """The type that a keyword of this row should have."""
    if isinstance(row.read, table.read.OneOf):
        return Literal[row.read.choices] | None
    if row.read is table.read.routes:
        return Mapping[str, str] | tuple[str, ...] | list[str] | str | None
    if row.type.startswith("tuple"):
        return tuple[str, ...] | list[str] | None
    if row.read is table.read.stretch:
        return float | str | None
    if row.read is table.read.path:
        return str | PathLike[str] | None
    return {"str": str, "bool": bool, "int": int, "float": float}[row.type.split()[0]] | None


def test_the_keywords_are_the_table_s_rows_with_their_types():
    hints = typing.get_type_hints(Keywords)
    assert hints.keys() == Settings.ROWS.keys()
    for row in Settings.ROWS.values():
        assert hints[row.name] == expected(row), row.name
    assert typing.get_type_hints(Options).keys() == Settings.ROWS.keys() - {"url"}


@pytest.mark.parametrize("row", Settings.ROWS.values(), ids=lambda row: row.name)
@pytest.mark.parametrize("face", [Resque, AsyncResque])
def test_a_value_of_the_wrong_type_is_refused_by_the_keyword_s_name(face, row):
    with pytest.raises(SettingsError, match=rf"^{row.name}: .* is no "):
        face(**{row.name: WRONG[row.type]})
    with pytest.raises(SettingsError, match=rf"^{row.name}: .* is no "):
        face(URL).configure(**{row.name: WRONG[row.type]})
    with pytest.raises(SettingsError, match=rf"^{row.name}: .* is no "):
        Settings(**{row.name: WRONG[row.type]})


@pytest.mark.parametrize(
    "row",
    [row for row in Settings.ROWS.values() if row.type in SENSELESS],
    ids=lambda row: row.name,
)
def test_a_number_that_makes_no_sense_is_refused_as_in_the_environment(row):
    with pytest.raises(SettingsError, match=f"^{row.name}: "):
        Resque(**{row.name: SENSELESS[row.type]})


@pytest.mark.parametrize(
    "row", [row for row in Settings.ROWS.values() if row.default], ids=lambda row: row.name
)
def test_every_default_may_be_given(row):
    assert getattr(Resque(**{row.name: row.default}).settings, row.name) == row.default


def test_all_faults_of_keywords_and_environment_are_reported_at_once(monkeypatch):
    monkeypatch.setenv("RESQUE_CODEC", "yaml")
    with pytest.raises(SettingsError) as caught:
        Resque(interval="soon", executor="threads", namespce=1)
    faults = str(caught.value).split("; ")
    assert faults == [
        "RESQUE_CODEC: 'yaml' is none of json, msgpack",
        "interval: 'soon' (str) is no number",
        "executor: 'threads' is none of fork, thread, async, inline",
        "namespce: there is no such setting (did you mean namespace?)",
    ]


def test_lists_and_paths_are_taken_for_what_they_hold(tmp_path):
    settings = Resque(URL, queues=["low", " high "], logfile=tmp_path / "w.log").settings
    assert settings.queues == ("low", "high")
    assert settings.logfile == str(tmp_path / "w.log")


def test_a_client_in_the_place_of_the_url_is_refused_with_the_cure():
    with pytest.raises(SettingsError) as caught:
        Resque(redis.Redis())
    assert "redis.client.Redis is no text: give the server's URL" in str(caught.value)


def test_a_url_of_the_wrong_type_is_not_shown():
    with pytest.raises(SettingsError) as caught:
        Resque(b"redis://:secret@there:1/0")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["settings", "jobs"])
def test_another_part_of_the_wrong_type_is_refused_by_its_name(name):
    with pytest.raises(SettingsError, match=f"^{name}: an object of type dict is no "):
        Resque(**{name: {"interval": 1}})


@pytest.mark.parametrize(("name", "verb"), [("failures", "save"), ("clock", "monotonic")])
def test_a_part_that_cannot_do_its_work_is_refused_by_its_name(name, verb):
    with pytest.raises(SettingsError, match=rf"^{name}: an object of type dict has no {verb}\(\)"):
        Resque(URL, **{name: {}})


@pytest.mark.parametrize("face", [Resque, AsyncResque])
@pytest.mark.parametrize("part", ["driver", "core", "failures", "own"])
def test_an_attribute_error_inside_a_part_is_not_reported_as_the_part_s_absence(face, part):
    class Broken(face):
        @property
        def own(self):
            return self.settings.nonsense

    setattr(Broken, part, Broken.own)
    with pytest.raises(AttributeError, match="'Settings' object has no attribute 'nonsense'"):
        getattr(Broken(URL), part)


def test_completion_finds_the_keywords_of_the_constructor():
    for face in (Resque, AsyncResque):
        assert {*Settings.ROWS, "jobs", "clock"} <= inspect.signature(face).parameters.keys()

    class Own(Resque):
        def __init__(self, shop: str) -> None: ...

    assert list(inspect.signature(Own).parameters) == ["shop"]


@pytest.mark.process
def test_a_type_checker_refuses_what_the_table_does_not_know(tmp_path: Path):
    program = tmp_path / "typed.py"
    program.write_text(
        "from pyresque import Resque\n"
        "Resque('redis://x', interval=2, queues=['a'], executor='thread', logfile=None)\n"
        "Resque(interval='soon')\n"
        "Resque(executor='threads')\n"
        "Resque(namespce='x')\n"
        "Resque(3)\n"
        "Resque().configure(count='2')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "c"), program],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    lines = {line.split(":")[1] for line in done.stdout.splitlines() if ": error:" in line}
    assert lines == {"3", "4", "5", "6", "7"}, done.stdout
