"""A password in every place where a URL can hold one: no output of any command repeats it, nor does a log, a title or a traceback."""

from __future__ import annotations

import os
import signal
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis

from pyresque import AsyncResque, Resque
from pyresque.driver.url import target
from pyresque.errors import ConnectError
from pyresque.printable import without_password
from pyresque.settings import Settings
from tests.cli.every_command import lines
from tests.support.processes import command_line
from tests.support.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "hunter2SECRET"
NOBODY = "127.0.0.1:1"

#: Each place by its name; nobody listens at these addresses.
URLS = {
    "password": f"redis://:{PASSWORD}@{NOBODY}/0",
    "user and password": f"redis://u:{PASSWORD}@{NOBODY}/0",
    "as the user": f"redis://{PASSWORD}@{NOBODY}/0",
    "user and password alike": f"redis://{PASSWORD}:{PASSWORD}@{NOBODY}/0",
    "TLS": f"rediss://u:{PASSWORD}@{NOBODY}/0",
    "option": f"redis://{NOBODY}/0?password={PASSWORD}",
    "option among others": f"redis://{NOBODY}/0?db=1&password={PASSWORD}&socket_timeout=1",
    "option after a user": f"redis://u:x@{NOBODY}/0?password={PASSWORD}",
    "option in escapes": f"redis://{NOBODY}/0?p%61ssword={PASSWORD}",
    "option in capitals": f"redis://{NOBODY}/0?PASSWORD={PASSWORD}",
    "another word for it": f"redis://{NOBODY}/0?pass={PASSWORD}",
    "auth": f"redis://{NOBODY}/0?auth={PASSWORD}",
    "key of a certificate": f"rediss://{NOBODY}/0?ssl_password={PASSWORD}",
    "key and certificate": f"rediss://{NOBODY}/0?ssl_certfile=/no.pem&ssl_password={PASSWORD}",
    "socket": f"unix://u:{PASSWORD}@/nowhere.sock",
    "socket and option": f"unix:///nowhere.sock?password={PASSWORD}",
    "no scheme": f"u:{PASSWORD}@{NOBODY}",
    "no scheme, no user": f":{PASSWORD}@{NOBODY}",
    "no scheme, password alone": f"{PASSWORD}@{NOBODY}",
    "no scheme, option": f"{NOBODY}?password={PASSWORD}",
    "no scheme but slashes": f"//u:{PASSWORD}@{NOBODY}/0",
    "another scheme": f"http://u:{PASSWORD}@{NOBODY}/0",
    "one slash": f"redis:/u:{PASSWORD}@{NOBODY}/0",
    "no host": f"redis://u:{PASSWORD}",
    "in the port's place": f"redis://127.0.0.1:{PASSWORD}/0",
    "a port that is none": f"redis://u:{PASSWORD}@127.0.0.1:x/0",
    "a port too great": f"redis://u:{PASSWORD}@127.0.0.1:99999/0",
    "a database that is none": f"redis://u:{PASSWORD}@{NOBODY}/abc",
    "an option that is none": f"redis://u:{PASSWORD}@{NOBODY}/0?colour=red",
    "an option that reads ill": f"redis://u:{PASSWORD}@{NOBODY}/0?socket_timeout=soon",
    "a bracket": f"redis://u:[{PASSWORD}@{NOBODY}/0",
    "a space": f"redis://u:{PASSWORD} @{NOBODY}/0",
    "a line end": f"redis://u:{PASSWORD}\n@{NOBODY}/0",
    "option, cut by &": f"redis://{NOBODY}/0?password=x&{PASSWORD}=1",
    "option, cut by #": f"redis://{NOBODY}/0?password=x#{PASSWORD}",
    "option with @": f"redis://{NOBODY}/0?password=x@{PASSWORD}",
    **{
        f"{where} {letter}": f"redis://u:{password}@{NOBODY}/0"
        for letter in "/?#@:&=%+[]"
        for where, password in {
            "before": f"{PASSWORD}{letter}x",
            "after": f"x{letter}{PASSWORD}",
            "number before": f"12{letter}{PASSWORD}",
        }.items()
    },
}


def no_secret(*texts: str) -> None:
    for text in texts:
        assert PASSWORD not in text, text


@pytest.mark.parametrize("place", URLS)
def test_nothing_that_is_made_of_a_url_repeats_its_password(place):
    url = URLS[place]
    no_secret(without_password(url), repr(Settings(url=url)), str(Settings(url=url)))
    try:
        no_secret(repr(target(url)))
        no_secret(repr(Resque(url)), repr(AsyncResque(url)), repr(Resque(url).settings))
    except ConnectError as error:
        no_secret("".join(traceback.format_exception(error)))


