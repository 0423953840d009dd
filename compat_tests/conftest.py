"""The entry into a recorded scenario, and the tally at the end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from compat_tests.coverage import rows
from compat_tests.world import World, world

if TYPE_CHECKING:
    from compat_tests.golden import Scenario
    from tests.support.redis_server import RedisServer

Enter = Callable[..., AbstractContextManager[World]]


@pytest.fixture
def enter(redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Enter:
    """``with enter(scenario, **settings) as world``."""

    def entering(scenario: Scenario, **options: Any) -> AbstractContextManager[World]:
        return world(scenario, redis_server.url, tmp_path, monkeypatch, **options)

    return entering


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much of each recording the modules that ran replay, and which of them failed at it."""
    ran: dict[str, int] = {}
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            file = Path(getattr(report, "nodeid", "").partition("::")[0])
            if file.parent.name == "compat_tests" and file.stem != "test_coverage":
                ran[file.stem] = ran.get(file.stem, 0) + (outcome in {"failed", "error"})
    found = [(row, failed) for module, failed in sorted(ran.items()) for row in rows(module)]
    if found:
        terminalreporter.section("recordings of Ruby")
    for row, failed in found:
        terminalreporter.write_line(
            f"{row}" + (f", {failed} of its tests failed" if failed else "")
        )
