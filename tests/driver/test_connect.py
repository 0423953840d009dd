from __future__ import annotations

import pytest

from pyresque.driver.connect import async_pool, pool, shown
from pyresque.errors import ConnectError

MAKERS = pytest.mark.parametrize("make", [pool, async_pool])


@MAKERS
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
def test_a_url_that_cannot_be_used_is_refused_before_anything_connects(make, url):
    with pytest.raises(ConnectError):
        make(url)


@MAKERS
@pytest.mark.parametrize(
    "url", ["redis://h:1/2", "rediss://u:p@h:1/2", "unix:///run/redis.sock?db=1", "redis://[::1]:1"]
)
def test_tcp_tls_and_unix_sockets_are_taken(make, url):
    assert make(url).connection_kwargs["protocol"] == 2


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis://h:1/0", "redis://h:1/0"),
        ("redis://me:secret@h:1/0", "redis://***@h:1/0"),
        ("redis://:se@cret@h:1/0", "redis://***@h:1/0"),
        ("redis://[secret", "(a URL that cannot be read)"),
    ],
)
def test_a_password_is_never_shown(url, told):
    assert shown(url) == told
