"""Sentinels that are named beside the URL."""

from __future__ import annotations

import pytest
import redis

from pyresque import Resque
from pyresque.driver.url import target
from pyresque.errors import SettingsError
from pyresque.settings import Settings

JOINED = {
    "Sentinels alone": (
        {"REDIS_SENTINELS": "s1:26379,s2:26379"},
        "redis+sentinel://s1:26379,s2:26379/mymaster/0",
    ),
    "with user, password, database and options": (
        {
            "REDIS_URL": "rediss://u:p%40@away:1/3?socket_timeout=2",
            "REDIS_SENTINELS": "s1, [::1]:2",
            "REDIS_SENTINEL_MASTER": "main one",
        },
        "rediss+sentinel://u:p%40@s1,[::1]:2/main%20one/3?socket_timeout=2",
    ),
    "with the Sentinels' own user": (
        {
            "REDIS_URL": "redis://away",
            "REDIS_SENTINELS": "s1",
            "REDIS_SENTINEL_USERNAME": "s&",
            "REDIS_SENTINEL_PASSWORD": "p=",
        },
        "redis+sentinel://s1/mymaster?sentinel_username=s%26&sentinel_password=p%3D",
    ),
    "a URL of Sentinels, and their password": (
        {
            "REDIS_URL": "redis+sentinel://s1/main/1?socket_timeout=2",
            "REDIS_SENTINEL_PASSWORD": "p",
        },
        "redis+sentinel://s1/main/1?socket_timeout=2&sentinel_password=p",
    ),
    "an empty list": (
        {"REDIS_URL": "redis://here/1", "REDIS_SENTINELS": ""},
        "redis://here/1",
    ),
}


@pytest.mark.parametrize("case", JOINED)
def test_settings_name_the_sentinels_of_a_url(case):
    environment, url = JOINED[case]
    settings = Settings.load(environment)
    assert settings.server_url == url
    assert settings.fails_over is (case != "an empty list")
    assert target(url).kind == ("sentinel" if settings.fails_over else "server")


def test_every_part_reaches_the_driver():
    settings = Settings(
        url="redis://u:p@away/3",
        sentinels=["s1:1", "s2"],
        sentinel_master="m",
        sentinel_username="a",
        sentinel_password="b",
    )
    read = target(settings.server_url)
    assert read.nodes == (("s1", 1), ("s2", 26379))
    assert (read.master, read.db, read.username, read.password) == ("m", 3, "u", "p")
    assert (read.sentinel_username, read.sentinel_password) == ("a", "b")


ENVIRONMENT = {
    "REDIS_URL": "redis://away/0",
    "REDIS_SENTINELS": "s1,s2",
    "REDIS_SENTINEL_USERNAME": "u",
    "REDIS_SENTINEL_PASSWORD": "p",
}


def test_a_url_that_is_given_names_the_server_whatever_sentinels_the_environment_has():
    assert Settings.load(ENVIRONMENT, url="redis://here/1").server_url == "redis://here/1"
    by_url = Settings.load(ENVIRONMENT, url="redis+sentinel://s9/main/0")
    assert target(by_url.server_url).nodes == (("s9", 26379),)
    assert target(by_url.server_url).sentinel_password == "p"
    by_both = Settings.load(ENVIRONMENT, url="redis://unused/1", sentinels=["s9"])
    assert target(by_both.server_url).nodes == (("s9", 26379),)
    by_flag = Settings.load(ENVIRONMENT, url="redis://here/1", sentinels=None)
    assert by_flag.server_url == "redis://here/1"
    assert Settings.load(ENVIRONMENT, url=None).fails_over
    named = Settings.load(ENVIRONMENT, url="redis://here/1", sentinel_password="q")
    with pytest.raises(SettingsError, match="no Sentinels are named"):
        _ = named.server_url


def test_a_client_that_is_given_names_the_server_too(monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    resque = Resque(redis=redis.Redis(host="here", port=7))
    assert target(resque.settings.server_url).host == "here"
    assert not resque.settings.fails_over
    with pytest.raises(SettingsError, match="client"):
        Resque(redis=redis.Redis(host="here"), sentinels=["s1"])


WRONG = {
    "the URL names Sentinels itself": {"url": "redis+sentinel://s1/m/0", "sentinels": ["s2"]},
    "a cluster": {"url": "redis+cluster://n1/", "sentinels": ["s2"]},
    "a Unix socket": {"url": "unix:///redis.sock", "sentinels": ["s2"]},
    "an address with a user": {"sentinels": ["u:secret@s1"]},
    "URLs": {"sentinels": ["redis://s1"]},
    "a password without Sentinels": {"url": "redis://here/0", "sentinel_password": "secret"},
    "a user without Sentinels": {"url": "redis://here/0", "sentinel_username": "u"},
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_go_together_is_refused_in_one_line(case):
    with pytest.raises(SettingsError, match="REDIS_SENTINEL") as refused:
        _ = Settings(**WRONG[case]).server_url
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "secret" not in repr(Settings(url="redis://x", sentinel_password="secret"))
