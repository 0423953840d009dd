"""The examples with a progress bar, run as their READMEs say, in a real browser: the bar moves, the result appears, a click cancels."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT
from tests.support.chromium import chromium
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from pathlib import Path

#: By folder: the port of the README's address, and the programs of its commands.
EXAMPLES = {"fastapi_progress": 8000, "flask_progress": 5000}
PROGRAMS = {"pyresque": "pyresque.cli", "uvicorn": "uvicorn", "flask": "flask"}


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


def commands(folder: Path) -> list[list[str]]:
    """The two commands of the README: the worker's, and the web application's."""
    lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    found = [line.split() for line in lines if line.startswith("    ") and "pip" not in line]
    return [[sys.executable, "-m", PROGRAMS[program], *args] for program, *args in found]


@contextlib.contextmanager
def running(command: list[str], folder: Path, url: str):
    path = os.pathsep.join([str(folder), str(ROOT)])
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "REDIS_URL": url, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_bar_moves_and_the_result_appears(name, browser, redis_url):
    folder = ROOT / "examples" / name
    assert f"<http://127.0.0.1:{EXAMPLES[name]}>" in (folder / "README.md").read_text()
    worker, web = commands(folder)
    port = free_port()
    problems = []
    with (
        running(worker, folder, redis_url),
        running([*web, "--port", str(port)], folder, redis_url),
    ):
        eventually(lambda: answers(port))
        page = browser.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"http://127.0.0.1:{port}/")
        bar = page.locator("#bar")
        value = lambda: bar.evaluate("bar => bar.value")  # noqa: E731
        page.get_by_label("Pages").fill("600")
        page.get_by_role("button", name="Write the report").click()
        begun = eventually(value, lambda seen: 0 < seen < 100)
        eventually(value, lambda seen: begun < seen < 100)
        assert page.locator("#message").text_content().endswith("of 600")
        page.get_by_role("button", name="Cancel").click()
        page.get_by_text("The report is killed.").wait_for()
        page.get_by_label("Pages").fill("3")
        page.get_by_role("button", name="Write the report").click()
        page.get_by_text("has 3 pages.").wait_for()
        assert value() == 100
        page.close()
    assert problems == []


def test_each_example_has_the_same_page_since_each_folder_is_copied_alone():
    assert len({(ROOT / "examples" / name / "page.html").read_bytes() for name in EXAMPLES}) == 1
