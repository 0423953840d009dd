"""The mark of every test: given by what it asks for and by where it lies, and held to while it runs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Every test has one of these marks.
MARKS = ("unit", "redis", "process", "ruby", "chaos")

#: The folders and files whose tests all have one mark. Elsewhere a test that asks for the server is ``redis``, one that asks for
#: a fixture of PROCESS_FIXTURES, or is marked so by hand, is ``process``, and any other is ``unit``.
PLACES = {
    "tests/chaos/": "chaos",
    "compat_tests/": "ruby",
    **dict.fromkeys(
        (
            "tests/benchmarks/test_main.py",
            "tests/cli/test_closed.py",
            "tests/cli/test_demo.py",
            "tests/cli/test_embedded.py",
            "tests/cli/test_sizes.py",
            "tests/conformance/test_executors.py",
            "tests/examples/",
            "tests/executor/fork/",
            "tests/live/",
            "tests/process/start/test_early_server.py",
            "tests/process/worker/test_fork_fast_path",
            "tests/test_verbs.py",
            "tests/test_lean.py",
        ),
        "process",
    ),
}
PROCESS_FIXTURES = {"start", "finish"}

#: What Python reports to audit hooks when a process is started.
STARTS = {"os.fork", "os.forkpty", "os.posix_spawn", "subprocess.Popen"}


def mark_of(item: pytest.Item) -> str:
    """The mark by which this test can be chosen."""
    by_hand = [mark.name for mark in item.iter_markers() if mark.name in MARKS]
    if by_hand:
        return by_hand[0]
    place = item.path.relative_to(item.config.rootpath).as_posix()
    for begin, mark in PLACES.items():
        if place.startswith(begin):
            return mark
    fixtures = set(getattr(item, "fixturenames", ()))
    if fixtures & PROCESS_FIXTURES:
        return "process"
    return "redis" if "redis_server" in fixtures else "unit"


@pytest.hookimpl(tryfirst=True)  # before pytest looks at -m
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every test, and leave out what only ``-m chaos`` asks for."""
    for item in items:
        name = mark_of(item)
        if item.get_closest_marker(name) is None:
            item.add_marker(name)
    if "chaos" not in config.option.markexpr:
        left_out = [item for item in items if item.get_closest_marker("whole_matrix")]
        items[:] = [item for item in items if not item.get_closest_marker("whole_matrix")]
        config.hook.pytest_deselected(items=left_out)


class _NoProcess:
    """Refuses to start a process while a test runs that is marked ``unit`` or ``redis``."""

    def __init__(self) -> None:
        self.on = False
        self.pid = os.getpid()

    def __call__(self, event: str, _args: object) -> None:
        if self.on and event in STARTS and os.getpid() == self.pid:
            self.on = False
            raise RuntimeError(f"{event} in a test that is not marked process: see conftest.py")


_no_process = _NoProcess()
sys.addaudithook(_no_process)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Hold a test to its mark."""
    _no_process.on = mark_of(item) in {"unit", "redis"}
    try:
        return (yield)
    finally:
        _no_process.on = False
