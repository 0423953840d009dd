from __future__ import annotations

import json
import os
import signal
import socket

import pytest

from pyresque.cli import progress
from pyresque.cli.output import FirstLines, JsonList, print_long_table
from pyresque.cli.progress import Interrupted, Progress
from pyresque.ops import Command, carry
from tests.support.hostile_text import EVIL


@pytest.fixture
def at_once(monkeypatch):
    """Every command is long."""
    monkeypatch.setattr(progress, "LONG", 0.0)
    monkeypatch.setattr(progress, "EVERY_LINE", 0.0)


def test_a_short_command_reports_no_progress(capsys):
    with Progress("removing jobs") as going:
        going.step(5, 10)
    assert capsys.readouterr() == ("", "")


def test_a_long_command_reports_how_far_it_has_come_on_standard_error(capsys, at_once):
    with Progress("removing jobs") as going:
        going.step(5, 10, 2)
        going.step(12, 10, 12)
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.splitlines() == [
        "pyresque: removing jobs: 5 of 10 (50%), 2 so far",
        "pyresque: removing jobs: 12 of 12 (100%)",
    ]


def test_on_a_terminal_one_line_is_written_over_and_taken_away(capsys, at_once, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr(progress, "EVERY_ON_TERMINAL", 0.0)
    with Progress("removing jobs") as going:
        going.step(5, 10)
    line = f"removing jobs: [{'#' * 10}{'-' * 10}] 5 of 10 (50%)"
    assert capsys.readouterr().err == f"{line}\r{' ' * len(line)}\r"


def test_the_line_is_never_longer_than_the_terminal_and_never_commands_it(
    capsys, at_once, monkeypatch
):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    with Progress(f"searching {EVIL * 10}") as going:
        going.step(5, 10)
    line, *_ = capsys.readouterr().err.split("\r")
    assert len(line) == 39
    assert line.isprintable()


def test_an_operation_of_unknown_length_reports_its_steps_and_ends_between_two(capsys, at_once):
    done = []

    async def work() -> str:
        for at in range(3):
            await Command(("PING",))
            done.append(at)
        return "all"

    def answer(request: object) -> None:
        if len(done) == 1:
            os.kill(os.getpid(), signal.SIGINT)

    with Progress("trimming, step") as going, pytest.raises(Interrupted, match="2 are gone"):
        carry(going.watch(work, "2 are gone"), answer)
    assert done == [0, 1]
    assert capsys.readouterr().err.splitlines() == [
        f"pyresque: trimming, step: {at}" for at in (1, 2, 3)
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_noted_and_summed_up_with_its_exit_code(number):
    with Progress("removing jobs") as going:
        going.end("nothing was done")
        os.kill(os.getpid(), number)
        assert going.signal == number
        with pytest.raises(Interrupted, match="interrupted: removed 3 jobs") as caught:
            going.end("removed 3 jobs")
    assert caught.value.exit_code == 128 + number


def test_the_second_interrupt_is_not_held_up():
    with Progress("removing jobs"):
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_handlers_are_as_they_were_afterwards():
    before = signal.getsignal(signal.SIGINT)
    with Progress("removing jobs"):
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.parametrize("values", [[], [1], [{"a": {"b": [1, "\n"]}}, None]])
def test_a_list_that_is_streamed_is_the_same_text_as_at_once(capsys, values):
    for name, before, after in ((None, {}, {}), ("x", {"dry_run": False}, {"left": [], "n": {}})):
        made = JsonList(name, before)
        for value in values:
            made.add(value)
        made.close(after)
        whole = values if name is None else {**before, name: values, **after}
        assert capsys.readouterr().out == json.dumps(whole, indent=2) + "\n"


def test_a_long_table_has_its_headings_once_and_reports_how_many_rows(capsys):
    assert (
        print_long_table(("name", "jobs"), ((f"q{at}", at) for at in range(2500)), "none") == 2500
    )
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2501
    assert lines[0].split() == ["NAME", "JOBS"]
    assert lines[2500].split() == ["q2499", "2499"]
    assert print_long_table(("name",), (), "none") == 0
    assert capsys.readouterr().out == "none\n"


def test_only_the_first_lines_of_many_are_printed(capsys):
    lines = FirstLines("removed", "job")
    for at in range(25):
        lines.add(str(at))
    lines.close("nothing")
    printed = capsys.readouterr().out.splitlines()
    assert (len(printed), printed[-1]) == (21, "removed 25 jobs in all")


def test_a_command_that_is_interrupted_says_so_with_the_exit_code_of_sigint(start):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20)
        process = start("failed", "-u", f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        connection, _ = silent.accept()
        with connection:
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (130, "", "pyresque: interrupted\n")
