"""A process that ends with the one that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from pyresque.process.host import owned_process
from pyresque.process.host.owned_process import OwnedProcess
from tests.support.eventually import eventually
from tests.support.processes import children_of, in_group, is_alive

pytestmark = pytest.mark.process

SLEEPS = ("/bin/sh", "-c", "sleep 60 & sleep 60")


def test_its_whole_session_ends_with_its_owner_and_the_folder_goes(tmp_path):
    folder = tmp_path / "its folder"
    folder.mkdir()
    code = f"""
import pathlib, sys
from pyresque.process.host.owned_process import OwnedProcess
one = OwnedProcess({SLEEPS}, folder=pathlib.Path(sys.argv[1]))
print(one.pid, flush=True)
one.wait()
"""
    line = [sys.executable, "-c", code, str(folder)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        eventually(lambda: len(children_of(pid)) == 2)
        owner.kill()
    eventually(lambda: not in_group(pid) and not folder.exists())


@pytest.mark.parametrize("way", ["end", "wait", "poll", "communicate"])
def test_nothing_watches_one_that_has_ended(way):
    """Its id may be another process's by then."""
    before = len(children_of(os.getpid()))
    process = OwnedProcess(("/bin/sleep", "60"))
    assert len(children_of(os.getpid())) == before + 2
    if way == "end":
        assert process.end(signal.SIGTERM) == -signal.SIGTERM
        assert process.end(signal.SIGTERM) == -signal.SIGTERM
    else:
        os.kill(process.pid, signal.SIGKILL)
        eventually(lambda: not is_alive(process.pid))
        getattr(process, way)()
        assert process.returncode == -signal.SIGKILL
    assert len(children_of(os.getpid())) == before


def test_one_that_cannot_be_watched_does_not_run(monkeypatch):
    seen = []

    def refuse(pid, folder):
        seen.append(pid)
        raise OSError("no more processes")

    monkeypatch.setattr(owned_process, "_watch", refuse)
    with pytest.raises(OSError, match="no more processes"):
        OwnedProcess(("/bin/sleep", "60"))
    assert not is_alive(seen[0])
