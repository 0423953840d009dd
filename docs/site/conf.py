# ruff: noqa: INP001 - what Sphinx reads, no package
"""Settings of the docs site: ``make docs`` builds it into site/. Decision 0002 says why Sphinx, MyST and Furo.

The pages are plain Markdown, as a repository shows it. Three things are done to a page when it is built: the lists of links that
it marks become the side bar (``navigation.py``), links to files outside docs/ become their names, and no page may load anything from another host.
"""

from __future__ import annotations

import os.path
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sphinx.util.logging import getLogger

sys.path.insert(0, str(Path(__file__).parent))

from navigation import with_trees

if TYPE_CHECKING:
    from sphinx.application import Sphinx

log = getLogger(__name__)

ROOT = Path(__file__).parents[2]

project = "pyresque"
author = "the pyresque authors"
release = re.search(r'__version__ = "(.+)"', (ROOT / "pyresque" / "__init__.py").read_text())[1]
language = "en"
root_doc = "index"
extensions = ["myst_parser", "sphinx_copybutton"]
html_theme = "furo"
html_title = f"pyresque {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_search_scorer = str(Path(__file__).parent / "scorer.js")
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
smartquotes = False
pygments_style = "friendly"
pygments_dark_style = "monokai"
#: Two dots and a dollar are prompts: they are not copied.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

#: Anchors are those that a repository's page has: `#exit-codes`.
myst_heading_anchors = 4
highlight_language = "text"
suppress_warnings = [
    # Blocks of a log or of a Procfile are in no language.
    "misc.highlighting_failure",
]

#: A link to a file that is no page of the site.
OUTSIDE = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)#\s]*)(?:#[^)\s]*)?\)")


def read_page(app: Sphinx, page: str, source: list[str]) -> None:
    """Turn a page of the repository into one of the site."""
    folder = (Path(app.srcdir) / page).parent

    def name(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(folder / link[2]))
        if not target.exists():
            log.warning("there is no %s", link[2], location=page)
            return link[1]
        if target.is_relative_to(app.srcdir) and target.is_file():
            return link[0]
        path = os.path.relpath(target, ROOT)
        return link[1] if link[1].strip("`") == path else f"{link[1]} (`{path}`)"

    source[0] = with_trees(OUTSIDE.sub(name, source[0]), page)


#: What a page loads by itself: a script, a style, a font, an image, a frame.
LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc=["']?(?:https?:)?//[^\s"'>]+"""
    r"""|<link\b(?![^>]*rel=["']?(?:canonical|license))[^>]*\bhref=["']?(?:https?:)?//[^\s"'>]+"""
    r"""|(?:url\(\s*|@import\s+)["']?(?:https?:)?//[^\s"')]+"""
)


def check_hosts(app: Sphinx, error: Exception | None) -> None:
    """Raise SystemExit if a page would load something from another host."""
    if error:
        return
    found = [
        f"{path.relative_to(app.outdir)}: {foreign[0]}"
        for path in Path(app.outdir).rglob("*")
        if path.suffix in {".html", ".css", ".svg"}
        and (foreign := LOADED.search(path.read_text(encoding="utf-8")))
    ]
    if found:
        raise SystemExit("pages that load from another host:\n" + "\n".join(found))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect what is done to pages; pages may be read and written side by side."""
    app.connect("source-read", read_page)
    app.connect("build-finished", check_hosts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
