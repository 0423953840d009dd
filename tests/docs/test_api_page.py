"""The page of verbs names every public attribute, as the code has it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from pyresque import AsyncResque, Resque
from pyresque.failures import AsyncFailures, Failures
from pyresque.retries import AsyncRetries, Retries

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "api.md").read_text(encoding="utf-8")


def public(owner: object) -> set[str]:
    return {name for name in dir(owner) if not name.startswith("_")}


def test_the_page_of_verbs_is_what_the_docstrings_say():
    assert runpy.run_path(str(DOCS / "make_api.py"))["page"]() == PAGE


def test_every_public_attribute_of_both_faces_is_on_the_page():
    url = "redis://nowhere:1/0"
    named = set(re.findall(r"^\| `(\w+)", PAGE, flags=re.MULTILINE))
    assert public(Resque(url)) - named == set()
    assert public(AsyncResque(url)) - named == set()
    assert (public(Failures) | public(AsyncFailures)) - named == set()
    assert (public(Retries) | public(AsyncRetries)) - named == set()
