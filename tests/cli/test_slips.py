"""Operators' slips: each option and variable empty, misspelt, doubled, or of the wrong kind is reported, and nothing is begun."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from pyresque import Resque, setting_readers
from pyresque.cli.main import COMMANDS, cli
from pyresque.errors import SettingsError
from pyresque.settings import Settings

#: What no reader of numbers and words takes.
SENSELESS = "no-such-thing"

#: What a reader of texts does not take.
SENSELESS_TEXTS = {setting_readers.pattern: "(no-such-thing"}

#: Texts that any reader of texts takes, so that nothing is of the wrong kind.
FREE = (
    setting_readers.text,
    setting_readers.path,
    setting_readers.names,
    setting_readers.key_names,
    setting_readers.addresses,
    setting_readers.users,
    setting_readers.given,
    setting_readers.scheduler_yes,
    str,
    setting_readers.log_in,  # a secret: the message does not repeat it, see test_web.py
)
#: What may well be nothing.
PREFIXES = {row.name for row in Settings.ROWS.values() if row.read is str}

#: Groups hold their commands below them.
GROUPS = ("queues", "failed", "workers", "delayed", "retries", "schedule")


def commands() -> list[tuple[str, ...]]:
    """The words of every command that has settings among its options."""
    context = click.Context(cli)
    found: list[tuple[str, ...]] = []
    for name in COMMANDS:
        command = cli.get_command(context, name)
        if isinstance(command, click.Group):
            found += [(name, verb) for verb in command.list_commands(context)]
        else:
            found.append((name,))
    return [words for words in found if options(words)]


def command_of(words: tuple[str, ...]) -> click.Command:
    command: click.Command = cli
    for word in words:
        command = command.get_command(click.Context(cli), word)
    return command


def options(words: tuple[str, ...]) -> dict[str, click.Option]:
    """A command's options that are settings, by name."""
    return {
        option.name: option
        for option in command_of(words).params
        if isinstance(option, click.Option)
        and option.name in Settings.ROWS
        and "--" + option.name.replace("_", "-") in option.opts
    }


def arguments(words: tuple[str, ...]) -> list[str]:
    """What the command needs beside options, so that options are all that is wrong."""
    needed = [p for p in command_of(words).params if p.required]
    found: list[str] = []
    for one in needed:
        found += [one.opts[0]] if isinstance(one, click.Option) else []
        file = isinstance(one.type, click.Path) and one.type.file_okay
        found.append(__file__ if file else "1")
    return found


OPTIONS = [
    (words, name) for words in commands() for name, option in options(words).items() if option
]
VALUED = [(words, name) for words, name in OPTIONS if not options(words)[name].is_flag]


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def senseless(name: str) -> str:
    return SENSELESS_TEXTS.get(Settings.ROWS[name].read, SENSELESS)


