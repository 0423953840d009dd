"""Options come from the table of settings, and win over the environment and the application."""

from __future__ import annotations

import click
import pytest

from pyresque.cli.options import WORKING, settings_options
from pyresque.cli.worker import worker
from pyresque.process.start.load_app import load_application
from pyresque.settings import Settings


def parsed(*args: str) -> dict[str, object]:
    command = settings_options("app", "url", "namespace", *WORKING)(
        click.command()(lambda **given: given)
    )
    return command.main(list(args), standalone_mode=False)


@pytest.mark.parametrize(
    "row", [row for row in Settings.ROWS.values() if row.name in WORKING], ids=lambda row: row.name
)
def test_every_setting_of_a_worker_is_an_option_that_names_its_variables(row):
    (option,) = [option for option in worker.params if option.name == row.name]
    assert "--" + row.name.replace("_", "-") in option.opts
    for entry in row.env:
        assert (entry[0] if isinstance(entry, tuple) else entry) in option.help


def test_what_is_not_given_is_left_to_the_environment():
    assert set(parsed().values()) == {None}


def test_queues_may_be_given_together_and_apart():
    assert parsed("-q", "a, b*", "-q", "!c")["queues"] == ("a", "b*", "!c")


def test_seconds_are_read_as_in_the_environment():
    assert parsed("--interval", "0.5", "--term-timeout", "8")["interval"] == 0.5


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf", "1e30"])
def test_seconds_that_are_none_are_bad_usage(run, text: str):
    result = run("worker", "--interval", text)
    assert result.exit_code == 2
    assert "is no number of seconds" in result.stderr


def test_a_switch_has_an_opposite():
    assert parsed("--term-child")["term_child"] is True
    assert parsed("--no-term-child")["term_child"] is False


def test_a_choice_that_is_none_is_bad_usage(run):
    result = run("worker", "--executor", "magic")
    assert result.exit_code == 2
    assert "'fork', 'thread', 'async', 'inline'" in result.stderr


def test_a_flag_wins_over_the_environment_and_the_environment_over_the_default(monkeypatch):
    monkeypatch.setenv("INTERVAL", "3")
    monkeypatch.setenv("MAX_INTERVAL", "9")
    settings = load_application({"interval": 1.0}).settings
    assert (settings.interval, settings.max_interval, settings.term_timeout) == (1.0, 9.0, 4.0)


def test_a_flag_wins_over_the_application_and_its_jobs_follow():
    resque = load_application({"app": "myapp:resque", "namespace": "other"})
    assert resque.settings.namespace == "other"
    assert resque.core.keys.queues == "other:queues"
    assert len(resque.registered) == 4


def test_an_application_can_be_named_in_the_environment(monkeypatch):
    monkeypatch.setenv("PYRESQUE_APP", "myapp:resque")
    assert len(load_application({}).registered) == 4


def test_all_faults_of_the_environment_are_reported_in_one_line(run, monkeypatch):
    monkeypatch.setenv("INTERVAL", "soon")
    monkeypatch.setenv("RESQUE_CODEC", "yaml")
    result = run("info")
    assert result.exit_code == 2
    assert result.stderr.startswith("pyresque: ")
    assert "INTERVAL" in result.stderr
    assert "RESQUE_CODEC" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        "retries list",
        "failed list",
        "queues peek low",
        "delayed list",
        "delayed peek",
        "schedule next",
    ],
)
def test_a_number_that_redis_cannot_take_is_bad_usage(run, command: str):
    result = run(*command.split(), "--count", "99999999999999999999")
    assert result.exit_code == 2
    assert "'--count'" in result.stderr
