"""docs/doctor.md names every finding with its severity, and its block runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyresque.doctor.checks import CHECKS
from tests.support import ROOT

if TYPE_CHECKING:
    import pytest
    import redis

PAGE = (ROOT / "docs" / "doctor.md").read_text("utf-8")


def test_the_page_has_each_finding_once_with_its_severity() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (error|warning|note) \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(
        (kind.name, kind.severity) for one in CHECKS for kind in one.kinds
    )


def test_its_block_tells_what_is_wrong(
    db: redis.Redis,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    db.rpush("resque:queue:lost", "{}")
    block = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    exec(block[1], {})
    assert "queue-not-listed" in capsys.readouterr().out