@pytest.mark.parametrize("way", ["variable", "flag"])
def test_no_command_repeats_a_password_where_it_cannot_connect(run, monkeypatch, environment, way):
    """Each place with every sixth command line, each line with every sixth place."""
    (environment / "schedule.yml").write_text("x: {every: 1h, class: X, queue: q}\n")
    every = lines(queue="low", worker="h:1:low", job="Note", entry="x")
    scanned = 0
    for turn, url in enumerate(URLS.values()):
        if way == "variable":
            monkeypatch.setenv("REDIS_URL", url)
        for line in every[turn % 6 :: 6]:
            flag = ("-u", url) if way == "flag" and line[0] != "completion" else ()
            result = run(*line, *flag)
            no_secret(result.stdout, result.stderr)
            if result.exception is not None:
                no_secret("".join(traceback.format_exception(result.exception)))
            scanned += 1
    assert scanned > 1000


@pytest.mark.parametrize(
    "nodes", [NOBODY, "", f"u:{PASSWORD}@{NOBODY}", f"redis://{PASSWORD}@{NOBODY}"]
)
def test_no_command_repeats_the_password_of_the_sentinels(run, monkeypatch, environment, nodes):
    (environment / "schedule.yml").write_text("x: {every: 1h, class: X, queue: q}\n")
    monkeypatch.setenv("REDIS_SENTINELS", nodes)
    monkeypatch.setenv("REDIS_SENTINEL_PASSWORD", PASSWORD)
    for line in lines(queue="low", worker="h:1:low", job="Note", entry="x"):
        result = run(*line)
        no_secret(result.stdout, result.stderr)
        if result.exception is not None:
            no_secret("".join(traceback.format_exception(result.exception)))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory) -> Iterator[RedisServer]:
    """A server that wants the password."""
    server = RedisServer(tmp_path_factory.mktemp("guarded"))
    with server.client() as client:
        client.config_set("requirepass", PASSWORD)
    yield server
    server.kill()


def ways_in(server: RedisServer) -> dict[str, str]:
    """URLs that it lets in, and those that it turns away."""
    at = f"127.0.0.1:{server.port}/0"
    return {
        "password": f"redis://:{PASSWORD}@{at}",
        "user": f"redis://default:{PASSWORD}@{at}",
        "option": f"redis://{at}?password={PASSWORD}",
        "wrong": f"redis://:x{PASSWORD}@{at}",
        "a wrong user": f"redis://{PASSWORD}:x@{at}",
        "a user alone": f"redis://{PASSWORD}@{at}",
        "another database": f"redis://:{PASSWORD}@127.0.0.1:{server.port}/99",
    }


def test_no_command_repeats_a_password_that_a_server_asks_for(
    run, monkeypatch, guarded, environment
):
    (environment / "schedule.yml").write_text("x: {every: 1h, class: X, queue: q}\n")
    for url in ways_in(guarded).values():
        monkeypatch.setenv("REDIS_URL", url)
        run("enqueue", "Note", "-q", "low")
        for line in lines(queue="low", worker="h:1:low", job="Note", entry="x"):
            result = run(*line)
            no_secret(result.stdout, result.stderr)


@pytest.mark.process
def test_a_server_that_repeats_what_it_was_given_is_not_repeated(run, monkeypatch, tmp_path):
    server = RedisServer(tmp_path, "--rename-command", "AUTH", "HIDDEN")
    try:
        monkeypatch.setenv("REDIS_URL", f"redis://:{PASSWORD}@127.0.0.1:{server.port}/0")
        result = run("info")
        no_secret(result.stdout, result.stderr)
        assert "refused the log-in" in result.stderr
    finally:
        server.kill()


def titles_of_group(leader: int) -> list[str]:
    """The command lines of a group's processes."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if os.getpgid(int(entry.name)) == leader:
                    found.append(command_line(int(entry.name)))
            except ProcessLookupError:
                continue
    return found


@pytest.mark.parametrize("log_format", ["text", "json", "logfmt"])
@pytest.mark.parametrize("command", ["worker", "pool", "scheduler"])
def test_neither_logs_nor_titles_of_what_stays_up_repeat_a_password(
    start, eventually, guarded, environment, command, log_format
):
    """They work, lose their connections, fail a job, and are stopped."""
    url = ways_in(guarded)["option"]
    (environment / "pool.yml").write_text("low: 1\n")
    (environment / "schedule.yml").write_text("x: {every: 1s, class: Reports::Boom, queue: low}\n")
    args = {
        "worker": ("-A", "myapp:resque", "-q", "low"),
        "pool": ("-A", "myapp:resque", "-f", "pool.yml"),
        "scheduler": ("--schedule", "schedule.yml"),
    }[command]
    env = {"REDIS_URL": url, "VVERBOSE": "1", "LOGFORMAT": log_format, "LOGFILE": "log"}
    with redis.Redis.from_url(url) as client:
        client.flushall()
        client.rpush("resque:queue:low", '{"class":"Reports::Boom","args":[1]}')
        process = start(command, *args, **env)
        log = environment / "log"
        sign = "Boom" if command != "scheduler" else "x"
        eventually(lambda: log.exists() and sign in log.read_text())
        client.client_kill_filter(_type="normal", skipme=True)
        titles = titles_of_group(process.pid)
        assert any("resque" in title for title in titles)
        no_secret(*titles)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=60)
        no_secret(output, errors, log.read_text())
