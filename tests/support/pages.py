"""The pages of the docs, as their tests read them: whole, and as a reader follows them."""

from __future__ import annotations

import importlib
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from tests.support import ROOT

if TYPE_CHECKING:
    from types import ModuleType

DOCS = ROOT / "docs"


def text_of(*pages: str) -> str:
    """The text of pages, one after the other."""
    return "\n".join((DOCS / page).read_text(encoding="utf-8") for page in pages)


class Step(NamedTuple):
    """What a page has its reader do: write a file, or run a command."""

    file: str
    text: str


def steps_of(text: str, programs: str) -> list[Step]:
    """The files and commands of a page, in their order; a code block is a file if its first line names it."""
    found = []
    command_line = rf"^```\w+\n(.*?)^```|^ {{4,}}((?:{programs}) [^\n]*)$"
    for block, command in re.findall(command_line, text, re.DOTALL | re.MULTILINE):
        named = re.match(r"# (\S+\.(?:py|rake))\n", block)
        if command:
            found.append(Step("", command))
        elif named:
            found.append(Step(named[1], block))
    return found


def script(name: str) -> ModuleType:
    """A script of docs/ that writes pages."""
    for folder in (DOCS, DOCS / "site"):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    return importlib.import_module(name)
