"""The table of exit codes in docs/cli.md is true of each command line in it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
ROW = re.compile(r"^\| (\d) \| .* \| (`.*`) \|$", re.MULTILINE)
EXAMPLES = [
    (int(code), line)
    for code, lines in ROW.findall(PAGE.read_text("utf-8").partition("### Exit codes")[2])
    for line in re.findall("`([^`]+)`", lines)
]


def test_the_table_has_examples_of_each_code():
    assert {code for code, _ in EXAMPLES} == {0, 1, 2, 3}
    assert len(EXAMPLES) > 30


@pytest.mark.parametrize(("code", "line"), EXAMPLES, ids=str)
def test_an_example_ends_with_its_code(run, environment, code, line):
    (environment / "broken.yml").write_text("a: {cron: 'x'}\n")
    result = run(*shlex.split(line))
    assert result.exit_code == code, result.output
    assert (result.stderr.count("\n") == 1) is (code > 0)
    assert result.stderr.startswith("pyresque: ") is (code > 0)
