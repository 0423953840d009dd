"""The contract of Django's tasks, on Django 6.0, on 6.1, and on the backport with Django 4.2 and with the Django of this Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import django
import pytest

from tests.support import ROOT
from tests.support.other_django import beside_this_python, environment, python_for_django_6

FOLDER = Path(__file__).parent / "contract"

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]


def run_contract(python: str, url: str, files: Path, **env: str) -> str:
    """Run the folder's tests with a Python, and return what pytest says at the end."""
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-c", "pytest.ini", "--confcutdir=.", "."],
        cwd=FOLDER,
        env={
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": "",
            "PYTHONDONTWRITEBYTECODE": "1",
            "CONTRACT_REDIS_URL": url,
            "CONTRACT_FILES": str(files),
            **env,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-1]


def test_on_the_django_of_this_python(redis_url, tmp_path):
    assert "passed" in run_contract(sys.executable, redis_url, tmp_path, PYTHONPATH=str(ROOT))


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="Django 4.2 runs on Python up to 3.12")
def test_on_the_oldest_django(redis_url, tmp_path):
    folder = beside_this_python("4.2", "django-tasks>=0.12")
    env = {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    found = subprocess.run(
        [sys.executable, "-m", "django", "--version"],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith("4.2.")
    run_contract(sys.executable, redis_url, tmp_path, **env)


@pytest.mark.parametrize("version", ["6.0", "6.1"])
def test_on_django_6(redis_url, tmp_path, version):
    if django.get_version().startswith(f"{version}."):
        return  # the test before has run it
    python = python_for_django_6()
    if python is None:
        pytest.skip("Django 6 needs Python 3.12 or newer, and there is none here")
    inner, env = environment(python, version)
    found = subprocess.run(
        [inner, "-m", "django", "--version"],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith(f"{version}.")
    run_contract(inner, redis_url, tmp_path, **env)
