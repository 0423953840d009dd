"""What a release is made by and promises: workflows, the image, the pages on installing and on what is supported."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from packaging.requirements import Requirement

from tests.support import ROOT
from tests.support.pages import text_of

if TYPE_CHECKING:
    from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

WORKFLOWS = ROOT / ".github" / "workflows"
SUPPORT = text_of("support.md")
FIXTURES = ROOT / "ruby_fixtures"


def workflow(name: str) -> dict[str, Any]:
    read: dict[Any, Any] = yaml.safe_load((WORKFLOWS / name).read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in read.items()}


def rows(title: str) -> list[list[str]]:
    """The rows of the table below a heading of the page on support."""
    section = SUPPORT.split(f"## {title}\n")[1].split("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def versions_of(name: str) -> dict[str, str]:
    text = (FIXTURES / name).read_text(encoding="utf-8")
    return dict(line.split() for line in text.splitlines() if not line.startswith("#"))


# -- workflows


@pytest.mark.parametrize("path", sorted(WORKFLOWS.iterdir()), ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit_and_no_job_may_more_than_it_needs(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    used = re.findall(r"uses: (?!\./)(.*)$", text, re.MULTILINE)
    assert [one for one in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", one)] == []
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
    assert workflow(path.name)["permissions"] in ({}, {"contents": "read"})


def test_a_release_is_tested_and_built_before_it_is_published_without_a_password() -> None:
    release = workflow("release.yml")
    jobs = release["jobs"]
    assert release["on"] == {"push": {"tags": ["v*"]}}
    assert jobs["test"]["uses"] == "./.github/workflows/ci.yml"
    assert "workflow_call" in workflow("ci.yml")["on"]
    needs = {name: job.get("needs") for name, job in jobs.items()}
    assert needs == {"test": None, "build": "test", "publish": "build", "announce": "publish"}
    rights = {name: job["permissions"] for name, job in jobs.items()}
    assert rights["publish"] == {"id-token": "write"}
    assert rights["build"] == {"contents": "read"}
    assert jobs["publish"]["environment"]["name"] == "pypi"
    (upload,) = [step for step in jobs["publish"]["steps"] if "gh-action-pypi" in step["uses"]]
    assert upload["with"] == {"attestations": True}
    assert "secrets." not in (WORKFLOWS / "release.yml").read_text(encoding="utf-8")
    commands = [step.get("run", "") for step in jobs["build"]["steps"]]
    assert commands.index("make package") > commands.index(
        'python release/check.py --tag "$GITHUB_REF_NAME"'
    )


# -- the image


def test_the_image_is_built_from_files_that_are_there_and_let_through() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_through = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert all((ROOT / name).exists() for name in let_through)
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packed = {
        name.strip("/") for name in config["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    }
    assert let_through == packed | {"pyproject.toml"}, "what builds the wheel"


def test_the_image_runs_the_command_as_a_user_without_rights() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    steps = [line.split(maxsplit=1) for line in text.splitlines() if line and line[0] != "#"]
    last = dict(steps)
    assert last["ENTRYPOINT"] == '["pyresque"]'
    assert last["USER"] == "10001:10001"
    words = [word for word, _ in steps]
    assert words.index("USER") > max(at for at, word in enumerate(words) if word in {"RUN", "COPY"})
    bases = [rest.split()[0] for word, rest in steps if word == "FROM"]
    assert len(bases) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim", base) for base in bases)
    assert dict(part.split("=", 1) for part in shlex.split(last["ENV"]))["GRACEFUL_TERM"] == "1"


# -- the pages


def test_the_page_on_installing_names_every_extra_and_what_it_brings() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = text_of("installing.md")
    table = text.split("## Extras")[1].split("## Ways")[0]
    told = {}
    for name, brings in re.findall(r"^\| `(\w+)` \| (.*?) \|", table, re.MULTILINE):
        told[name] = set(re.findall(r"[\w-]+", brings))
    extras = config["optional-dependencies"]
    for_us = {"test", "dev", "docs", "bench"} & set(extras)
    assert told.keys() == extras.keys() - for_us
    for name, brings in told.items():
        wanted = [Requirement(line) for line in extras[name]]
        own = {extra for one in wanted if one.name == "pyresque" for extra in one.extras}
        assert brings == own | {one.name for one in wanted if one.name != "pyresque"}, name
    core = re.findall(r"^\| (\w+) \| ", text.split("## Extras")[0], re.MULTILINE)
    assert set(core) - {"package"} == {Requirement(one).name for one in config["dependencies"]}


def test_the_page_on_support_names_what_the_workflow_runs() -> None:
    jobs = workflow("ci.yml")["jobs"]
    python = ", ".join(jobs["python"]["strategy"]["matrix"]["python"])
    assert ["CPython", python] in [row[:2] for row in rows("Python and systems")]
    servers: dict[str, list[str]] = {}
    for image in jobs["server"]["strategy"]["matrix"]["image"]:
        name, _, version = image.rpartition("/")[2].partition(":")
        servers.setdefault(name.capitalize(), []).append(version)
    told = [row[:2] for row in rows("Redis and Valkey")]
    for name, versions in servers.items():
        assert [name, ", ".join(versions)] in told


def test_the_page_on_support_names_the_gems_that_are_recorded_and_live() -> None:
    told = {row[0]: row[1] for row in rows("Ruby")[::-1]}  # of several rows the first one
    gems = versions_of("gems.versions")
    for name in ("resque", "resque-scheduler"):
        assert told[name] == gems[name]
    assert told["redis-rb"].split(", ")[0] == gems["redis"]
    assert f"live with {gems['activejob']}" in SUPPORT
    recorded = json.loads((FIXTURES / "golden/activejob.json").read_text(encoding="utf-8"))
    rails = sorted({one for entry in recorded["entries"] for one in entry["rails"]})
    assert told["ActiveJob"] == ", ".join(rails)
    node = json.loads((FIXTURES / "node/package.json").read_text(encoding="utf-8"))
    assert told["node-resque"] == node["dependencies"]["node-resque"]


def test_the_page_on_support_names_every_plugin_that_is_recorded_and_its_version() -> None:
    live = {name.rpartition("/")[2] for name in versions_of("plugins.versions")}
    recorded = {}
    for path in (FIXTURES / "golden/plugins").glob("*.json"):
        read = json.loads(path.read_text(encoding="utf-8"))
        recorded[read["plugin"]] = read["recordings"][0]["version"]
    pause = json.loads((FIXTURES / "golden/pause.json").read_text(encoding="utf-8"))
    recorded[pause["plugin"]] = pause["version"]
    told = {row[0]: row[1:] for row in rows("Plugins of Ruby") if row[1]}
    assert told == {
        name: [version, "yes" if name in live else "no"] for name, version in recorded.items()
    }
