from __future__ import annotations

import importlib
import io
import logging
import sys
import threading
import time
from types import ModuleType
from unittest.mock import Mock

import pytest

from pyresque import thread_errors
from pyresque.thread_errors import PATIENCE, drop_in_this_thread, is_critical, raise_in_thread


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


def stop(thread: threading.Thread, stopped: threading.Event, asked: float) -> None:
    while not raise_in_thread(thread.ident, Stop, asked):
        time.sleep(0.001)
    assert stopped.wait(60)


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

    monkeypatch.setattr(
        threading, "_limbo", {}
    )  # one that comes to be started meanwhile stays there
    begin = threading._start_new_thread
    monkeypatch.setattr(threading, "_start_new_thread", count)
    monkeypatch.setattr(thread_errors, "_set_async_error", slowly)
    thread, stopped = in_thread(start_another)
    while started < 20:
        time.sleep(0.001)
    stop(thread, stopped, time.monotonic() + 60)
    assert starting == [0]


def test_a_thread_that_is_about_to_start_another_is_left_alone():
    """It waits for the lock of threads that are being started, and would raise the error as soon as the new one is among them."""
    go_on = threading.Event()

    def wait_and_start() -> None:
        go_on.wait()
        start_another()

    thread = threading.Thread(target=wait_and_start)
    thread.start()
    with threading._active_limbo_lock:
        go_on.set()
        starting = threading.Thread.start.__code__
        while (frame := sys._current_frames()[thread.ident]).f_code is not starting:
            time.sleep(0.001)
        assert is_critical(frame)
    thread.join(60)


def test_a_thread_that_waits_for_another_to_begin_is_left_alone():
    asked, go_on = threading.Event(), threading.Event()

    class Slow(threading.Thread):
        def _bootstrap(self) -> None:
            asked.set()
            go_on.wait(60)
            super()._bootstrap()

    def start_slowly() -> None:
        Slow().start()
        while True:
            time.sleep(0.001)

    thread, stopped = in_thread(start_slowly)
    assert asked.wait(60)
    first = time.monotonic() + 60
    assert not raise_in_thread(thread.ident, Stop, first)
    go_on.set()
    stop(thread, stopped, first)


def test_a_thread_that_imports_raises_it_when_the_module_is_whole(slow):
    thread, stopped = in_thread(load_and_go_on)
    assert slow.began.wait(60)
    asked = time.monotonic() + 60
    assert not raise_in_thread(thread.ident, Stop, asked)
    assert not stopped.wait(0.1)
    slow.go_on.set()
    stop(thread, stopped, asked)
    assert sys.modules["slow"].whole


def test_what_waits_for_a_lock_raises_it_when_it_has_given_the_lock_back():
    """It would raise it when it has got the lock, and nobody would ever give that back."""
    condition = threading.Condition()

    def take() -> None:
        with condition:
            pass
        time.sleep(0.001)

    with condition:
        thread, stopped = in_thread(take)
        while sys._current_frames()[thread.ident].f_code.co_name != "__enter__":
            time.sleep(0.001)
        asked = time.monotonic() + 60
        assert not raise_in_thread(thread.ident, Stop, asked)
    stop(thread, stopped, asked)
    assert condition.acquire(timeout=60)


def test_a_thread_that_logs_raises_it_when_the_line_is_written():
    began, go_on = threading.Event(), threading.Event()

    class Slow(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            began.set()
            while not go_on.wait(0.01):
                pass

    log = logging.getLogger("slow")
    log.addHandler(Slow())

    def write() -> None:
        log.error("a line")
        while True:
            time.sleep(0.001)

    thread, stopped = in_thread(write)
    assert began.wait(60)
    asked = time.monotonic() + 60
    assert not raise_in_thread(thread.ident, Stop, asked)
    go_on.set()
    stop(thread, stopped, asked)


def test_a_thread_that_was_interrupted_as_it_had_taken_the_lock_of_logging_gives_it_back():
    handler = logging.StreamHandler(io.StringIO())

    def interrupted() -> None:
        handler.acquire()
        drop_in_this_thread(Stop)
        held.append(handler.lock._is_owned())

    held: list[bool] = []
    thread = threading.Thread(target=interrupted)
    thread.start()
    thread.join(60)
    assert held == [False]
    assert handler.lock.acquire(timeout=60)


def test_locks_that_are_not_of_logging_are_left_alone():
    handler = logging.StreamHandler(io.StringIO())
    handler.lock = Mock()  # is owned for ever, if it is asked
    drop_in_this_thread(Stop)
    handler.lock.release.assert_not_called()


def test_an_import_that_takes_too_long_is_broken_off(slow):
    thread, stopped = in_thread(load_and_go_on)
    assert slow.began.wait(60)
    assert raise_in_thread(thread.ident, Stop, time.monotonic() - PATIENCE)
    assert stopped.wait(60)
    assert "slow" not in sys.modules
