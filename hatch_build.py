"""What of the package is made when it is built: the README as a package index shows it, and the pages that are installed with it.

A link or a picture of the README has a path in the repository, which leads nowhere from a package index. If pyproject.toml names the
repository's address (``[project.urls]``, ``Repository``), each path becomes an address at the tag of this version. If it does not, a
link becomes its words and its path, and a picture is left out.

Hatchling runs this file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

#: Where the pages are, below the environment that the package is installed in.
SHARE = "share/doc/pyresque"

#: Files of docs/ that are installed: the pages and what they show, not what makes them.
PAGES = {".md", ".png", ".svg"}

#: A Markdown picture or link to a path: the mark of a picture, the words, the path with its anchor.
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!\w+:|#)([^)\s]+)\)")


def index_page(readme: str, repository: str | None, version: str) -> str:
    """Return the README with links that work outside of the repository, or with none."""
    if repository is None:
        readme = re.sub(r"^!\[[^\]]*\]\((?!\w+:)[^)]*\)\n\n?", "", readme, flags=re.MULTILINE)

    def link(found: re.Match[str]) -> str:
        picture, words, path = found.groups()
        if repository is None:
            return "" if picture else f"{words} (`{path.partition('#')[0]}`)"
        kind = "raw" if picture else "tree" if path.endswith("/") else "blob"
        return f"{picture}[{words}]({repository.rstrip('/')}/{kind}/v{version}/{path})"

    return LINK.sub(link, readme)


class IndexPage(MetadataHookInterface):
    """Sets the field ``readme``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Write the page into the metadata of the package."""
        readme = Path(self.root, "README.md").read_text(encoding="utf-8")
        repository = metadata.get("urls", {}).get("Repository")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": index_page(readme, repository, metadata["version"]),
        }


class Pages(BuildHookInterface[Any]):
    """Puts the pages and the examples into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Name what is installed beside the package."""
        root = Path(self.root)
        docs = (path for path in (root / "docs").rglob("*") if path.suffix in PAGES)
        for path in [root / "README.md", root / "CHANGELOG.md", root / "examples", *sorted(docs)]:
            name = path.relative_to(root).as_posix()
            build_data["shared_data"][name] = f"{SHARE}/{name}"
