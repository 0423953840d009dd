"""Sentinels and nodes whose replies hold no address: Redis counts as away, and the line says what came."""

from __future__ import annotations

import socket
import threading

import pytest

from pyresque import Resque
from pyresque.driver.server import SentinelServer
from pyresque.driver.url import target
from pyresque.errors import RedisUnavailable, SettingsError
from pyresque.settings import Settings

NO_ADDRESS = [
    b"*0\r\n",
    b"*1\r\n$1\r\nh\r\n",
    b"*3\r\n$1\r\nh\r\n$1\r\n1\r\n$1\r\n2\r\n",
    b"*2\r\n$1\r\nh\r\n$1\r\nx\r\n",
    b"*2\r\n$1\r\nh\r\n$5\r\n99999\r\n",
    b"*2\r\n$-1\r\n$-1\r\n",
    b"*2\r\n:1\r\n:2\r\n",
    b"*2\r\n$2\r\n\xff\xfe\r\n$1\r\n1\r\n",
    b"*2\r\n*0\r\n*0\r\n",
]

NO_SLOTS = [
    b"*1\r\n:1\r\n",
    b"*1\r\n*0\r\n",
    b"*1\r\n*3\r\n:0\r\n:16383\r\n*0\r\n",
    b"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n:1\r\n:1\r\n",
    b"*1\r\n*3\r\n$1\r\na\r\n$1\r\nb\r\n*2\r\n$1\r\nh\r\n:1\r\n",
]

NO_ROLE = [
    b"*1\r\n$5\r\nslave\r\n",
    b"*3\r\n$5\r\nslave\r\n$-1\r\n:1\r\n",
    b"*3\r\n$5\r\nslave\r\n$1\r\nh\r\n$1\r\nx\r\n",
]


@pytest.fixture
def answering():
    """Start servers that answer commands by a function of the first word; gives the port."""
    opened = []

    def start(answer):
        listening = socket.create_server(("127.0.0.1", 0))
        opened.append(listening)
        threading.Thread(target=_serve, args=(listening, answer), daemon=True).start()
        return listening.getsockname()[1]

    yield start
    for each in opened:
        each.close()


def _serve(listening, answer):
    while True:
        try:
            accepted, _ = listening.accept()
        except OSError:
            return
        with accepted, accepted.makefile("rb") as reading:
            while line := reading.readline():
                words = []
                for _ in range(int(line[1:])):
                    words.append(reading.read(int(reading.readline()[1:])))
                    reading.read(2)
                accepted.sendall(answer(b" ".join(words)))


@pytest.mark.parametrize("reply", NO_ADDRESS)
def test_a_sentinel_that_gives_no_address(answering, reply):
    port = answering(lambda words: reply)
    with pytest.raises(RedisUnavailable, match="gave what is no address"):
        Resque(f"redis+sentinel://127.0.0.1:{port}/mymaster").size("low")


@pytest.mark.parametrize("reply", NO_ROLE)
def test_a_replica_that_names_no_master(answering, reply):
    master = str(answering(lambda words: reply)).encode()
    named = b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%s\r\n" % (len(master), master)
    port = answering(lambda words: named)
    with pytest.raises(RedisUnavailable, match="asked for ROLE, it gave what is no address"):
        Resque(f"redis+sentinel://127.0.0.1:{port}/mymaster").size("low")


@pytest.mark.parametrize("reply", NO_SLOTS)
def test_a_node_that_gives_no_slots(answering, reply):
    port = answering(lambda words: b":5\r\n" if b"KEYSLOT" in words else reply)
    with pytest.raises(RedisUnavailable, match="asked for CLUSTER SLOTS"):
        Resque(f"redis+cluster://127.0.0.1:{port}/", namespace="{resque}").size("low")


LEADS = b"*1\r\n$6\r\nmaster\r\n"


def address(port):
    digits = str(port).encode()
    return b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%s\r\n" % (len(digits), digits)


def replica_of(port):
    return b"*3\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:%d\r\n" % port


def test_a_former_master_is_taken_again_only_if_the_present_one_follows_it(answering):
    """A Sentinel that is behind names the former master, too, which still says that it is one."""
    roles = {}
    one, other = (answering(lambda _words, name=name: roles[name]) for name in ("one", "other"))
    named = [one]
    sentinel = answering(lambda _words: address(named[0]))
    server = SentinelServer(target(f"redis+sentinel://127.0.0.1:{sentinel}/mymaster"))
    roles.update(one=LEADS, other=replica_of(one))
    assert server.find().port == one
    named[0] = other
    roles.update(one=LEADS, other=LEADS)
    assert server.find().port == other
    named[0] = one
    with pytest.raises(RedisUnavailable, match="names the former master"):
        server.find()
    roles.update(other=replica_of(one))
    assert server.find().port == one


def test_a_look_at_the_sentinels_asks_no_provider_while_the_master_stays(answering):
    asked = []
    one = answering(lambda words: LEADS if words == b"ROLE" else b"+OK\r\n")
    sentinel = answering(lambda _words: address(one))
    url = target(f"redis+sentinel://127.0.0.1:{sentinel}/mymaster")
    server = SentinelServer(url, lambda: asked.append(1) or "password")
    found = server.find()
    assert len(asked) == 1
    server._looked = 0.0
    assert server.is_outdated(found) is False
    assert server._looked > 0
    assert len(asked) == 1


class UntoldError(Exception):
    def __str__(self):
        raise ZeroDivisionError


def untold():
    raise UntoldError


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        (untold, "raised UntoldError: "),
        (lambda: "\ud800", "gave an object of type str"),
    ],
)
def test_credentials_that_cannot_be_told_or_sent(answering, provider, said):
    port = answering(lambda words: b"+OK\r\n")
    with pytest.raises(RedisUnavailable, match=said):
        Resque(f"redis://127.0.0.1:{port}", credentials=provider).size("low")


def test_a_masters_name_may_hold_a_slash():
    found = target("redis+sentinel://h/main%2Fone/3")
    assert (found.master, found.db) == ("main/one", 3)


def test_a_url_without_its_beginning_shows_no_password_beside_sentinels():
    settings = Settings.load({"REDIS_SENTINELS": "h", "REDIS_URL": "u:s3cr3t@h"})
    with pytest.raises(SettingsError) as raised:
        print(settings.server_url)
    assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize("name", ["REDIS_SENTINEL_MASTER", "REDIS_SENTINEL_PASSWORD"])
def test_a_setting_that_is_no_utf8_ends_in_no_traceback(name):
    settings = Settings.load({"REDIS_SENTINELS": "h", name: "\udcff"})
    assert target(settings.server_url).kind == "sentinel"
