"""How often children try to send what nobody takes."""

from __future__ import annotations

import os
import time

import pytest

from pyresque.executor.fork import child_flush
from pyresque.executor.fork.child_flush import PATIENCE, PAUSE, SLOW, ChildFlush


@pytest.fixture
def now(monkeypatch):
    """The clock that it looks at; a list, whose one number may be changed."""
    clock = [1000.0]
    monkeypatch.setattr(child_flush, "monotonic", lambda: clock[0])
    return clock


def test_one_that_never_ended_keeps_others_from_trying_for_a_while(now):
    tried = []

    def flush():
        tried.append(now[0])
        if len(tried) == 1:
            raise SystemExit  # stands for the child's death in the middle

    send = ChildFlush(flush)
    with pytest.raises(SystemExit):
        send()
    now[0] += PATIENCE / 2
    assert send()  # it may still come to its end
    tried.clear()
    with pytest.raises(SystemExit):
        send()
    now[0] += PATIENCE + 0.1
    assert not send()
    now[0] += PAUSE
    assert send()
    assert send()


def test_one_that_raises_at_once_keeps_nobody_from_trying(now):
    def flush():
        raise KeyError("of the exporter")

    send = ChildFlush(flush)
    for _ in range(2):
        with pytest.raises(KeyError):
            send()
        now[0] += PATIENCE + 0.1


def test_one_that_took_long_keeps_them_from_it_too(now):
    def flush():
        now[0] += SLOW + 0.1

    send = ChildFlush(flush)
    assert send()
    assert not send()
    now[0] += PAUSE
    assert send()


@pytest.mark.process
def test_children_tell_each_other():
    send = ChildFlush(lambda: os._exit(7))
    child = os.fork()
    if not child:
        try:
            send()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    deadline = time.monotonic() + PATIENCE + 0.1
    while time.monotonic() < deadline:
        os.sched_yield()
    assert not send()
