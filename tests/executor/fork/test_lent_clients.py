"""The fork server's side of ``resque.lend``: how it looks at a connection between two jobs, and what a Redis that misbehaves may cost it."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import redis as redis_py

from pyresque.errors import JobTimeout
from pyresque.executor.fork import lent_clients as tested
from pyresque.executor.fork.lent_clients import LentClients, facts
from pyresque.lent_client import RETURNED, TAKEN, UNUSED, lent_pool
from tests.support.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def server(tmp_path: Any) -> Iterator[RedisServer]:
    """A Redis of the test's own, which it may stop."""
    made = RedisServer(tmp_path)
    yield made
    with suppress(ProcessLookupError):
        made.signal(signal.SIGCONT)
    made.kill()


@pytest.fixture
def lending() -> Iterator[Callable[..., LentClients]]:
    """Makes the fork server's side of some clients; at the end all of it is closed."""
    made: list[Any] = []

    def lend(*clients: Any) -> LentClients:
        lent = LentClients([lent_pool(client) for client in clients])
        made.extend(lent._lent)
        return lent

    yield lend
    for one in made:
        one._drop()
        one.pool.pool.disconnect()


def use(clients: list[redis_py.Redis], lent: LentClients) -> list[int]:
    """Use each client as a job does; returns the ids of their connections."""
    lent.offer()
    used = [client.client_id() for client in clients]
    lent.give_back()
    return used


