"""The docs site, without building it: the navigation, links, anchors, lengths. ``make docs`` builds it, and fails where one of these does."""

from __future__ import annotations

import os.path
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.pages import DOCS, script

navigation = script("navigation")

PAGES = navigation.all_pages()

#: More words than one reads in ten minutes.
TEN_MINUTES = 2200

#: Words of a sentence; a table says more at once than a longer one.
A_LONG_SENTENCE = 42

#: Pages in which people look things up: nobody reads them from the first line to the last.
LOOKED_UP = re.compile(
    r"reference/|commands/|decisions/|api$|cli$|settings$|howto$|internals-files$"
)

LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")


def prose(page: str) -> str:
    """A page without its blocks of code."""
    text = re.sub(r"^```.*?^```", "", navigation.read(page), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"^ {4}.*$", "", text, flags=re.MULTILINE)


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", one).strip().lower() for one in headings]
    return {re.sub(r"[^\w\- ]", "", one).replace(" ", "-") for one in plain}


def test_every_page_is_in_the_navigation_and_once() -> None:
    reached = Counter(navigation.reached())
    assert set(PAGES) - set(reached) == set(), "in no list that a page marks by <!-- pages -->"
    assert set(reached) - set(PAGES) == set(), "there is no such page"
    assert [page for page, times in reached.items() if times > 1] == []


def title(page: str) -> str:
    found = re.search(r"^# (.*)$", navigation.read(page), re.MULTILINE)
    assert found
    return found.group(1).replace("`", "").lower()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_in_the_navigation_the_name_that_its_title_begins_or_ends_with(
    page: str,
) -> None:
    wrong = []
    for _, links in navigation.MARK.findall(navigation.read(page)):
        for name, path in re.findall(r"\[([^\]]+)\]\(([^)#]+)\.md\)", links):
            child = os.path.normpath(Path(page).parent / path)
            shown = name.replace("`", "").lower()
            if child != page and not (
                title(child).startswith(shown) or title(child).endswith(shown)
            ):
                wrong.append((name, title(child)))
    assert wrong == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_page_and_to_a_heading(page: str) -> None:
    wrong = []
    for path, anchor in LINK.findall(re.sub(r"`[^`]*`", "", prose(page))):
        target = os.path.normpath((DOCS / page).parent / path) if path else str(DOCS / f"{page}.md")
        if not Path(target).exists():
            wrong.append(path)
        elif anchor and target.startswith(str(DOCS)):
            found = anchors(os.path.relpath(target, DOCS).removesuffix(".md"))
            if anchor not in found:
                wrong.append(f"{path}#{anchor}")
    assert wrong == []


@pytest.mark.parametrize("page", [page for page in PAGES if not LOOKED_UP.search(page)])
def test_a_page_is_read_in_ten_minutes(page: str) -> None:
    assert len(prose(page).split()) <= TEN_MINUTES


@pytest.mark.parametrize("page", [page for page in PAGES if not LOOKED_UP.search(page)])
def test_no_sentence_is_longer_than_one_can_keep_in_mind(page: str) -> None:
    lines = [line for line in prose(page).splitlines() if not line.startswith(("|", "#", "<!--"))]
    sentences = [
        sentence
        for paragraph in re.split(r"\n\s*\n|\n- ", "\n".join(lines))
        for sentence in re.split(r"(?<=[.!?])\)?\s+", " ".join(paragraph.split()))
    ]
    assert [one for one in sentences if len(one.split()) > A_LONG_SENTENCE] == []


def test_no_picture_loads_anything() -> None:
    pictures = [*(DOCS / "pictures").rglob("*.svg"), DOCS / "performance.svg"]
    loads = re.compile(r"""(?:href|src)=["']|url\((?!#)|@import""")
    assert [one.name for one in pictures if loads.search(one.read_text(encoding="utf-8"))] == []


def test_a_change_of_the_settings_of_the_site_is_seen_in_ci() -> None:
    assert re.search(r"^make .*\bdocs\b", (ROOT / ".ci" / "run").read_text("utf-8"), re.MULTILINE)
    assert "make docs" in (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
