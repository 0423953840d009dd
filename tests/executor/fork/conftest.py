from __future__ import annotations

import os

import pytest

from pyresque.executor.fork import cheap_fork


@pytest.fixture(autouse=True)
def nothing_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process has as a fork server's child, it has from the test alone, whichever tests ran here before."""
    monkeypatch.setattr(cheap_fork, "notes", [])
    monkeypatch.setattr(cheap_fork, "_told", set())
    monkeypatch.setattr(cheap_fork, "import_timer", cheap_fork.ImportTimer())


@pytest.fixture
def wakeup():
    """The reading end of a pipe that nobody writes to: no signal wakes the worker."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading
    os.close(reading)
    os.close(writing)