def test_a_redis_that_hangs_holds_up_the_next_job_once_and_is_then_left_alone(
    server: RedisServer, lending: Callable[..., LentClients], monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = [redis_py.Redis.from_url(server.url) for _ in range(3)]
    lent = lending(*clients)
    assert lent.open() == []
    before = use(clients, lent)
    server.signal(signal.SIGSTOP)
    ends = []

    def noted(descriptor: int, until: float) -> dict[bytes, bytes]:
        ends.append(until)
        return facts(descriptor, until)

    monkeypatch.setattr(tested, "facts", noted)
    lent.make_ready()
    assert len(set(ends)) == 1  # all of them have the one second
    asked = len(ends)
    for _ in range(100):
        lent.make_ready()
    assert len(ends) == asked
    monkeypatch.setattr(tested, "facts", facts)
    lent.offer()
    assert all(one.pool.connection is None for one in lent._lent)
    server.signal(signal.SIGCONT)
    for one in lent._lent:
        one._not_before = 0.0
    lent.make_ready()
    assert set(use(clients, lent)).isdisjoint(before)


def test_what_fails_again_and_again_is_tried_ever_more_seldom(
    lending: Callable[..., LentClients], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tested, "monotonic", lambda: 1000.0)  # the time stands still
    client = redis_py.Redis(port=1)
    lent = lending(client)
    waits = []
    for _ in range(8):
        lent._lent[0]._not_before = 0.0
        lent.make_ready()
        waits.append(lent._lent[0]._not_before - 1000.0)
    assert waits == [5, 10, 20, 40, 80, 160, 160, 160]


def test_a_connection_that_stood_idle_is_looked_at(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch, lending: Callable[..., LentClients]
) -> None:
    client = redis_py.Redis.from_url(server.url)
    lent = lending(client)
    monkeypatch.setattr(tested, "IDLE", 0.0)
    assert lent.open() == []
    before = use([client], lent)
    lent.make_ready()
    assert use([client], lent) == before
    lent.make_ready()
    server.kill()
    server.start()
    lent.make_ready()
    assert lent._lent[0].pool.connection is not None
    assert lent._lent[0]._state[0] == UNUSED


def test_a_thread_that_takes_the_connection_as_the_job_ends_has_taken_it(
    server: RedisServer, lending: Callable[..., LentClients]
) -> None:
    client = redis_py.Redis.from_url(server.url)
    lent = lending(client)
    pool = lent._lent[0].pool
    assert lent.open() == []
    lent.offer()

    class EndOfJob(list[Any]):
        def pop(self, *args: Any) -> Any:
            taken = super().pop(*args)
            lent.give_back()
            return taken

    pool._free = EndOfJob(pool._free)
    client.ping()
    assert pool.state is not None
    assert pool.state[0] == TAKEN


def test_what_a_signal_raises_while_the_connection_is_taken_is_the_jobs(
    server: RedisServer, lending: Callable[..., LentClients]
) -> None:
    raised = [JobTimeout(1.0)]

    class TimeIsUpHere(redis_py.Connection):
        def can_read(self, timeout: float = 0) -> bool:
            if raised:
                raise raised.pop()
            return super().can_read(timeout)

    made = redis_py.ConnectionPool.from_url(server.url, connection_class=TimeIsUpHere)
    lent = lending(made)
    assert lent.open() == []
    lent.offer()
    with pytest.raises(JobTimeout):
        redis_py.Redis(connection_pool=made).ping()
    lent.give_back()
    assert lent._lent[0]._state[0] == TAKEN


@pytest.mark.parametrize(
    "answer",
    [
        b"-ERR unknown command\r\n" * 3,
        b"+OK\r\n-NOPERM no\r\n",
        b"+OK\r\n$999999999\r\n",
        b"+OK\r\n$-1\r\n",
        b"+OK\r\n$x\r\n",
        b"+OK\r\n$" + b"1" * 100_000,
        b"+OK\r\n:5\r\n",
        b"+OK\r\n%3\r\n",
        b"+OK\r\n$5\r\nname=\r\n$16\r\n0123456789abcdef\r\n",
        b"+QUEUED\r\n",
        b"\0" * 100_000,
        b"",
    ],
    ids=lambda answer: repr(answer[:24]),
)
def test_any_other_answer_is_refused_at_once(answer: bytes) -> None:
    here, there = socket.socketpair()

    def reply() -> None:
        there.recv(4096)
        with suppress(OSError):
            there.sendall(answer)
        there.close()

    thread = threading.Thread(target=reply)
    thread.start()
    with here:
        with pytest.raises((ValueError, ConnectionResetError)):
            facts(here.fileno(), time.monotonic() + 60)
        thread.join()


def test_an_answer_by_drops_has_no_more_time_than_another_one() -> None:
    over = threading.Event()
    here, there = socket.socketpair()

    def reply() -> None:
        there.recv(4096)
        for byte in b"+OK\r\n$9999\r\n" + b"x" * 9000:
            there.send(bytes([byte]))
            if over.wait(0.01):
                return

    thread = threading.Thread(target=reply)
    thread.start()
    with here, there:
        with pytest.raises(TimeoutError):
            facts(here.fileno(), time.monotonic() + 0.3)
        assert thread.is_alive()
        over.set()
        thread.join()


def test_a_connection_in_which_nothing_can_be_written_holds_up_nobody() -> None:
    here, there = socket.socketpair()
    here.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            here.send(b"x" * 65536)
    here.setblocking(True)
    with here, there, pytest.raises(ValueError, match="nothing can be written"):
        facts(here.fileno(), time.monotonic() + 60)


def test_what_a_warm_up_returns_is_looked_at(
    server: RedisServer, lending: Callable[..., LentClients]
) -> None:
    client = redis_py.Redis.from_url(server.url)
    lent = lending(client)
    assert lent.open() == []
    lent.offer()
    before = client.client_id()
    client.execute_command("SELECT", 3)
    lent.give_back()
    assert lent._lent[0]._state[0] == RETURNED
    lent.make_ready()
    assert use([client], lent) != [before]


def test_a_copy_of_a_process_has_no_descriptor_of_the_connection(
    server: RedisServer, lending: Callable[..., LentClients]
) -> None:
    client = redis_py.Redis.from_url(server.url)
    lent = lending(client)
    pool = lent._lent[0].pool
    assert lent.open() == []
    descriptor = pool.socket.fileno()
    pid = os.fork()
    if not pid:
        try:
            os.fstat(descriptor)
        except OSError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    os.fstat(descriptor)
