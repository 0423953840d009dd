"""The rights that docs/connections.md says a user of each role needs."""

from __future__ import annotations

import re

from tests.support import ROOT

PAGE = ROOT / "docs" / "connections.md"


def roles() -> dict[str, set[str]]:
    """Each role of the page's table with its commands, as ACL SETUSER takes them, such as ``+get``."""
    rows = re.findall(r"^\| (\w+) \| `~\S+` \| `([^`]+)` \|", PAGE.read_text(), re.MULTILINE)
    return {role: set(words.split()) for role, words in rows}
