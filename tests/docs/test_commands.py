"""Commands that the pages show: each is one that pyresque takes, with options and variables that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from pyresque.cli.main import cli
from tests.support.variables import own_variables

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

#: A line of a block that calls pyresque, perhaps after variables, a path, or the word that a Procfile has before it.
CALL = re.compile(
    r"^(?:    |ExecStart=|\w+: )\+?(?:\w+: )?((?:[A-Z_]+=\S* )*)(?:\S*/)?pyresque ([a-z].*?)(?:\s+#.*)?$"
)
#: What variables of others begin with: OpenTelemetry's SDK reads its own.
FOREIGN = ("OTEL_",)

LIST = re.compile(r'\["pyresque", (.*)\]')


def shown(page: Path) -> list[tuple[str, list[str]]]:
    """The variables and words of each call on a page."""
    found = []
    for line in page.read_text(encoding="utf-8").splitlines():
        call = CALL.match(line)
        if call:
            words = shlex.split(re.split(r" [|>] ", call[2])[0])
            found.append((call[1], words))
        elif listed := LIST.search(line):
            found.append(("", re.findall(r'"([^"]*)"', listed[1])))
    return found


CALLS = [(page.name, env, words) for page in PAGES for env, words in shown(page)]


@pytest.mark.parametrize(
    ("page", "env", "words"), CALLS, ids=[f"{page} {' '.join(words)}" for page, _, words in CALLS]
)
def test_a_command_that_a_page_shows_is_taken(page: str, env: str, words: list[str]) -> None:
    named = {part.partition("=")[0] for part in env.split()}
    assert {one for one in named if not one.startswith(FOREIGN)} <= own_variables()
    command: click.Command = cli
    context = None
    name = "pyresque"
    while isinstance(command, click.Group):
        context = click.Context(command, info_name=name, parent=context)
        name, words = (words[0], words[1:]) if words else ("list", [])
        found = command.get_command(context, name)
        assert found is not None, f"{page}: there is no {name}"
        command = found
    command.make_context(name, words, parent=context)


def test_the_pages_show_commands() -> None:
    assert {page for page, _, _ in CALLS} >= {"README.md", "worker.md", "deploy.md", "scheduler.md"}
    assert len(CALLS) >= 20


#: A command in the middle of a sentence: the words after ``pyresque``.
NAMED = re.compile(r"`pyresque ([a-z][^`]*)`")


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that words name, and the words behind its name; in a table a verb may stand for several (`list|run`)."""
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0].partition("|")[0])
        assert found is not None, words
        command, words = found, words[1:]
    return command, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_sentences_are_there_with_their_options(page: Path) -> None:
    text = " ".join(page.read_text(encoding="utf-8").split())
    for named in NAMED.findall(text):
        command, words = command_of(re.split(r"\s+", named.replace("...", "")))
        flags = {flag for one in command.params for flag in (*one.opts, *one.secondary_opts)}
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert options - flags - {"--help"} == set() or isinstance(command, click.Group), named
