"""What the dashboard shows and does, commands do: the table of docs/cli.md names one for each page and action."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from pyresque.cli.main import cli
from pyresque.web.pages import ACTIONS, PAGES
from tests.cli.every_command import commands

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


def table(kind: str) -> dict[str, list[str]]:
    """The rows of one of the tables: a path of the dashboard, and the commands that do the same."""
    rows = TEXT.split(f"| {kind} | command |\n|---|---|\n")[1].split("\n\n")[0].splitlines()
    found = {}
    for row in rows:
        paths, named = row.strip("| ").split(" | ")
        for path in re.findall(r"`(/[^`]*)`", paths):
            found[path] = re.findall(r"`pyresque ([^`]*)`", named)
    return found


def options(name: str) -> set[str]:
    command: click.Command = cli
    for word in name.split():
        found = command.get_command(click.Context(command), word)
        assert found is not None, name
        command = found
    return {flag for option in command.params for flag in option.opts}


def test_every_page_has_a_command():
    assert {page.path for page in PAGES} - set(table("page")) == set()


def test_every_action_has_a_command():
    assert {action.path for action in ACTIONS} - set(table("action")) == set()


@pytest.mark.parametrize("kind", ["page", "action"])
def test_each_of_these_commands_is_there_and_prints_json(kind):
    found = table(kind)
    assert found
    for path, named in found.items():
        assert named, path
        assert set(named) <= set(commands(cli)), path
        assert all("--json" in options(name) for name in named), path


def test_each_command_that_changes_something_can_only_tell_what_it_would_do():
    for path, named in table("action").items():
        assert all("--dry-run" in options(name) for name in named), path
