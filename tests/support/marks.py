"""The mark of every test: given by what it asks for and by where it lies, and held to while it runs."""

from __future__ import annotations

import logging
import os
import subprocess
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, NoReturn
from unittest.mock import patch

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

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
            "tests/cli/top/test_terminal.py",
            "tests/conformance/test_executors.py",
            "tests/conformance/test_kinds.py",
            "tests/conformance/test_replicas.py",
            "tests/docs/test_package.py",
            "tests/docs/test_pictures.py",
            "tests/examples/",
            "tests/doctor/test_healthy.py",
            "tests/executor/fork/",
            "tests/live/",
            "tests/plugins/test_workers.py",
            "tests/process/health/test_server.py",
            "tests/process/start/test_connections_of_children.py",
            "tests/process/start/test_early_server.py",
            "tests/process/start/test_warm_up.py",
            "tests/process/worker/test_fork_fast_path",
            "tests/process/worker/test_direct_jobs",
            "tests/process/worker/test_lent_client",
            "tests/process/worker/test_lent_connection",
            "tests/process/worker/test_middleware_that_ends_a_job",
            "tests/testing/test_plugin.py",
            "tests/web/test_accessibility.py",
            "tests/web/test_browser.py",
            "tests/test_verbs.py",
            "tests/test_lean.py",
        ),
        "process",
    ),
}
PROCESS_FIXTURES = {"start", "finish", "sentinel_set", "cluster", "papers"}

_FORK, _EXECUTE = os.fork, subprocess.Popen._execute_child


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


def _refuse(*_args: object, **_keywords: object) -> NoReturn:
    raise RuntimeError("a test that is not marked process starts one: see tests/support/marks.py")


@contextmanager
def _no_process() -> Iterator[None]:
    with (
        patch.object(os, "fork", _refuse),
        patch.object(subprocess.Popen, "_execute_child", _refuse),
    ):
        yield


@contextmanager
def _own_logging() -> Iterator[None]:
    """Let the level and the handlers of the root logger end with a test: Litestar sets them for all of its process."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Hold a test, and the fixtures that are made for it, to its mark, and undo what it makes of the root logger."""
    with _own_logging(), _no_process() if mark_of(item) in {"unit", "redis"} else nullcontext():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Spell bytes that are no UTF-8 in what a test has logged or printed: test processes send their reports as UTF-8."""
    report = yield
    report.sections = [(name, _spelled(text)) for name, text in report.sections]
    if isinstance(report.longrepr, str):
        report.longrepr = _spelled(report.longrepr)
    elif report.longrepr is not None and not _is_utf8(str(report.longrepr)):
        report.longrepr = _spelled(str(report.longrepr))
    return report


def _spelled(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _is_utf8(text: str) -> bool:
    return _spelled(text) == text


@contextmanager
def a_server_is_no_process() -> Iterator[None]:
    """Allow whatever starts a Redis server."""
    with (
        patch.object(os, "fork", _FORK),
        patch.object(subprocess.Popen, "_execute_child", _EXECUTE),
    ):
        yield
