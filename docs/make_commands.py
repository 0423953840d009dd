# ruff: noqa: INP001 - a script beside the pages, no package
"""Write a page for each command into docs/commands/: ``python docs/make_commands.py``.

The head of a page is the command's help and a picture of a terminal; the end is made of its arguments and options. What stands between
``<!-- by hand -->`` and ``<!-- made -->`` is written by hand and kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click
from making import DOCS, cell, write

from pyresque.cli.main import COMMANDS, cli
from pyresque.cli.options import CONNECTION

if TYPE_CHECKING:
    from collections.abc import Iterator

BY_HAND, MADE = "<!-- by hand -->\n", "<!-- made -->\n"

#: Options that most commands have; the page of the command line tells them once.
SHARED = frozenset(
    {
        *CONNECTION,
        "sentinels",
        "sentinel_master",
        "sentinel_username",
        "sentinel_password",
        "as_json",
        "yes",
        "dry_run",
        "help",
    }
)


def command_of(path: tuple[str, ...]) -> click.Command:
    """The command that these words name."""
    found: click.Command = cli
    for word in path:
        below = isinstance(found, click.Group) and found.get_command(click.Context(found), word)
        if not below:
            raise SystemExit(f"docs/make_commands.py: there is no command {' '.join(path)}")
        found = below
    return found


def leaves(path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The commands below one, or itself."""
    command = command_of(path)
    if not isinstance(command, click.Group):
        yield path
        return
    for word in command.list_commands(click.Context(command)):
        yield from leaves((*path, word))


def help_of(command: click.Command) -> str:
    """A command's help as Markdown."""
    text = (command.help or "").replace("\b\n", "").partition("\f")[0].strip()
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text)]
    return "\n\n".join(
        re.sub(r"(?<![`\w])(--[\w-]+)", r"`\1`", one).replace("<", "\\<") for one in paragraphs
    )


def options_of(command: click.Command) -> str:
    """The table of what a command takes besides the shared options; "" if there is nothing."""
    rows = []
    for one in command.params:
        if one.name in SHARED or not isinstance(one, click.Option) or one.hidden:
            continue
        flags = ", ".join([*one.opts, *one.secondary_opts])
        metavar = "" if one.is_flag else f" {_kind(one)}"
        words, _, rest = (one.help or "").partition(" [env: ")
        variables, _, rest = rest.partition("]") if rest else ("", "", "")
        words, _, default = (
            words.partition(" [default: ")
            if not rest
            else (words, "", rest.removeprefix(" [default: "))
        )
        rows.append(
            f"| `{cell(flags + metavar)}` | {cell(words)} | {_codes(variables)} | {_codes(default.rstrip(']').strip())} |"
        )
    if not rows:
        return ""
    return (
        "| option | what it does | variables | default |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n\n"
    )


def _kind(one: click.Option) -> str:
    if one.metavar:
        return one.metavar
    if isinstance(one.type, click.Choice):
        return "|".join(str(choice) for choice in one.type.choices)
    return one.type.name.upper()


def _codes(text: str) -> str:
    return ", ".join(f"`{cell(one)}`" for one in text.split(", ") if one)


def usage(path: tuple[str, ...]) -> str:
    """How a command is written."""
    command = command_of(path)
    context = click.Context(command, info_name=" ".join(path))
    pieces = " ".join(command.collect_usage_pieces(context))
    return f"```sh\npyresque {' '.join(path)} {pieces}\n```\n\n"


def shared_flags(command: click.Command) -> str:
    """A sentence on which of the shared options a command takes."""
    flags = [
        f"`{one.opts[-1]}`"
        for one in command.params
        if one.name in SHARED
        and one.name != "help"
        and isinstance(one, click.Option)
        and "sentinel" not in str(one.name)
    ]
    return (
        f"Also {', '.join(flags)}: [what commands have in common](../cli.md#what-they-have-in-common).\n"
        if flags
        else ""
    )


def made_part(name: str) -> str:
    """The end of a page."""
    parts = []
    for path in leaves((name,)):
        command = command_of(path)
        heading = f"## `pyresque {' '.join(path)}`\n\n" if len(path) > 1 else "## Options\n\n"
        words = f"{help_of(command)}\n\n" if len(path) > 1 else ""
        parts.append(heading + words + usage(path) + options_of(command) + shared_flags(command))
    return "\n".join(part.rstrip() + "\n" for part in parts)


def by_hand(name: str) -> str:
    """What a page has between its marks."""
    path = DOCS / "commands" / f"{name}.md"
    if not path.exists():
        return ""
    return path.read_text(encoding="utf-8").partition(BY_HAND)[2].partition(MADE)[0]


def page(name: str) -> str:
    """A command's page."""
    pictures = "".join(
        f"![A terminal: {title}](../pictures/commands/{file}.svg)\n\n"
        for file, title in pictures_of(name)
    )
    hand = by_hand(name).strip("\n")
    hand = f"\n{hand}\n\n" if hand else "\n"
    return f"# `pyresque {name}`\n\n{help_of(command_of((name,)))}\n\n{pictures}{BY_HAND}{hand}{MADE}\n{made_part(name)}"


def pictures_of(name: str) -> list[tuple[str, str]]:
    """The pictures of a command: the file's name, and the command line in it."""
    from make_terminal import RUNNING, SHOWN  # noqa: PLC0415 - that script is the longer one

    lines = {**SHOWN, **{file: line for file, (line, _, _) in RUNNING.items()}}
    return [(file, f"pyresque {line}") for file, line in lines.items() if line.split()[0] == name]


def pages() -> dict[str, str]:
    """Each page's text, by its path below docs/."""
    return {f"commands/{name}.md": page(name) for name in COMMANDS}


if __name__ == "__main__":
    write(pages())
