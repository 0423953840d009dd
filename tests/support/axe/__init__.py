"""axe-core in a page of Playwright's: what hinders people who do not see it, or have no mouse. ``npm install`` here brings it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

FILE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"

#: WCAG 2.2, levels A and AA, and what axe calls good practice: landmarks, one heading of the first level, their order.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def load(page: Page) -> None:
    """Load axe into a page, whose context must bypass its policy. Skip where it is not installed, or fail if PYRESQUE_REQUIRE_AXE is set."""
    if not FILE.exists():
        reason = f"no axe-core: npm install --prefix {FILE.parents[2]}"
        if os.environ.get("PYRESQUE_REQUIRE_AXE"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    page.add_script_tag(path=FILE)


def violations(page: Page) -> list[str]:
    """Return what axe finds on the page as it is now: the rule, its sentence, and the elements."""
    found = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})",
        TAGS,
    )
    return [
        f"{one['id']}: {one['help']}: "
        + " | ".join(
            f"{node['html'][:150]} ({node['failureSummary']})" for node in one["nodes"][:3]
        )
        for one in found["violations"]
    ]
