from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pyresque.executor.base import DONE, NOT_STARTED
from pyresque.executor.fork.child_process import ChildOptions
from pyresque.executor.fork.server_handle import ServerHandle
from pyresque.executor.fork.shared_page import SharedPage
from tests.support.children import next_child, outcome_of
from tests.support.eventually import eventually
from tests.support.processes import is_alive


def perform(queue: str, raw: bytes) -> None:
    if raw == b"for ever":
        threading.Event().wait()
    if raw.startswith(b"until "):
        while not Path(raw[6:].decode()).exists():
            time.sleep(0.001)
    elif raw:
        raise ValueError(f"{queue} {raw!r} {os.getppid()}")


@pytest.fixture
def server():
    made = ServerHandle(perform, ChildOptions(), SharedPage(), lambda: None)
    yield made
    made.close()


def test_children_come_from_one_process_that_is_not_this_one(server, wakeup):
    parents = set()
    for number in range(3):
        child = next_child(server)
        child.send_job("low", b"%d" % number, last=True)
        queue, raw, parent = outcome_of(child, wakeup).report.error.split()
        assert (queue, raw) == ("low", f"b'{number}'")
        parents.add(int(parent))
        server.release(child)
    assert len(parents) == 1
    assert parents.isdisjoint({os.getpid(), 1})


def test_a_child_is_forked_before_there_is_a_job_for_it(server, wakeup):
    server.request_child()
    assert server.child_requested
    child = server.receive_child()
    assert not server.child_requested
    child.send_job("low", b"", last=True)
    assert outcome_of(child, wakeup) == DONE
    server.release(child)


def test_how_a_child_ended_is_reported_as_if_it_were_our_own(server, wakeup):
    child = next_child(server)
    child.send_job("low", b"for ever", last=True)
    eventually(child.has_started)
    child.send_signal(signal.SIGKILL)
    assert f"pid {child.pid} SIGKILL (signal 9)" in str(outcome_of(child, wakeup).process_error)


def test_a_child_that_was_killed_before_it_had_a_job_has_not_begun(server, wakeup):
    child = next_child(server)
    os.kill(child.pid, signal.SIGKILL)
    eventually(child.hung_up)
    child.send_job("low", b"", last=True)
    assert outcome_of(child, wakeup) == NOT_STARTED


def test_a_server_that_was_killed_is_followed_by_another(server, wakeup):
    first = next_child(server)
    os.kill(server.pid, signal.SIGKILL)
    os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(ConnectionError):
        next_child(server)
    second = next_child(server)
    for child in (first, second):
        child.send_job("low", b"", last=True)
        assert outcome_of(child, wakeup) == DONE
        server.release(child)


def test_a_job_goes_on_when_its_server_is_killed_and_its_own_death_is_still_noticed(
    server, wakeup, tmp_path
):
    going_on, dying = next_child(server), next_child(server)
    going_on.send_job("low", b"until %s" % str(tmp_path / "go").encode(), last=True)
    dying.send_job("low", b"for ever", last=True)
    eventually(dying.has_started)
    os.kill(server.pid, signal.SIGKILL)
    (tmp_path / "go").touch()
    assert outcome_of(going_on, wakeup) == DONE
    os.kill(dying.pid, signal.SIGKILL)
    assert outcome_of(dying, wakeup).process_error is not None


def test_a_servers_child_that_outlives_it_is_not_asked_of_the_next_one(server, wakeup, tmp_path):
    child = next_child(server)
    child.send_job("low", b"until %s" % str(tmp_path / "go").encode(), last=True)
    eventually(child.has_started)
    os.kill(server.pid, signal.SIGKILL)
    os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(ConnectionError):
        next_child(server)
    server.release(next_child(server))  # there is another server now
    assert child.wait(0.0, wakeup) is None
    (tmp_path / "go").touch()
    assert outcome_of(child, wakeup) == DONE


def test_signals_to_the_whole_group_do_not_end_the_server(server, wakeup):
    server.release(next_child(server))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
        os.kill(server.pid, number)
    child = next_child(server)
    child.send_job("low", b"", last=True)
    assert outcome_of(child, wakeup) == DONE
    server.release(child)


def test_closing_ends_every_child_and_the_server(wakeup):
    server = ServerHandle(perform, ChildOptions(), SharedPage(), lambda: None)
    child = next_child(server)
    server.request_child()
    pids = {child.pid, server.pid}
    server.release(child)
    server.close()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


ORPHAN = """
import os, signal, threading
from pyresque.executor.fork.shared_page import SharedPage
from pyresque.executor.fork.child_process import ChildOptions
from pyresque.executor.fork.server_handle import ServerHandle
server = ServerHandle(lambda queue, raw: None, ChildOptions(), SharedPage(), lambda: None)
server.request_child()
child = server.receive_child()
print(server.pid, child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_that_is_killed_leaves_neither_a_server_nor_an_idle_child():
    done = subprocess.run(
        [sys.executable, "-c", ORPHAN], capture_output=True, text=True, check=False
    )
    server, child = done.stdout.split()
    eventually(lambda: not is_alive(int(server)) and not is_alive(int(child)))
