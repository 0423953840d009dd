"""Builds the sdist and the wheel, and tries them as a user would who has no checkout: ``make package``.

1. ``python -m build`` makes the sdist, and the wheel from it, in an environment of their own. Their files are in dist/ afterwards.
2. ``twine check --strict`` reads the page that a package index will show.
3. For each Python from 3.10 on that is on this machine: the wheel goes into a new virtual environment without extras, where
   ``installed.py`` imports every module and calls the commands.

``--tag v1.2.0`` does none of that: it fails unless the tag, the version and the newest heading of CHANGELOG.md are one.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
FIRST, LAST = 10, 14


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command; what it printed. Raises SystemExit with all of it if it fails."""
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        words = " ".join(str(word) for word in command)
        raise SystemExit(f"{words}\n{done.stdout}{done.stderr}exit code {done.returncode}")
    return done.stdout


def pythons() -> dict[str, Path]:
    """The Pythons of this machine, by version: the one that runs this, those on the PATH, those of pyenv."""
    minors = range(FIRST, LAST + 1)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    candidates = [
        sys.executable,
        *filter(None, (shutil.which(f"python3.{minor}") for minor in minors)),
        *sorted(pyenv.glob("3.*/bin/python")),
    ]
    found: dict[str, Path] = {}
    for candidate in candidates:
        told = subprocess.run(
            [candidate, "-c", "import platform; print(platform.python_version())"],
            capture_output=True,
            text=True,
            check=False,
        )
        major, _, rest = told.stdout.partition(".")
        minor = rest.partition(".")[0]
        if told.returncode == 0 and major == "3" and int(minor) in minors:
            found.setdefault(f"3.{minor}", Path(candidate))
    return dict(sorted(found.items(), key=lambda row: int(row[0].partition(".")[2])))


def build() -> Path:
    """Build into dist/, which is emptied before; the wheel."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", DIST)
    run(sys.executable, "-m", "twine", "check", "--strict", *sorted(DIST.iterdir()))
    (wheel,) = DIST.glob("*.whl")
    return wheel


def install_and_try(version: str, python: Path, wheel: Path, folder: Path) -> str:
    """Install the wheel for one Python and try it there; what that said."""
    begin = time.monotonic()
    home = folder / version
    run(python, "-m", "venv", "--without-pip", home)
    own = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", own, "--disable-pip-version-check", "--quiet"]
    run(*pip, "install", "--no-compile", wheel, cwd=folder)
    run(*pip, "check", cwd=folder)
    said = run(own, "-I", ROOT / "release" / "installed.py", cwd=folder).strip()
    return f"Python {version}: {said} ({time.monotonic() - begin:.0f} s)"


def check_tag(tag: str) -> None:
    """Raise SystemExit if the tag is not that of this version, or if the changelog does not say what is in it."""
    source = (ROOT / "pyresque" / "__init__.py").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    (version,) = re.findall(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    newest = re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)[0]
    if tag != f"v{version}":
        raise SystemExit(
            f"the tag is {tag} and pyresque/__init__.py says {version}: tag v{version}"
        )
    if newest != version:
        raise SystemExit(
            f"the newest heading of CHANGELOG.md is [{newest}]: write ## [{version}] - DATE"
        )
    print(f"{tag} is the version, and the newest heading of CHANGELOG.md")


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(
        description="Build the package and try it in fresh environments."
    )
    parser.add_argument("--tag", help="check this tag of a release instead")
    given = parser.parse_args()
    if given.tag:
        check_tag(given.tag)
        return
    wheel = build()
    print(f"built and checked: {', '.join(sorted(path.name for path in DIST.iterdir()))}")
    found = pythons()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(len(found)) as pool:
        tries = [
            pool.submit(install_and_try, version, python, wheel, Path(folder))
            for version, python in found.items()
        ]
        for one in tries:
            print(one.result())
    missing = [f"3.{minor}" for minor in range(FIRST, LAST + 1) if f"3.{minor}" not in found]
    if missing:
        print(f"not on this machine: Python {', '.join(missing)}")


if __name__ == "__main__":
    main()
