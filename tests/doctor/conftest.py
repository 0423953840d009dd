"""The doctor on a real Redis, called as a user calls it; and the commands that it prescribes, carried out."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from pyresque.cli.main import cli
from pyresque.client import Resque
from tests.support.variables import own_variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import redis

APP = """
from pyresque import Resque
from pyresque.plugins import Loner, Retry

resque = Resque()

@resque.job("Known", queue="low")
def known(number): pass

@resque.job("Twice", queue="low", plugins=[Retry(limit=3, delay=60)])
def twice(*args): pass
"""


@pytest.fixture(autouse=True)
def environment(redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty Redis as REDIS_URL, and a directory with an application in it."""
    for name in own_variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "examined.py").write_text(APP)
    yield tmp_path
    sys.modules.pop("examined", None)


@pytest.fixture
def resque(redis_url: str) -> Iterator[Resque]:
    with Resque(redis_url) as client:
        yield client


@pytest.fixture
def doctor() -> Callable[..., dict[str, Any]]:
    """Call the doctor; return its JSON, with its exit code as ``exit_code``."""

    def call(*args: str) -> dict[str, Any]:
        result = CliRunner().invoke(cli, ["doctor", "--json", *args], prog_name="pyresque")
        assert result.exit_code in {0, 3, 4}, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return {**found, "exit_code": result.exit_code}

    return call


@pytest.fixture
def found(doctor: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, dict[str, Any]]]:
    """What the doctor finds, by its name."""

    def call(*args: str) -> dict[str, dict[str, Any]]:
        return {one["finding"]: one for one in doctor(*args)["findings"]}

    return call


@pytest.fixture
def carry_out(db: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Carry out a command that was prescribed: pyresque's, a line of redis-cli, or an export."""

    def call(line: str) -> None:
        program, *words = _words(line)
        if program == "pyresque":
            result = CliRunner().invoke(
                cli, [word.decode("utf-8", "surrogateescape") for word in words], prog_name=program
            )
            assert result.exit_code == 0, (line, result.output)
        elif program == "redis-cli":
            assert words[0] == b"-u", line
            db.execute_command(*words[2:])
        elif program == "export":
            name, _, value = words[0].decode().partition("=")
            monkeypatch.setenv(name, value)
        else:
            pytest.fail(f"nobody here carries out {line}")

    return call


def _words(line: str) -> list[Any]:
    """Return the program of a command line and its words as bytes, as bash reads them."""
    parts, ansi = [], 0
    while "$'" in line:
        before, _, rest = line.partition("$'")
        end = 0
        while rest[end] != "'":
            end += 2 if rest[end] == "\\" else 1
        raw = rest[:end].encode().decode("unicode_escape").encode("latin-1")
        parts.append(raw)
        line = f"{before}ansi-{ansi}{rest[end + 1 :]}"
        ansi += 1
    program, *words = shlex.split(line)
    named = {f"ansi-{at}": raw for at, raw in enumerate(parts)}
    return [program, *(named.get(word, word.encode("utf-8", "surrogateescape")) for word in words)]
