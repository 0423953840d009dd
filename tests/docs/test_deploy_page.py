"""The page on deploying: its files are what systemd, Docker, Kubernetes and Heroku read, and name what there is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.variables import own_variables

PAGE = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def documents() -> list[dict[str, Any]]:
    return [document for block in blocks("yaml") for document in yaml.safe_load_all(block)]


def test_every_variable_that_the_page_names_is_a_setting() -> None:
    named = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", PAGE))
    assert named <= own_variables()
    assert {"TERM_CHILD", "RESQUE_PRE_SHUTDOWN_TIMEOUT", "HEALTH_PORT", "GRACEFUL_TERM"} <= named


@pytest.mark.process
@pytest.mark.parametrize("unit", blocks("ini"), ids=lambda unit: unit.splitlines()[0])
def test_systemd_takes_the_units(unit: str, tmp_path: Path) -> None:
    path = tmp_path / Path(unit.splitlines()[0].removeprefix("# ")).name
    path.write_text(unit.replace("/srv/shop/venv/bin/pyresque", sys.executable))
    named = dict(re.findall(r"^(\w+)=(.*)$", unit, re.MULTILINE))
    assert named["KillMode"] == "mixed"
    if shutil.which("systemd-analyze") is None:
        return  # its settings were read; only systemd could tell more
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    faults = [line for line in said.stderr.splitlines() if path.name in line]
    assert faults == []


def test_the_worker_has_more_time_than_its_job() -> None:
    (pod,) = [
        one["spec"]["template"]["spec"] for one in documents() if one.get("kind") == "Deployment"
    ]
    (container,) = pod["containers"]
    env = {row["name"]: row["value"] for row in container["env"]}
    asked = float(env["RESQUE_PRE_SHUTDOWN_TIMEOUT"]) + float(env["RESQUE_TERM_TIMEOUT"])
    assert asked + 2 <= pod["terminationGracePeriodSeconds"]
    heroku = dict(word.split("=") for word in blocks("procfile")[0].split() if "=" in word)
    asked = float(heroku["RESQUE_PRE_SHUTDOWN_TIMEOUT"]) + float(heroku["RESQUE_TERM_TIMEOUT"])
    assert asked + 2 <= 30


def test_the_probes_ask_for_what_the_health_port_answers() -> None:
    (pod,) = [
        one["spec"]["template"]["spec"] for one in documents() if one.get("kind") == "Deployment"
    ]
    (container,) = pod["containers"]
    env = {row["name"]: row["value"] for row in container["env"]}
    probes = [container["startupProbe"], container["livenessProbe"]]
    assert {probe["httpGet"]["path"] for probe in probes} == {"/ready", "/live"}
    assert {str(probe["httpGet"]["port"]) for probe in probes} == {env["HEALTH_PORT"]}


def test_what_scales_reads_a_queues_own_list() -> None:
    (scaled,) = [one for one in documents() if one.get("kind") == "ScaledObject"]
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["metadata"]["listName"].startswith("resque:queue:")
