"""What is configured wrongly ends the start at once, in one line that says what and what to do: TLS, certificates, permissions."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pyresque import AsyncResque, Resque
from pyresque.errors import ConnectError, ConnectionFault
from tests.support import ROOT
from tests.support.acl import roles
from tests.support.tls import Secured

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

    from tests.support.redis_server import RedisServer


@pytest.fixture
def secured(redis_server: RedisServer, db: redis.Redis, papers: Path) -> Iterator[int]:
    made = Secured(redis_server.port, papers)
    yield made.port
    made.close()


@pytest.fixture
def mutual(redis_server: RedisServer, db: redis.Redis, papers: Path) -> Iterator[int]:
    made = Secured(redis_server.port, papers, mutual=True)
    yield made.port
    made.close()


def both(url: str) -> list[Exception | None]:
    """What the blocking and the awaited client say."""
    said: list[Exception | None] = []
    try:
        with Resque(url) as resque:
            resque.queues()
        said.append(None)
    except ConnectError as error:
        said.append(error)

    async def awaited() -> None:
        async with AsyncResque(url) as resque:
            await resque.queues()

    try:
        asyncio.run(awaited())
        said.append(None)
    except ConnectError as error:
        said.append(error)
    return said


@pytest.mark.parametrize(
    "spelling",
    [
        *(
            "none",
            "None",
            "NONE",
            "CERT_NONE",
            "cert_none",
            "ssl.CERT_NONE",
            "VerifyMode.CERT_NONE",
        ),
        *("0", "false", "no"),
    ],
)
def test_a_certificate_need_not_be_checked_however_that_is_written(
    secured: int, spelling: str
) -> None:
    assert both(f"rediss://localhost:{secured}/0?ssl_cert_reqs={spelling}") == [None, None]


def test_a_certificate_of_a_known_authority_is_taken(secured: int, papers: Path) -> None:
    for spelling in ("required", "CERT_REQUIRED", "optional", "CERT_OPTIONAL"):
        url = (
            f"rediss://localhost:{secured}/0?ssl_ca_certs={papers}/ca.pem&ssl_cert_reqs={spelling}"
        )
        assert both(url) == [None, None]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("?ssl_cert_reqs=nne", "'nne' is none of required, optional, none"),
        ("?ssl_ca_certs=/nowhere.pem", "ssl_ca_certs: /nowhere.pem"),
        ("?ssl_ca_path=/nowhere", "ssl_ca_path: /nowhere is no directory"),
        ("?ssl_ca_certs={papers}/ca.key", "{papers}/ca.key holds no certificates"),
        ("?ssl_certfile=/nowhere.pem", "ssl_certfile: /nowhere.pem"),
        ("?ssl_certfile={papers}/client.pem&ssl_keyfile=/nowhere.key", "ssl_keyfile: /nowhere.key"),
        (
            "?ssl_certfile={papers}/client.pem&ssl_keyfile={papers}/ca.key",
            "{papers}/client.pem with ssl_keyfile: {papers}/ca.key cannot be used",
        ),
        ("", "ssl_ca_certs=FILE"),
        ("?ssl_ca_certs={papers}/stranger.pem", "ssl_ca_certs=FILE"),
    ],
)
def test_a_fault_of_a_certificate_or_its_file_is_reported_with_the_cure(
    secured: int, papers: Path, options: str, message: str
) -> None:
    for error in both(f"rediss://localhost:{secured}/0{options.format(papers=papers)}"):
        assert message.format(papers=papers) in str(error)
        assert "\n" not in str(error)


def test_a_certificate_of_another_name_is_reported(secured: int, papers: Path) -> None:
    for error in both(f"rediss://127.0.0.1:{secured}/0?ssl_ca_certs={papers}/ca.pem"):
        assert "not valid for '127.0.0.1'" in str(error)


def test_a_server_that_wants_a_certificate_of_ours_says_so_and_takes_it(
    mutual: int, papers: Path
) -> None:
    url = f"rediss://localhost:{mutual}/0?ssl_ca_certs={papers}/ca.pem"
    for error in both(url):
        assert isinstance(error, ConnectionFault)
        assert "ssl_certfile=FILE" in str(error)
    mine = f"&ssl_certfile={papers}/client.pem&ssl_keyfile={papers}/client.key"
    assert both(url + mine) == [None, None]


def test_a_plain_port_asked_for_tls_is_reported(redis_server: RedisServer) -> None:
    url = f"rediss://localhost:{redis_server.port}/0?socket_connect_timeout=1"
    for error in both(url):
        assert "does not speak TLS: write redis://" in str(error)


def test_a_port_of_tls_asked_plainly_is_reported(secured: int) -> None:
    for error in both(f"redis://localhost:{secured}/0"):
        assert "speaks TLS there: write rediss://" in str(error)


JOBS = """
from pyresque import Resque
resque = Resque()

