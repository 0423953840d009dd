"""Django of another version than this Python's: in a folder of its own, for this Python or for another one of the machine."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

from tests.support import ROOT

#: Where they are kept from one run to the next.
KEPT = ROOT / ".venv-django"

#: The oldest Python that Django 6 runs on.
OLDEST = (3, 12)

#: Extras of pyresque that the contract needs.
EXTRAS = ("web",)


def python_for_django_6() -> str | None:
    """A Python that Django 6 runs on: this one, one of the PATH, or one of pyenv's; None if the machine has none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    known = sorted(pyenv.glob("3.*/bin/python"), key=_number)
    named = [shutil.which(f"python3.{minor}") for minor in range(12, 20)]
    for candidate in (sys.executable, *named, *map(str, known)):
        if candidate is not None and _is_new_enough(candidate):
            return candidate
    return None


def environment(python: str, version: str) -> tuple[str, dict[str, str]]:
    """The interpreter with pyresque's dependencies and pytest, and the variables that give it this Django. Made where it is not there."""
    KEPT.mkdir(exist_ok=True)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        inner = KEPT / "python"
        _once(inner, [*_needed(), "pytest>=8.0"], python)
        django = KEPT / f"django-{version}"
        _once(django, [f"Django~={version}.0"], python)
    return str(inner / "bin" / "python"), {"PYTHONPATH": str(django)}


def beside_this_python(version: str, *more: str) -> str:
    """A folder for PYTHONPATH that gives this Python that Django, and more beside it. Made where it is not there."""
    folder = KEPT / f"django-{version}-for-{sys.version_info.major}.{sys.version_info.minor}"
    KEPT.mkdir(exist_ok=True)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _once(folder, [f"Django~={version}.0", *more], sys.executable, sys.executable)
    return str(folder)


def _once(folder: Path, wanted: list[str], python: str, inner: str | None = None) -> None:
    """Install into a folder, a virtual environment or one for PYTHONPATH, unless that was done before. ``inner``: the Python that it is for."""
    stamp, text = folder / "installed", "\n".join([python, *wanted])
    if stamp.exists() and stamp.read_text() == text:
        return
    shutil.rmtree(folder, ignore_errors=True)
    inner = inner or str(KEPT / "python" / "bin" / "python")
    more = []
    if folder.name == "python":
        subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
    else:
        more = ["--target", str(folder)]
    pip = [sys.executable, "-m", "pip", "--python", inner, "install", "--quiet"]
    subprocess.run(
        [*pip, "--disable-pip-version-check", "--no-compile", *more, *wanted], check=True
    )
    stamp.write_text(text)


def _needed() -> list[str]:
    """What pyresque needs, by its own metadata."""
    found = []
    for one in requires("pyresque") or []:
        wanted, _, marker = one.partition(";")
        extra = re.search(r"extra == ['\"](\w+)['\"]", marker)
        if extra is None or extra[1] in EXTRAS:
            found.append(wanted.strip())
    return [one for one in found if not one.startswith("pyresque")]


def _number(path: Path) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", path.parts[-3])]


def _is_new_enough(python: str) -> bool:
    program = f"import sys, venv; sys.exit(sys.version_info < {OLDEST})"
    try:
        return (
            subprocess.run([python, "-c", program], check=False, capture_output=True).returncode
            == 0
        )
    except OSError:
        return False
