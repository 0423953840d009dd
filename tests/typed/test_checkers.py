"""mypy and pyright on the files beside this one and on the page's snippets: they refuse each line that says "# wrong", and no other."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

HERE = Path(__file__).parent
PAGE = ROOT / "docs" / "typed-calls.md"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """The files to check."""
    page = tmp_path / "page.py"
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    page.write_text("\n".join(blocks), encoding="utf-8")
    return [page, *(path for path in HERE.glob("*.py") if not path.name.startswith("test_"))]


def unlike_the_comments(files: list[Path], said: list[tuple[str, int, str]]) -> list[str]:
    """Where a checker's words and the comments differ; ``said`` are the file, the line and the message of each error."""
    wrong = {
        (path.name, number)
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if "  # wrong" in line
    }
    assert wrong
    refused = {(Path(name).name, number): message for name, number, message in said}
    return [
        f"{name}:{number}: {refused.get((name, number), 'not refused')}"
        for name, number in sorted(wrong ^ refused.keys())
    ]


def run(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT).stdout


@pytest.mark.process
def test_mypy_refuses_what_is_wrong_and_nothing_else(files: list[Path], tmp_path: Path) -> None:
    options = ("--strict", "--config-file", "", "--cache-dir", tmp_path, "--python-version", "3.10")
    said = run(sys.executable, "-m", "mypy", *options, *files)
    errors = [line.split(":", 2) for line in said.splitlines() if ": error:" in line]
    assert (
        unlike_the_comments(files, [(name, int(n), message) for name, n, message in errors]) == []
    )


@pytest.mark.process
def test_pyright_refuses_what_is_wrong_and_nothing_else(files: list[Path], tmp_path: Path) -> None:
    project = tmp_path / "pyrightconfig.json"
    settings = {
        "typeCheckingMode": "strict",
        "pythonVersion": "3.10",
        "include": list(map(str, files)),
        "reportUnusedFunction": False,
        "reportUnusedCoroutine": True,
    }
    project.write_text(json.dumps(settings), encoding="utf-8")
    checker = Path(sys.executable).parent / "basedpyright"
    said = run(checker, "--outputjson", "--project", project, "--pythonpath", sys.executable)
    errors = [
        (one["file"], one["range"]["start"]["line"] + 1, one["message"])
        for one in json.loads(said)["generalDiagnostics"]
        if one["severity"] != "information"
    ]
    assert unlike_the_comments(files, errors) == []
