"""The pictures of docs/dashboard.md are made by docs/make_pictures.py, which still works, and are small; terminals are as committed."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from pyresque.cli.main import COMMANDS
from tests.support.pages import script

DOCS = Path(__file__).parents[2] / "docs"


def made():
    spec = importlib.util.spec_from_file_location("make_pictures", DOCS / "make_pictures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pictures_are_taken_anew(redis_url, db, tmp_path):
    pictures = made()
    pictures.main(redis_url, tmp_path)
    taken = {picture.stem: picture.read_bytes() for picture in tmp_path.iterdir()}
    assert taken.keys() == pictures.PICTURES.keys()
    for picture in taken.values():
        assert picture.startswith(b"\x89PNG")
        assert 5_000 < len(picture) < 120_000
    assert db.dbsize() == 0


def test_the_page_shows_those_that_are_there_and_says_what_they_show():
    text = (DOCS / "dashboard.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"!\[([^\]]+)\]\(pictures/([\w-]+)\.png\)", text))
    there = {picture.stem for picture in (DOCS / "pictures").glob("*.png")}
    assert set(shown.values()) == there == made().PICTURES.keys()
    assert all(shown)


def test_the_pictures_of_terminals_show_what_commands_print_today(redis_url, db):
    terminal = script("make_terminal")
    made = terminal.pictures(redis_url)
    folder = DOCS / "pictures" / "commands"
    running = terminal.RUNNING.keys()
    assert made.keys() | running == {picture.stem for picture in folder.iterdir()}
    stale = [
        name
        for name, picture in made.items()
        if picture != (folder / f"{name}.svg").read_text(encoding="utf-8")
    ]
    assert stale == [], "run: python docs/make_terminal.py redis://..."
    assert {line.split()[0] for line in terminal.SHOWN.values()} | running == set(COMMANDS)
