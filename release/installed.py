"""Tries an installed pyresque without extras: run by the Python of a virtual environment that holds the wheel and what it needs.

Raises SystemExit with what is wrong; prints one line if nothing is.
"""

from __future__ import annotations

import os
import pkgutil
import re
import subprocess
import sys
import tempfile
from importlib import import_module, metadata
from pathlib import Path

import pyresque
from pyresque.errors import MissingPackage

#: How a part says which extra it wants.
SENTENCE = re.compile(r"[A-Za-z ]+ needs? [\w.]+: pip install 'pyresque\[(\w+)\]'[\w, -]*")

#: Modules for those who have a framework, Django or pytest: without it they name it.
FRAMEWORKS = ("pyresque.contrib.", "pyresque.testing.")

#: Commands that need an extra, and the extra.
WANTING = {
    ("web",): "web",
    ("demo",): "demo",
    ("demo", "--web"): "web",
    ("scheduler", "--schedule", "schedule.yml"): "scheduler",
    ("pool", "-A", "jobs:resque", "-f", "pool.yml"): "scheduler",
    ("schedule", "validate", "schedule.yml"): "scheduler",
}

#: Files that these commands find.
FILES = {
    "schedule.yml": "clear:\n  every: 5m\n  class: Clear\n",
    "pool.yml": "low: 1\n",
    "jobs.py": "from pyresque import Resque\n\nresque = Resque()\n\n\n@resque.job(queue='low')\ndef clear():\n    pass\n",
}


def fail_unless(right: bool, what: str) -> None:
    """Raise SystemExit with the sentence if the value is false."""
    if not right:
        raise SystemExit(what)


def import_all() -> tuple[int, set[str]]:
    """Import every module; how many, and which extras the others want."""
    imported, wanted = 0, set()
    names = ["pyresque"]
    for name in names:
        try:
            module = import_module(name)
        except MissingPackage as error:
            asked = SENTENCE.fullmatch(str(error))
            fail_unless(asked is not None, f"{name}: {error}")
            wanted.add(asked[1])
            continue
        except ModuleNotFoundError as error:
            foreign = not (error.name or "pyresque").startswith("pyresque")
            fail_unless(foreign and name.startswith(FRAMEWORKS), f"{name}: {error}")
            continue
        imported += 1
        below = pkgutil.iter_modules(getattr(module, "__path__", []), f"{name}.")
        names += [one.name for one in below if not one.name.endswith("__main__")]
    return imported, wanted


def call(*words: str) -> tuple[int, str, str]:
    """Call the installed command ``pyresque``: exit code, output and errors."""
    program = Path(sys.executable).with_name("pyresque")
    done = subprocess.run(
        [program, *words], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout, done.stderr


def try_commands() -> None:
    """Call the commands; those that need an extra end by one line that names it."""
    version = metadata.version("pyresque")
    fail_unless(pyresque.__version__ == version, f"{pyresque.__version__} is not {version}")
    told = call("--version")
    fail_unless(told == (0, f"pyresque {version}\n", ""), f"pyresque --version: {told}")
    for module in ("pyresque", "pyresque.cli"):
        helped = subprocess.run(
            [sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=False
        )
        fail_unless(
            helped.returncode == 0 and helped.stdout.startswith("Usage: pyresque "),
            f"python -m {module} --help: {helped}",
        )
    for name, text in FILES.items():
        Path(name).write_text(text, encoding="utf-8")
    for words, extra in WANTING.items():
        code, output, errors = call(*words)
        last = errors.strip().rpartition("\n")[2].removeprefix("pyresque: ")
        asked = SENTENCE.fullmatch(last)
        fail_unless(
            code in {1, 2} and "Traceback" not in output + errors and asked is not None,
            f"pyresque {' '.join(words)} without the extra {extra}: {code}\n{output}{errors}",
        )
        fail_unless(asked[1] == extra, f"pyresque {' '.join(words)} asks for {asked[1]}: {extra}")


def main() -> None:
    """Try all of it in an empty folder."""
    package = Path(pyresque.__file__).parent
    fail_unless((package / "py.typed").exists(), "py.typed is missing")
    fail_unless(str(package).startswith(sys.prefix), f"{package} is not the installed one")
    page = Path(sys.prefix, "share", "doc", "pyresque", "docs", "index.md")
    fail_unless(page.exists(), f"{page} is missing")
    imported, wanted = import_all()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try_commands()
        os.chdir("/")
    beside = sorted(
        one.metadata["Name"] for one in metadata.distributions() if one.name != "pyresque"
    )
    print(
        f"{imported} modules, with {', '.join(beside)}; the rest asks for {', '.join(sorted(wanted))}"
    )


if __name__ == "__main__":
    main()
