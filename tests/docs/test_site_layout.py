"""The docs site in a browser: at each width of a window a page fits beside Furo's side bars, and a search has answers first."""

from __future__ import annotations

import pytest

from tests.support.chromium import chromium
from tests.support.pages import DOCS

#: A phone, a tablet, laptops, a large screen.
WIDTHS = (390, 768, 1024, 1280, 1366, 1440, 1536, 1920)

#: What Furo writes around a page, with its own rules of layout.
PAGE = """<!doctype html><style>
html { box-sizing: border-box } *, ::before { box-sizing: inherit } body { margin: 0 }
.page { display: flex; min-height: 100% } .main { display: flex; flex: 1 }
.content { display: flex; flex-direction: column; justify-content: space-between; padding: 0 3em; width: 46em }
.sidebar-drawer { width: calc(50% - 26em); min-width: 15em } .toc-drawer { width: 15em }
@media (max-width: 82em) { .toc-drawer { position: fixed; right: -15em } .sidebar-drawer { width: calc(50% - 18.5em) } }
@media (max-width: 67em) { .content { margin-left: auto; margin-right: auto; padding: 0 1em } }
@media (max-width: 63em) { .sidebar-drawer { position: fixed; left: -15em; width: 15em } .page { flex-direction: column } }
@media (max-width: 48em) { .content { overflow-x: auto; width: 100% } }
STYLE</style><div class="page"><aside class="sidebar-drawer">pages</aside><div class="main"><div class="content">
<div class="article-container"><article><section><h1>Page</h1><p>WORDS</p><div class="table-wrapper"><table class="docutils">
<tr>CELLS</tr></table></div></section></article></div></div><aside class="toc-drawer">headings</aside></div></div>"""

#: The right edge of what a reader sees without scrolling: the text, and the list of headings where it stands beside it.
RIGHT_EDGE = """() => Math.max(...[...document.querySelectorAll(".content, .toc-drawer")]
    .filter((one) => getComputedStyle(one).position != "fixed").map((one) => one.getBoundingClientRect().right))"""


@pytest.mark.process
def test_a_page_fits_into_windows_of_every_width() -> None:
    style = (DOCS / "site" / "static" / "site.css").read_text(encoding="utf-8")
    cells = "<td><code>pyresque migrate route set CLASS</code></td>" * 5
    html = PAGE.replace("WORDS", "a word " * 300).replace("CELLS", cells)
    edges = {}
    with chromium() as browser:
        page = browser.new_page()
        page.set_content(html.replace("STYLE", style))
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            edges[width] = page.evaluate(RIGHT_EDGE)
    assert {width: edge for width, edge in edges.items() if edge > width} == {}


@pytest.mark.process
def test_a_search_has_the_page_of_answers_first_and_how_it_is_built_last() -> None:
    found = ["decisions/0005", "reference/keys", "limits", "howto"]
    scorer = (DOCS / "site" / "scorer.js").read_text(encoding="utf-8")
    rank = "(pages) => pages.map((page) => Scorer.score([page, '', '', null, Scorer.term, '']))"
    with chromium() as browser:
        page = browser.new_page()
        page.add_script_tag(content=scorer)
        scores = page.evaluate(rank, found)
    assert sorted(found, key=dict(zip(found, scores, strict=True)).get, reverse=True) == found[::-1]
