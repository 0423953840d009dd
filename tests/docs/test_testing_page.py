"""The page on testing: its suites run by pytest, by Django's runner and as a script, and its messages are those that come."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import freezegun
import pytest

from pyresque.testing import assert_enqueued, assert_payload, recorded
from tests.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL))
PLUGINS = ("pyresque.testing.plugin", "pytest_asyncio.plugin")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, code in FILES.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    return tmp_path


def ran(folder: Path, *words: str) -> str:
    found = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT}:{folder}",
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout + found.stderr


@pytest.mark.process
def test_the_suites_of_the_page_run(folder: Path) -> None:
    """Nothing is added to what a reader finds there: neither a setting nor a fixture."""
    settings = re.findall(r"```ini\n\[pytest\]\n(.*?)```", PAGE, re.DOTALL)
    (folder / "pytest.ini").write_text("[pytest]\n" + "".join(settings), encoding="utf-8")
    load = [word for name in PLUGINS for word in ("-p", name)]
    said = ran(folder, "pytest", "-q", *load, "--ignore=tests.py")
    assert f"{PAGE.count('def test_') - FILES['tests.py'].count('def test_')} passed" in said


@pytest.mark.process
def test_the_case_of_django_and_the_script_run(folder: Path) -> None:
    database = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
    (folder / "settings.py").write_text(f"DATABASES = {database!r}", encoding="utf-8")
    assert "Ran 1 test" in ran(folder, "django", "test", "tests", "--settings", "settings")
    assert "billing: Invoice('ann@example.com')" in ran(folder, "script")


@pytest.fixture
def shop() -> dict[str, object]:
    names: dict[str, object] = {}
    exec(compile(FILES["shop.py"], "shop.py", "exec"), names)
    return names


@freezegun.freeze_time("2026-12-01 12:00:00")
def test_the_messages_of_the_page_are_those_that_come(shop) -> None:
    texts = re.findall(r"```text\n(.*?)\n```", PAGE, re.DOTALL)
    with recorded():
        shop["order"]("ann@example.com")
        with pytest.raises(AssertionError) as missing:
            assert_enqueued(shop["send_mail"], "bob@example.com", queue="mailers")
        with pytest.raises(AssertionError) as another:
            assert_payload("Invoice", b'{"class":"Invoice","args":[7]}')
    assert [str(missing.value), str(another.value)] == texts


def test_every_name_of_the_package_is_on_the_page() -> None:
    import pyresque.testing

    names = set(pyresque.testing.__all__) - {"EnqueuedJob", "Kit"}
    assert [name for name in names if not re.search(rf"\b{name}\b", PAGE)] == []
