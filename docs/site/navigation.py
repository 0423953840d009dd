# ruff: noqa: INP001 - beside the site's settings, no package
"""The navigation of the docs site: it is read from the pages themselves, so that whoever reads them in the repository has the same links.

A page marks a list or a table of links with the comment ``<!-- pages -->`` or ``<!-- pages: Title -->``. The pages that are
linked there are its children, in that order; ``Title`` stands above them in the side bar.
"""

from __future__ import annotations

import os.path
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: The folder of the pages.
DOCS = Path(__file__).parents[1]

#: Where the navigation begins.
FIRST = "index"

MARK = re.compile(r"^<!-- pages(?:: (.+?))? -->\n((?:.+\n?)*)", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+\.md)(?:#[^)]*)?\)")


def marked(text: str, page: str) -> list[tuple[str | None, list[str]]]:
    """Each marked list of a page: its title, and the pages in it, as paths below docs/ without the suffix."""
    folder = Path(page).parent
    lists = []
    for title, links in MARK.findall(text):
        paths = [os.path.normpath(folder / link) for link in LINK.findall(links)]
        inside = dict.fromkeys(
            path.removesuffix(".md")
            for path in paths
            if not path.startswith("..") and path != f"{page}.md"
        )
        lists.append((title or None, list(inside)))
    return lists


def with_trees(text: str, page: str) -> str:
    """The page with a hidden toctree in place of each mark: what Sphinx makes the side bar of."""
    lists = iter(marked(text, page))

    def tree(_: re.Match[str]) -> str:
        title, pages = next(lists)
        caption = [f":caption: {title}"] if title else []
        lines = ["```{toctree}", ":hidden:", *caption, "", *(f"/{one}" for one in pages), "```", ""]
        return "\n".join(lines)

    return re.sub(r"^<!-- pages(?:: .+?)? -->\n", tree, text, flags=re.MULTILINE)


def all_pages() -> list[str]:
    """Every page there is, as a path below docs/ without the suffix."""
    return sorted(str(path.relative_to(DOCS).with_suffix("")) for path in DOCS.rglob("*.md"))


def read(page: str) -> str:
    """A page's text."""
    return (DOCS / f"{page}.md").read_text(encoding="utf-8")


def reached(text_of: Callable[[str], str] = read) -> list[str]:
    """The pages that the navigation leads to, each as often as it is named."""
    found, waiting = [FIRST], [FIRST]
    while waiting:
        page = waiting.pop(0)
        children = [child for _, pages in marked(text_of(page), page) for child in pages]
        found += children
        waiting += children
    return found
