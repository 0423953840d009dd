"""Tools that look at every attribute of every module, as freezegun does, find nothing that fails."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOOK = """
import freezegun
import pyresque, pyresque.plugins, pyresque.testing, pyresque.contrib.django
with freezegun.freeze_time("2026-12-01"):
    print("frozen")
"""


@pytest.mark.process
def test_freezegun_works_before_django_has_its_settings() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.stdout, done.returncode) == ("frozen\n", 0), done.stderr
