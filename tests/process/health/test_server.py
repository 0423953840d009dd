from __future__ import annotations

import json
import os
import signal
import socket
import threading
import urllib.error
import urllib.request

import pytest

from pyresque.clock import SystemClock
from pyresque.errors import HealthPortError
from pyresque.process.health.server import LONGEST, MOST, answer, serving
from pyresque.process.health.state import Flag, Health
from tests.support.eventually import eventually
from tests.support.processes import command_line
from tests.support.redis_server import free_port

WELL = Health((), (), 0.25, 1.5, working=False)
PAUSED = Health((), ("paused",), 0.25, 1.5, working=True)
HANGING = Health(("no heartbeat for 200 s",), (), 200.0, 200.0, working=False)


def answer_of(health: Health, path: str, method: str = "GET") -> tuple[int, dict[str, object]]:
    response = answer(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), health, 42)
    head, _, body = response.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body or b"{}")


def test_a_worker_that_is_well_is_reported_as_such_with_what_is_known_of_it():
    assert answer_of(WELL, "/live") == (
        200,
        {
            "status": "ok",
            "reasons": [],
            "pid": 42,
            "working": False,
            "seconds_since_heartbeat": 1.5,
            "seconds_since_turn": 0.2,
        },
    )
    assert answer_of(WELL, "/ready?verbose=1")[0] == 200
    assert answer_of(WELL, "/live", "HEAD") == (200, {})


def test_a_paused_worker_is_live_but_not_ready():
    assert answer_of(PAUSED, "/live")[0] == 200
    status, body = answer_of(PAUSED, "/ready")
    assert (status, body["status"], body["reasons"]) == (503, "failing", ["paused"])


def test_a_worker_that_hangs_is_neither():
    assert answer_of(HANGING, "/live")[0] == 503
    assert answer_of(HANGING, "/ready")[1]["reasons"] == ["no heartbeat for 200 s"]


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET / HTTP/1.1\r\n", b"404"),
        (b"POST /live HTTP/1.1\r\n", b"405"),
        (b"\x16\x03\x01\x02", b"400"),
        (b"", b"400"),
        (b"GET /live\r\n", b"400"),
    ],
)
def test_other_requests_get_an_answer_that_says_what_is_wrong(request_line, status):
    assert answer(request_line, WELL, 42).startswith(b"HTTP/1.1 " + status)


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def health_state(port):
    with serving(SystemClock(), "127.0.0.1", port, 60.0) as shared:
        yield shared


def get(port: int, path: str) -> tuple[int, list[str]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as response:
            return response.status, json.loads(response.read())["reasons"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())["reasons"]


def test_what_the_worker_says_is_seen_at_once_from_outside(port, health_state):
    assert get(port, "/ready") == (503, ["not registered yet"])
    health_state.mark(Flag.REGISTERED, True)
    assert get(port, "/ready") == (200, [])
    health_state.mark(Flag.STOPPING, True)
    assert get(port, "/ready") == (503, ["stopping"])
    assert get(port, "/live") == (200, [])


def test_a_thousand_connections_that_say_nothing_keep_nobody_out(port, health_state):
    silent = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(1000)]
    try:
        assert get(port, "/live") == (200, [])
        # The first ones were shown the door.
        assert silent[0].recv(1) == b""
    finally:
        for each in silent:
            each.close()
    assert MOST < 1000


def test_slow_and_endless_clients_hold_up_nobody(port, health_state):
    with (
        socket.create_connection(("127.0.0.1", port), timeout=60) as slow,
        socket.create_connection(("127.0.0.1", port), timeout=60) as endless,
    ):
        slow.sendall(b"GET /li")
        endless.sendall(b"x" * LONGEST)
        assert endless.recv(1024).startswith(b"HTTP/1.1 400")
        assert get(port, "/live") == (200, [])
        assert slow.recv(1) == b"", "it was not given up"


def test_clients_that_break_off_in_the_middle_break_nothing(port, health_state):
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /live HTTP/1.1\r\n\r\n")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert get(port, "/live") == (200, [])


def test_signals_to_the_whole_group_are_not_for_it(port):
    with serving(SystemClock(), "127.0.0.1", port, 60.0):
        assert get(port, "/live") == (200, [])
        (child,) = children()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            os.kill(child, number)
        assert get(port, "/live") == (200, [])
    assert children() == []


def test_a_port_that_is_taken_or_cannot_be_had_is_reported_before_the_worker_starts(port):
    with (
        serving(SystemClock(), "127.0.0.1", port, 60.0),
        pytest.raises(HealthPortError, match=rf"127\.0\.0\.1:{port} cannot be opened: .*in use"),
        serving(SystemClock(), "127.0.0.1", port, 60.0),
    ):
        pass
    with (
        pytest.raises(HealthPortError, match=r"192\.0\.2\.1:80"),
        serving(SystemClock(), "192.0.2.1", 80, 60.0),
    ):
        pass


def test_a_port_that_is_let_go_of_in_time_is_had(port):
    holder = socket.create_server(("127.0.0.1", port))
    threading.Timer(0.3, holder.close).start()
    with serving(SystemClock(), "127.0.0.1", port, 60.0):
        assert get(port, "/live") == (200, [])


def test_it_ends_with_a_worker_that_is_killed(port):
    pid = os.fork()
    if pid == 0:
        with serving(SystemClock(), "127.0.0.1", port, 60.0):
            signal.pause()
    eventually(lambda: reachable(port))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    eventually(lambda: not reachable(port))


def reachable(port: int) -> bool:
    try:
        return get(port, "/live")[0] == 200
    except OSError:
        return False


def children() -> list[int]:
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as listed:  # noqa: PTH123 - one line
        pids = [int(pid) for pid in listed.read().split()]
    return [pid for pid in pids if "health" in command_line(pid)]