@resque.job("Note", queue="low")
def note(value): ...

@resque.job("Boom", queue="low")
def boom(): raise ValueError("boom")
"""


def command(url: str, at: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (at / "papers_app.py").write_text(JOBS)
    return subprocess.run(
        [sys.executable, "-m", "pyresque.cli", *words],
        env={
            **os.environ,
            "REDIS_URL": url,
            "PYTHONPATH": os.pathsep.join([str(at), str(ROOT)]),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


WORKER = ("worker", "-A", "papers_app", "-q", "low", "--burst")


@pytest.mark.parametrize("words", [WORKER, ("scheduler",), ("queues", "list")], ids=lambda w: w[0])
def test_a_start_with_a_wrong_certificate_ends_with_2_and_one_line(
    secured: int, tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = command(f"rediss://localhost:{secured}/0?ssl_ca_certs=/nowhere.pem", tmp_path, *words)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "/nowhere.pem" in done.stderr


#: What a worker sends, with what its scripts run, as the page says.
A_WORKERS = {right.removeprefix("+") for right in roles()["worker"]}


def user(db: redis.Redis, port: int, *rights: str) -> str:
    """The URL of a user with these rights."""
    db.execute_command("ACL", "SETUSER", "app", "reset", "on", ">pw", "~resque:*", *rights)
    return f"redis://app:pw@127.0.0.1:{port}/0"


@pytest.mark.parametrize("executor", ["fork", "inline", "thread", "async"])
def test_a_worker_needs_no_more_than_the_commands_that_the_docs_name(
    db: redis.Redis, redis_server: RedisServer, tmp_path: Path, executor: str
) -> None:
    db.rpush("resque:queue:low", '{"class":"Note","args":[1]}', '{"class":"Boom","args":[]}')
    url = user(db, redis_server.port, *roles()["worker"])
    done = command(url, tmp_path, *WORKER, "--executor", executor)
    assert done.returncode == 0, done.stderr
    assert db.get("resque:stat:processed") == b"2"
    assert db.llen("resque:failed") == 1
    assert db.keys("resque:worker*") == []


@pytest.mark.parametrize(
    "refused", ["time", "smembers", "hset", "sadd", "set", "evalsha", "hdel", "get"]
)
def test_a_command_that_is_not_permitted_is_reported_in_one_line_that_names_it(
    db: redis.Redis, redis_server: RedisServer, tmp_path: Path, refused: str
) -> None:
    url = user(db, redis_server.port, *(f"+{one}" for one in A_WORKERS), f"-{refused}")
    done = command(url, tmp_path, *WORKER)
    assert done.returncode == 1
    assert f"'{refused}'" in done.stderr.lower()
    message = [
        line
        for line in done.stderr.splitlines()
        if "no permissions" in line.lower() or "NOPERM" in line
    ]
    assert "Traceback" not in done.stderr
    assert len(message) == 1, done.stderr


def test_a_key_that_is_not_permitted_is_reported_with_the_command(
    db: redis.Redis, redis_server: RedisServer
) -> None:
    url = user(db, redis_server.port, "+@all").replace("/0", "/0")
    with Resque(url, namespace="other") as resque, pytest.raises(Exception, match="other:queues"):
        resque.queues()
