"""At least nineteen in twenty of the recorded scenarios are replayed, of every recorded file there is."""

from __future__ import annotations

import pytest

from compat_tests.coverage import Row, modules, rows
from compat_tests.golden import FOLDER

ROWS = [row for module in modules() if module != "test_coverage" for row in rows(module)]

#: What older and newer versions of Ruby's libraries did otherwise; the modules of the main recordings read these, too.
DIFFERENCES = {"redis_rb_5.json", "resque_2_7_0.json", "resque_1_27_4.json"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.file}-{row.module}")
def test_nineteen_in_twenty_are_replayed(row: Row) -> None:
    assert 0.95 * row.recorded <= row.replayed <= row.recorded


def test_every_recorded_file_is_replayed() -> None:
    recorded = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.json")} - DIFFERENCES
    assert {row.file for row in ROWS} == recorded
