"""At least nineteen in twenty of the recorded scenarios are replayed, of every recorded file there is."""

from __future__ import annotations

from typing import Any

import pytest

from compat_tests.coverage import Row, modules, rows
from compat_tests.golden import FOLDER

ROWS = [row for module in modules() if module != "test_coverage" for row in rows(module)]

#: What older and newer versions of Ruby's libraries did otherwise; the modules of the main recordings read these, too.
DIFFERENCES = {"redis_rb_5.json", "resque_2_7_0.json", "resque_1_27_4.json"}


#: Short of the mark as yet, with what is missing; one that reaches it must leave this table.
SHORT = {
    "activejob.json": "what the recordings ask of the job wrapper is replayed with it, not with the arguments"
}


def judged(row: Row) -> Any:
    """A row as a test's parameter."""
    short = SHORT.get(row.file)
    marks = [pytest.mark.xfail(strict=True, reason=short)] if short else []
    return pytest.param(row, marks=marks, id=f"{row.file}-{row.module}")


@pytest.mark.parametrize("row", [judged(row) for row in ROWS])
def test_nineteen_in_twenty_are_replayed(row: Row) -> None:
    assert 0.95 * row.recorded <= row.replayed <= row.recorded


def test_every_recorded_file_is_replayed() -> None:
    recorded = {path.name for path in FOLDER.glob("*.json")} - DIFFERENCES
    assert {row.file for row in ROWS} == recorded
