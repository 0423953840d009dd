"""HUP and ALRM, which mean nothing to a worker, in the child that performs a job."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from pyresque import Resque
from tests.support import ROOT

APP = """
import os, signal
from pyresque import Resque
resque = Resque()

@resque.job("Signalled", queue="low")
def signalled(number):
    os.kill(os.getpid(), number)
    signal.pause()
"""


@pytest.mark.parametrize("name", ["HUP", "ALRM"])
def test_a_hup_or_alrm_ends_the_child_and_the_job_is_recorded_with_the_signal(
    db, redis_url, tmp_path, name
):
    (tmp_path / "signalled_app.py").write_text(APP)
    number = int(getattr(signal, f"SIG{name}"))
    db.rpush("resque:queue:low", json.dumps({"class": "Signalled", "args": [number]}))
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    subprocess.run(
        [
            *(sys.executable, "-m", "pyresque.cli", "worker", "-A", "signalled_app"),
            *("-q", "low", "--burst"),
        ],
        env={**os.environ, "REDIS_URL": redis_url, "PYTHONPATH": path},
        check=True,
    )
    with Resque(redis_url) as resque:
        (record,) = resque.failures.each()
    assert record.exception == "Resque::DirtyExit"
    assert f"SIG{name} (signal {number})" in str(record.error)
