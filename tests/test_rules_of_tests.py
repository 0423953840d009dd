"""Rules that the tests keep among themselves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.support import ROOT
from tests.support.marks import MARKS

if TYPE_CHECKING:
    import pytest


def test_every_test_has_exactly_one_mark(request: pytest.FixtureRequest) -> None:
    wrong = [
        item.nodeid
        for item in request.session.items
        if sum(item.get_closest_marker(name) is not None for name in MARKS) != 1
    ]
    assert wrong == []


def test_no_test_file_imports_from_another() -> None:
    imports = re.compile(r"^ *(?:from|import) (?:tests|compat_tests)[\w.]*\.test_.*$", re.MULTILINE)
    found = {
        str(path.relative_to(ROOT)): lines
        for folder in ("tests", "compat_tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := imports.findall(path.read_text(encoding="utf-8")))
    }
    assert found == {}
