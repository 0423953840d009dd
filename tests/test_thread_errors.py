from __future__ import annotations

import importlib
import sys
import threading
import time
from types import ModuleType

import pytest

from pyresque import thread_errors
from pyresque.thread_errors import PATIENCE, raise_in_thread


class Stop(BaseException):
    pass


def in_thread(function):
    """A thread that calls a function again and again until ``Stop`` is raised in it, and what is set then."""

    def run() -> None:
        try:
            while True:
                function()
        except Stop:
            stopped.set()

    stopped = threading.Event()
    thread = threading.Thread(target=run)
    thread.start()
    return thread, stopped


def load_and_go_on() -> None:
    importlib.import_module("slow")
    while True:
        time.sleep(0.001)


def start_another() -> None:
    threading.Thread(target=int).start()


def stop(thread: threading.Thread) -> None:
    while not raise_in_thread(thread.ident, Stop, time.monotonic()):
        time.sleep(0.001)


@pytest.fixture
def slow(monkeypatch, tmp_path):
    """A module that is loaded when ``go_on`` is set."""
    given = ModuleType("given_to_slow")
    given.began, given.go_on = threading.Event(), threading.Event()
    monkeypatch.setitem(sys.modules, "given_to_slow", given)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "slow.py").write_text(
        "import given_to_slow\ngiven_to_slow.began.set()\nwhile not given_to_slow.go_on.wait(0.01): pass\nwhole = True\n"
    )
    yield given
    given.go_on.set()
    sys.modules.pop("slow", None)


def test_a_thread_that_does_neither_raises_it_at_once():
    thread, stopped = in_thread(lambda: time.sleep(0.001))
    assert raise_in_thread(thread.ident, Stop, time.monotonic())
    assert stopped.wait(60)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="each thread bears its own number there")
def test_no_thread_is_started_while_an_error_is_given_to_one(monkeypatch):
    """It would get the error in its starter's place."""
    started, starting, give = 0, [], thread_errors._set_async_error

    def count(*args) -> None:
        nonlocal started
        started += 1
        begin(*args)

    def slowly(thread: int, error: type[BaseException]) -> None:
        before = started
        time.sleep(0.1)
        starting.append(started - before)
        give(thread, error)

    begin = threading._start_new_thread
    monkeypatch.setattr(threading, "_start_new_thread", count)
    monkeypatch.setattr(thread_errors, "_set_async_error", slowly)
    thread, stopped = in_thread(start_another)
    while started < 20:
        time.sleep(0.001)
    stop(thread)
    assert stopped.wait(60)
    assert starting == [0]


def test_a_thread_that_imports_raises_it_when_the_module_is_whole(slow):
    thread, stopped = in_thread(load_and_go_on)
    assert slow.began.wait(60)
    asked = time.monotonic() + 60
    assert not raise_in_thread(thread.ident, Stop, asked)
    assert not stopped.wait(0.1)
    slow.go_on.set()
    while not raise_in_thread(thread.ident, Stop, asked):
        time.sleep(0.001)
    assert stopped.wait(60)
    assert sys.modules["slow"].whole


def test_an_import_that_takes_too_long_is_broken_off(slow):
    thread, stopped = in_thread(load_and_go_on)
    assert slow.began.wait(60)
    assert raise_in_thread(thread.ident, Stop, time.monotonic() - PATIENCE)
    assert stopped.wait(60)
    assert "slow" not in sys.modules
