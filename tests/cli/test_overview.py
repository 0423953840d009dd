"""``pyresque info``, ``completion``, ``--version``, ``--help``: what tells of the whole."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pyresque import __version__
from pyresque.cli.main import cli


def test_info_counts(run, resque, fail, redis_url):
    fail(("low", "Nobody"))
    resque.enqueue_to("low", "Archive", 1)
    shown = json.loads(run("info", "--json").stdout)
    assert shown == {
        "pending": 1,
        "processed": 1,
        "queues": 1,
        "workers": 0,
        "working": 0,
        "failed": 1,
        "servers": [redis_url],
        "environment": "development",
        "namespace": "resque",
        "paused": False,
        "paused_queues": [],
        "queue_sizes": {"low": 1},
    }
    output = run("info").stdout
    assert "pending    1\n" in output
    assert output.endswith("QUEUE  JOBS\nlow       1\n")


def test_info_reports_a_pause(run, db):
    assert "paused" not in run("info").stdout
    db.set("resque:pause-all-workers", " TRUE ")
    output = run("info").stdout
    assert "0 (0 working, all paused)" in output
    assert "no worker takes a job until `pyresque workers resume`" in output
    assert json.loads(run("info", "--json").stdout)["paused"] is True
    db.delete("resque:pause-all-workers")
    db.rpush("resque:pause-all-workers", "no text")
    assert json.loads(run("info", "--json").stdout)["paused"] is False


def test_info_reports_no_password(run, redis_url, db):
    db.config_set("requirepass", "secret")
    try:
        result = run("info", "-u", redis_url.replace("redis://", "redis://:secret@"), "--json")
    finally:
        db.execute_command("AUTH", "secret")
        db.config_set("requirepass", "")
    assert result.exit_code == 0, result.stderr
    assert "secret" not in result.stdout


def test_the_version_is_reported(run):
    assert run("--version").stdout == f"pyresque {__version__}\n"


@pytest.mark.process
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_completion_script(run, shell):
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "_PYRESQUE_COMPLETE" in result.stdout


def test_a_shell_that_is_none_is_bad_usage(run):
    assert run("completion", "cobol").exit_code == 2


@pytest.mark.process
def test_bash_completes_a_verb(monkeypatch):
    env = {
        "_PYRESQUE_COMPLETE": "bash_complete",
        "COMP_WORDS": "pyresque queues pe",
        "COMP_CWORD": "2",
    }
    script = "import sys; from pyresque.cli.main import main; sys.argv = ['pyresque']; main()"
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout == "plain,peek\n"


def commands(group=cli, path=()):
    """Every command with its path."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name), command
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("path", [path for path, _ in commands()], ids=" ".join)
def test_every_command_has_help_in_words(run, path):
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert "Usage: pyresque" in result.stdout


def test_whatever_prints_prints_json_and_whatever_destroys_can_be_tried_dry():
    options = {
        path: {option for param in c.params for option in param.opts} for path, c in commands()
    }
    leaves = {path for path, command in commands() if not hasattr(command, "commands")}
    silent = {("worker",), ("pool",), ("scheduler",), ("demo",), ("completion",), ("web",)}
    silent.add(("migrate", "ruby-guard"))
    assert {path for path in leaves if "--json" not in options[path]} == silent
    destroying = {
        path
        for path in leaves
        if path[-1] in {"remove", "trim", "clear", "prune", "lock"}
        or path
        in {("retries", "cancel"), ("migrate", "rescue"), ("queues", "drop"), ("queues", "move")}
    }
    assert {path for path in leaves if {"--dry-run", "--yes"} <= options[path]} == destroying


def test_a_command_nobody_has_is_bad_usage(run):
    assert run("wroker").exit_code == 2
    assert run("queues", "lsit").exit_code == 2


def test_the_page_of_the_command_line_names_every_command_and_no_other():
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `pyresque ([a-z]+(?:[ -][a-z]+)*)", page, re.MULTILINE)
    leaves = {" ".join(path) for path, command in commands() if not hasattr(command, "commands")}
    assert {row.strip() for row in rows} == leaves