def refused(result) -> str:
    """The one line that reports it."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("pyresque: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_the_sweep_sees_every_command_and_setting():
    assert len(commands()) >= 25
    assert len(VALUED) >= 150
    assert {name for _, name in OPTIONS} >= Settings.ROWS.keys() - {
        *("environment", "inline", "pool_environment", "delayed_search"),
        *("enqueue_replicas", "enqueue_replica_timeout"),
        *("sentinel_username", "sentinel_password"),
        *("web_auth", "web_read_auth", "web_token", "web_read_token"),
        *("rails_version", "rails_locale", "rails_timezone"),
    }


@pytest.mark.parametrize(
    ("words", "name"), [pair for pair in VALUED if pair[1] not in PREFIXES], ids=str
)
def test_an_option_that_is_given_nothing_is_reported(run, words, name):
    result = run(*words, *arguments(words), f"{flag(name)}=")
    if name == "queues":
        assert "no queue to work on" in refused(result)
    else:
        assert flag(name) in refused(result)


@pytest.mark.parametrize(
    ("words", "name"),
    [(words, name) for words, name in VALUED if Settings.ROWS[name].read not in FREE],
    ids=str,
)
def test_an_option_of_the_wrong_kind_is_reported(run, words, name):
    message = refused(run(*words, *arguments(words), flag(name), senseless(name)))
    assert flag(name) in message
    assert senseless(name) in message


@pytest.mark.parametrize(
    ("words", "name"), [pair for pair in VALUED if pair[1] != "queues"], ids=str
)
def test_an_option_that_is_given_two_values_is_reported(run, words, name):
    message = refused(run(*words, *arguments(words), flag(name), "3", flag(name), "4"))
    assert flag(name) in message
    assert "given as '3' and '4': give it once" in message


@pytest.mark.parametrize(("words", "name"), OPTIONS, ids=str)
def test_an_option_that_is_misspelt_is_reported_with_the_one_that_is_meant(run, words, name):
    result = run(*words, flag(name)[:-1] + "~", "3", *arguments(words))
    assert result.exit_code == 2
    assert "No such option" in result.stderr
    assert flag(name) in result.stderr


@pytest.mark.parametrize("row", Settings.ROWS.values(), ids=lambda row: row.name)
def test_a_variable_that_is_empty_is_left_out(row):
    empty = {entry[0] if isinstance(entry, tuple) else entry: "" for entry in row.env}
    assert Settings.load(empty) == Settings.load({})


@pytest.mark.parametrize(
    ("row", "entry"),
    [
        (row, entry)
        for row in Settings.ROWS.values()
        for entry in row.env
        if isinstance(entry, str) and row.read not in FREE
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_variable_of_the_wrong_kind_is_reported_by_its_name(run, monkeypatch, row, entry):
    monkeypatch.setenv(entry, senseless(row.name))
    message = refused(run("info"))
    assert f"{entry}: '{senseless(row.name)}'" in message
    with pytest.raises(SettingsError, match=entry):
        Resque()


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("RESQUE_NAMESPCE", "RESQUE_NAMESPACE"),
        ("RESQUE_EXECUTORS", "RESQUE_EXECUTOR"),
        ("PYRESQUE_AP", "PYRESQUE_APP"),
        ("RESQUE_INTERVAL", "INTERVAL"),
        ("PYRESQUE_QUEUE", "QUEUE"),
        ("RESQUE_REDIS_URL", "REDIS_URL"),
    ],
)
def test_a_variable_that_is_misspelt_is_reported_and_hinders_nothing(
    run, monkeypatch, misspelt, meant
):
    monkeypatch.setenv(misspelt, "x")
    result = run("info")
    assert result.exit_code == 0
    assert (
        result.stderr == f"pyresque: nothing reads the variable {misspelt}: did you mean {meant}?\n"
    )


def test_variables_of_other_packages_are_left_alone(run, monkeypatch):
    for name in ("RESQUE_POOL_CONFIG", "RESQUE_WEB_HTTP_BASIC_AUTH_USER", "RESQUE_SINGLE_PGRP"):
        monkeypatch.setenv(name, "x")
    assert run("info").stderr == ""


def test_all_faults_of_options_and_variables_are_reported_at_once(run, monkeypatch):
    monkeypatch.setenv("RESQUE_CODEC", "yaml")
    monkeypatch.setenv("INTERVAL", "soon")
    monkeypatch.setenv("RESQUE_SCHEDULE_TIME_ZONE", "Mars")
    message = refused(
        run(
            *("worker", "-c", "0", "--executor", "magic", "--interval", "now", "-n", ""),
            *("--health-port", "1", "--health-port", "2"),
        )
    )
    for part in (
        *("'-c' / '--count': '0' is no number from 1 on", "'magic' is not one of 'fork'"),
        *("'--interval': 'now' is no number of seconds", "'--namespace': is empty"),
        *("given as '1' and '2': give it once", "RESQUE_CODEC: 'yaml'"),
        "RESQUE_SCHEDULE_TIME_ZONE: 'Mars' is no time zone",
    ):
        assert part in message
    assert "INTERVAL: 'soon'" not in message  # the flag goes before it


@pytest.mark.parametrize("queues", ["", ",", " ", ", ,", ",,,"])
@pytest.mark.parametrize("executor", ["fork", "thread"])
def test_a_worker_that_is_given_no_queue_by_any_way_says_how_to_name_one(
    run, monkeypatch, queues, executor
):
    words = ("worker", "-A", "myapp", "--executor", executor)
    said = "no queue to work on: set the QUEUE env var, or give -q"
    assert said in refused(run(*words, "-q", queues))
    monkeypatch.setenv("QUEUE", queues)
    assert said in refused(run(*words))
    monkeypatch.delenv("QUEUE")
    monkeypatch.setenv("QUEUES", queues)
    assert said in refused(run(*words))


def test_a_worker_that_lacks_queue_and_jobs_says_both(run):
    message = refused(run("worker"))
    assert "no queue to work on" in message
    assert "no jobs to perform" in message


def test_blank_names_between_commas_are_no_queues():
    assert Settings.load({"QUEUE": "a, ,b,"}).queues == ("a", "b")


def test_a_job_is_not_put_into_a_queue_of_no_name(run):
    assert "'--queue': is empty" in refused(run("enqueue", "Archive", "-q", ""))


@pytest.mark.parametrize("option", ["-f", "-E", "-a", "-o", "-e"])
def test_a_pool_s_own_option_that_is_given_nothing_is_reported(run, option):
    assert f"'{option}' / '--" in refused(run("pool", option, ""))


@pytest.mark.parametrize(
    ("words", "meant"),
    [(("wroker",), "worker"), (("queues", "lst"), "list"), (("failed", "retyr"), "retry")],
)
def test_a_command_that_is_misspelt_is_reported_with_the_one_that_is_meant(run, words, meant):
    assert f"No such command {words[-1]!r}. Did you mean {meant!r}?" in refused(run(*words))


def test_a_command_that_is_like_no_other_is_reported_with_those_that_there_are(run):
    message = refused(run("xyzzy"))
    assert (
        "No such command 'xyzzy'. There are completion, delayed, demo, doctor, enqueue," in message
    )
    assert "Did you mean" not in message
    there = "There are clear, groups, list, remove, retry, show, trim, undo;"
    assert there in refused(run("failed", "delete"))


@pytest.mark.parametrize("words", [("migrate",), ("migrate", "route")])
def test_a_group_without_a_word_shows_what_there_is(run, words):
    result = run(*words)
    lines = result.output.splitlines()
    assert lines[0] == f"Usage: pyresque {' '.join(words)} [OPTIONS] COMMAND [ARGS]..."
    assert "Commands:" in lines


@pytest.mark.parametrize("words", [words for words in commands() if "demo" not in words])
def test_words_that_are_no_command_line_are_reported_on_one_line_with_the_help_to_read(run, words):
    message = refused(run(*words, "--xyzzy"))
    assert "No such option" in message
    assert "--xyzzy" in message  # click 8.2 quotes no option
    assert f"`pyresque {' '.join(words)} --help` tells what there is" in message


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--xyzzy",), "; `pyresque --help` tells what there is"),
        (("worker", "high"), "unexpected extra argument (high); `pyresque worker --help`"),
        (("enqueue",), "Missing argument 'CLASS'; `pyresque enqueue --help`"),
        (("failed", "retry", "abc"), "'abc' is not a valid integer"),
        (("worker", "-q"), "'-q' requires an argument"),
        (("schedule", "validate", "/no/file"), "File '/no/file' does not exist"),
        (("completion", "tcsh"), "'tcsh' is not one of 'bash', 'zsh', 'fish'"),
        (("pool", "--term-graceful", "--term-immediate"), "not both"),
    ],
)
def test_any_other_slip_is_reported_on_one_line_too(run, words, said):
    assert said in refused(run(*words))


def test_no_command_at_all_asks_for_the_help(run):
    assert "Usage: pyresque" in run().output


@pytest.mark.parametrize("misspelt", ["QEUE", "QUEU", "QUEUS"])
def test_a_worker_without_a_queue_reports_the_variable_that_is_nearly_queue(
    run, monkeypatch, misspelt
):
    monkeypatch.setenv(misspelt, "high")
    assert f"nothing reads the variable {misspelt}: did you mean QUEUE?" in refused(
        run("worker", "-A", "myapp")
    )


def test_minutes_and_files_are_asked_for_by_their_names(run):
    shown = run("worker", "--help").stdout
    assert "--minutes-per-child MINUTES" in shown
    assert "--max-child-memory MIB" in shown
    assert "--logfile FILE" in shown


@pytest.mark.process
def test_the_package_is_the_command_line(environment):
    done = subprocess.run(
        [sys.executable, "-m", "pyresque", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("pyresque ")
