from __future__ import annotations

import os

import pytest


@pytest.fixture
def wakeup():
    """The reading end of a pipe that nobody writes to: no signal wakes the worker."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading
    os.close(reading)
    os.close(writing)
