"""Every test can be chosen by one mark, and by no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
