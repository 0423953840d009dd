"""Providers of credentials: asked at each connect, by both faces and by workers; raising, hanging and wrong ones."""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import redis
import redis.asyncio
from redis.credentials import CredentialProvider, UsernamePasswordCredentialProvider

from pyresque import AsyncResque, Resque
from pyresque.errors import ConnectionFault, RedisUnavailable, SettingsError
from tests.support import ROOT
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.redis_server import RedisServer


class Plain(CredentialProvider):
    def get_credentials(self) -> tuple[str, str]:
        return "app", "one"


class Awaited(CredentialProvider):
    async def get_credentials_async(self) -> tuple[str, str]:
        await asyncio.sleep(0)
        return "app", "one"


async def awaited() -> tuple[str, str]:
    await asyncio.sleep(0)
    return "app", "one"


PROVIDERS: dict[str, Any] = {
    "a function": lambda: ("app", "one"),
    "an async function": awaited,
    "a provider": Plain(),
    "an async provider": Awaited(),
    "redis-py's": UsernamePasswordCredentialProvider("app", "one"),
}

FACES = [Resque, AsyncResque]


@pytest.fixture
def app_user(db: redis.Redis) -> Iterator[redis.Redis]:
    db.execute_command("ACL", "SETUSER", "app", "on", ">one", "~*", "+@all")
    yield db
    db.acl_deluser("app")


async def enqueued(face: Any) -> None:
    answer = face.enqueue_to("low", "Note", 1)
    if inspect.isawaitable(answer):
        await answer


async def closed(face: Any) -> None:
    closing = face.close()
    if inspect.isawaitable(closing):
        await closing


def user_of(db: redis.Redis) -> set[str]:
    return {client["user"] for client in db.client_list() if client["cmd"] != "client|list"}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_provider_is_asked_and_logs_in(
    redis_url: str, app_user: redis.Redis, provider: str, face: Any
) -> None:
    made = face(redis_url, credentials=PROVIDERS[provider])
    await enqueued(made)
    assert "app" in user_of(app_user)
    await closed(made)


@pytest.mark.parametrize("face", FACES)
async def test_a_client_asks_its_own_provider(
    redis_server: RedisServer, app_user: redis.Redis, face: Any
) -> None:
    kind = redis.Redis if face is Resque else redis.asyncio.Redis
    client = kind(port=redis_server.port, credential_provider=Plain())
    await enqueued(face(redis=client))
    assert "app" in user_of(app_user)
    closing = client.close() if face is Resque else client.aclose()
    if inspect.isawaitable(closing):
        await closing


@pytest.mark.parametrize("face", FACES)
async def test_a_rotated_password_is_asked_for_by_the_next_connection(
    redis_url: str, app_user: redis.Redis, face: Any
) -> None:
    now = ["one"]
    made = face(redis_url, credentials=lambda: ("app", now[0]))
    await enqueued(made)
    app_user.execute_command("ACL", "SETUSER", "app", "resetpass", ">two")
    now[0] = "two"
    await enqueued(made)  # an open connection stays logged in
    app_user.client_kill_filter(user="app")
    # A connection that was idle for a second is looked at before it is used.
    await asyncio.sleep(1.1)
    await enqueued(made)
    await closed(made)


@pytest.mark.parametrize("face", FACES)
async def test_the_stale_password_is_told_without_being_shown(
    redis_url: str, app_user: redis.Redis, face: Any
) -> None:
    made = face(redis_url, credentials=lambda: ("app", "stale-secret"))
    with pytest.raises(ConnectionFault, match="refused the log-in") as caught:
        await enqueued(made)
    assert "stale-secret" not in str(caught.value)
    await closed(made)


def raising() -> str:
    raise OSError("the vault is sealed")


async def raising_async() -> str:
    raise OSError("the vault is sealed")


async def hanging_async() -> str:
    await asyncio.sleep(60)
    return ""


WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "raises": (raising, RedisUnavailable, "provider of credentials raised OSError: the vault is"),
    "raises, async": (raising_async, RedisUnavailable, "raised OSError: the vault is sealed"),
    "hangs, async": (hanging_async, RedisUnavailable, "gave none within 0.2 s"),
    "gives nothing": (lambda: None, ConnectionFault, "gave an object of type NoneType; it gives"),
    "gives bytes": (lambda: b"one", ConnectionFault, "gave an object of type bytes"),
    "gives three": (lambda: ("a", "b", "c"), ConnectionFault, "gave an object of type tuple"),
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_provider_is_told_in_one_message(
    redis_url: str, db: redis.Redis, wrong: str, face: Any
) -> None:
    provider, error, message = WRONG[wrong]
    made = face(f"{redis_url}?socket_connect_timeout=0.2", credentials=provider)
    with pytest.raises(error, match=message):
        await enqueued(made)
    await closed(made)


@pytest.mark.parametrize("face", FACES)
async def test_a_provider_that_hangs_is_asked_by_one_thread_however_often_it_is_wanted(
    redis_url: str, db: redis.Redis, face: Any
) -> None:
    def asking() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name == "credentials"}

    end, before = threading.Event(), asking()
    made = face(f"{redis_url}?socket_connect_timeout=0.1", credentials=lambda: end.wait(30))
    for _ in range(3):
        with pytest.raises(RedisUnavailable, match="gave none within"):
            await enqueued(made)
    assert len(asking() - before) == 1  # those of other tests may end meanwhile
    end.set()
    await closed(made)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("secret", "an object of type str is no provider"),
        (7, "an object of type int is no provider"),
        (Plain, "Plain is a class; give an object of it"),
    ],
)
def test_what_is_no_provider_is_refused_where_it_is_given(
    face: Any, given: Any, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        face("redis://localhost", credentials=given)


def test_credentials_beside_a_client_are_refused() -> None:
    with pytest.raises(SettingsError, match="give the credentials to the client"):
        Resque(redis=redis.Redis(), credentials=raising)


APP = """
import os
from pathlib import Path
from pyresque import Resque

def login():
    return "app", Path(os.environ["SECRET"]).read_text()

resque = Resque(credentials=login)

@resque.job("Note", queue="low")
def note(value): ...
"""


@pytest.mark.process
@pytest.mark.parametrize("executor", ["fork", "async"])
def test_a_worker_goes_on_when_its_password_is_rotated(
    redis_server: RedisServer, app_user: redis.Redis, tmp_path: Path, executor: str
) -> None:
    db, secret = app_user, tmp_path / "secret"
    secret.write_text("one")
    (tmp_path / "rotating.py").write_text(APP)
    started = subprocess.Popen(
        [sys.executable, "-m", "pyresque", "worker", "-A", "rotating", "--executor", executor],
        env={
            **os.environ,
            "REDIS_URL": redis_server.url,
            "QUEUE": "low",
            "SECRET": str(secret),
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for number in range(1, 4):
            db.rpush("resque:queue:low", '{"class":"Note","args":[1]}')
            eventually(lambda number=number: int(db.get("resque:stat:processed") or 0) >= number)
            # First the server, then the secret: for a while the provider gives what is refused.
            db.execute_command("ACL", "SETUSER", "app", "resetpass", f">pw{number}")
            db.client_kill_filter(user="app")
            time.sleep(0.2)
            secret.write_text(f"pw{number}")
        db.rpush("resque:queue:low", '{"class":"Note","args":[1]}')
        eventually(lambda: int(db.get("resque:stat:processed") or 0) >= 4)
        assert db.llen("resque:failed") == 0
        assert started.poll() is None
    finally:
        started.terminate()
        said, _ = started.communicate(timeout=60)
        print(said)
        assert "pw1" not in said
