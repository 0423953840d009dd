from __future__ import annotations

import os
import select
import socket
import threading
from contextlib import closing, contextmanager

import pytest

from pyresque.driver.connection import PIECE, Connection
from pyresque.driver.server import Server
from pyresque.driver.sync import SyncDriver
from pyresque.driver.url import target
from pyresque.errors import ConnectError, RedisCommandError, RedisUnavailable
from pyresque.ops import Command, answer
from tests.support.eventually import TIMEOUT, eventually
from tests.support.redis_server import free_port


@pytest.fixture
def driver(redis_url):
    made = SyncDriver(redis_url)
    yield made
    made.close()


@pytest.fixture
def wire(driver):
    with closing(driver.open_connection()) as made:
        yield made


def readable(wire, seconds=TIMEOUT):
    poll = select.poll()
    poll.register(wire, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def replies(wire):
    assert readable(wire)
    return eventually(wire.replies)


@contextmanager
def server(*says):
    """A server that takes one call, says what it is given, piece by piece, each when the last was taken, and hangs up."""
    go = threading.Semaphore(0)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            caller, _ = listening.accept()
            with caller:
                for piece in says:
                    assert go.acquire(timeout=TIMEOUT)
                    caller.sendall(piece)
                assert go.acquire(timeout=TIMEOUT)

        thread = threading.Thread(target=serve)
        thread.start()
        host, port = listening.getsockname()
        with closing(Connection(target(f"redis://{host}:{port}/0"))) as made:
            yield made, go
        go.release(len(says) + 1)
        thread.join()


def test_a_reply_is_taken_when_it_comes(wire, db):
    wire.send("BLMOVE", "low", "low", "LEFT", "LEFT", 0)
    assert wire.replies() == []
    db.rpush("low", b"\xff")
    assert replies(wire) == [b"\xff"]
    assert wire.replies() == []
    assert db.lrange("low", 0, -1) == [b"\xff"]


def test_a_wait_that_ends_is_answered_by_nothing(wire):
    wire.send("BLMOVE", "low", "low", "LEFT", "LEFT", 0.01)
    assert replies(wire) == [None]


def test_a_reply_longer_than_a_piece_is_put_together(wire, db):
    db.set("long", b"x" * 10 * PIECE)
    wire.send("GET", "long")
    assert replies(wire) == [b"x" * 10 * PIECE]


def test_half_a_reply_is_none_yet():
    with server(b"$5\r\nhe", b"llo\r\n") as (wire, go):
        go.release()
        assert readable(wire)
        assert wire.replies() == []
        go.release()
        assert replies(wire) == [b"hello"]


@pytest.mark.parametrize("ending", [b"", b"$5\r\nhe", b"nonsense\r\n"])
def test_a_connection_that_ends_or_makes_no_sense_is_lost(ending):
    with server(ending) as (wire, go):
        go.release(2)
        with pytest.raises(RedisUnavailable, match=r"127\.0\.0\.1"):
            eventually(wire.replies)


def test_a_refusal_is_reported_as_it_was_sent(wire, db):
    db.set("low", "no list")
    wire.send("BLMOVE", "low", "low", "LEFT", "LEFT", 0)
    assert readable(wire)
    (refusal,) = eventually(wire.replies)
    assert isinstance(refusal, RedisCommandError)
    assert str(refusal).startswith("WRONGTYPE Operation")


def test_a_refusal_that_passes_counts_as_a_loss(wire, db):
    wire.send("BLMOVE", "low", "low", "LEFT", "LEFT", 0)
    (waiting,) = eventually(
        lambda: [one["id"] for one in db.client_list() if one["cmd"] == "blmove"]
    )
    db.client_unblock(waiting, error=True)
    assert readable(wire)
    with pytest.raises(RedisUnavailable, match="UNBLOCKED"):
        eventually(wire.replies)


def test_who_cannot_be_reached_or_refuses_the_log_in_is_reported(redis_server):
    nobody = SyncDriver(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(RedisUnavailable):
        nobody.open_connection()
    stranger = SyncDriver(f"redis://who:ever@127.0.0.1:{redis_server.port}/0")
    with pytest.raises(ConnectError, match="log-in"):
        stranger.open_connection()


@pytest.mark.process
def test_a_forked_child_that_lets_go_does_not_hang_up(wire, db):
    wire.send("BLMOVE", "low", "low", "LEFT", "LEFT", 0)
    pid = os.fork()
    if pid == 0:
        wire.close()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    db.rpush("low", "job")
    assert replies(wire) == [b"job"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_host_is_reached_by_its_number_and_by_its_name(redis_server, host):
    driver = SyncDriver(f"redis://{host}:{redis_server.port}/0")
    with closing(driver.open_connection()) as made:
        assert made.talk([Command(("ECHO", "a"))]) == [b"a"]


def test_a_host_without_an_address_is_reported():
    with pytest.raises(RedisUnavailable, match=r"no\.such\.host\.invalid"):
        SyncDriver("redis://no.such.host.invalid:6379/0").open_connection()


def test_a_prepared_connection_is_opened_by_one_thread_alone(redis_url, db):
    driver = SyncDriver(f"{redis_url}?client_name=prepared")
    driver.prepare()
    assert [one for one in db.client_list() if one["name"] == "prepared"] == []
    together, ids = threading.Barrier(4), []

    def ask():
        together.wait()
        ids.append(driver.run(answer(Command(("CLIENT", "ID")))))
        together.wait()
        driver.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 4


def test_a_prepared_connection_that_cannot_be_opened_is_followed_by_another(redis_url):
    driver = SyncDriver(f"redis://127.0.0.1:{free_port()}/0")
    driver.prepare()
    with pytest.raises(RedisUnavailable):
        driver.run(answer(Command(("PING",))))
    driver.server = SyncDriver(redis_url).server
    assert driver.run(answer(Command(("PING",)))) == b"PONG"
    driver.close()


def test_a_server_that_must_be_asked_for_has_no_connection_prepared(redis_url):
    driver = SyncDriver(Server(target(redis_url), credentials=lambda: ""))
    driver.prepare()
    assert driver._prepared == {}
