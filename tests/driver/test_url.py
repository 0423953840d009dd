from __future__ import annotations

import pytest
import redis

from pyresque.driver.url import CONNECT_TIMEOUT, REPLY_TIMEOUT, plain_target, target
from pyresque.driver.url_reader import read
from pyresque.errors import ConnectError
from pyresque.printable import without_password


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost",
        "localhost:6379",
        "http://localhost",
        "redis://localhost:port/0",
        "redis://localhost/0?socket_timeout=soon",
        "redis://localhost/0?colour=red",
        "redis://[::1/0",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_before_anything_connects(url):
    with pytest.raises(ConnectError):
        target(url)


@pytest.mark.parametrize(
    "url", ["redis://h:1/2", "rediss://u:p@h:1/2", "unix:///run/redis.sock?db=1", "redis://[::1]:1"]
)
def test_tcp_tls_and_unix_sockets_are_taken(url):
    to = target(url)
    assert (to.secure, bool(to.path)) == (url.startswith("rediss"), url.startswith("unix"))


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis://h",
        "redis://h:1/2",
        "redis://h:1/2?db=3",
        "redis://h?db=3&client_name=x",
        "rediss://u%40:p%2F@h:1/2",
        "redis://:p@h",
        "unix:///run/a%20b.sock?db=1",
        "unix://u:p@/run/redis.sock",
        "redis://[::1]:1",
        "redis://h?username=me&password=secret",
        "redis://h?socket_timeout=7.5&socket_connect_timeout=2",
    ],
)
def test_a_url_means_what_it_means_to_redis_py(url):
    ours, theirs = target(url), redis.ConnectionPool.from_url(url).connection_kwargs
    assert (ours.host, ours.port) == (theirs.get("host", "localhost"), theirs.get("port", 6379))
    assert (ours.path, ours.db) == (theirs.get("path", ""), theirs.get("db", 0))
    assert ours.username == theirs.get("username", "")
    assert ours.password == theirs.get("password", "")
    assert ours.client_name == theirs.get("client_name", "")
    assert ours.reply_timeout == theirs.get("socket_timeout", REPLY_TIMEOUT)
    assert ours.connect_timeout == theirs.get("socket_connect_timeout", CONNECT_TIMEOUT)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://h:1/0", "redis://h:1/0"),
        ("redis://me:secret@h:1/0", "redis://***@h:1/0"),
        ("redis://:se@cret@h:1/0", "redis://***@h:1/0"),
        ("redis://[secret", "(a URL that cannot be read)"),
    ],
)
def test_a_password_is_never_shown(url, shown):
    assert without_password(url) == shown


PLAIN = (
    "redis://h",
    "redis://h/",
    "redis://10.0.0.1:6380",
    "redis://my-host.b:1/15",
    "redis://h:65535/0",
)


@pytest.mark.parametrize("url", PLAIN)
def test_a_plain_url_is_read_by_the_short_way_as_by_the_long_one(url):
    assert plain_target(url) == read(url)


@pytest.mark.parametrize(
    "url",
    [
        *("redis://", "redis://h:0", "redis://h:65536", "redis://h:", "redis://h:1/x", "redis://H"),
        *(
            "redis://u:p@h",
            "redis://h?db=1",
            "redis://h/1/2",
            "redis://h#x",
            "redis://[::1]",
            "redis://h%41",
        ),
        *(
            "rediss://h",
            "unix://h",
            "REDIS://h",
            "redis:h",
            "redis://h:\u0661",
            "redis://h/\u0661",
            "redis://h\n",
        ),
    ],
)
def test_any_other_url_is_left_to_the_long_way(url):
    assert plain_target(url) is None
