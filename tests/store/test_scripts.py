from __future__ import annotations

from hashlib import sha1
from importlib.resources import files

import pytest

from pyresque.errors import RedisCommandError, ScriptMissing
from pyresque.store.scripts import script
from tests.support.scripted_driver import ScriptedDriver, result_of

NAMES = sorted(
    entry.name.removesuffix(".lua")
    for entry in files("pyresque.store").joinpath("lua").iterdir()
    if entry.name.endswith(".lua")
)


def test_a_known_script_is_called_by_its_sha():
    hand = ScriptedDriver(1)
    assert hand.run(script("pop_head").call(("k",), (b"x",), bool)) is True
    assert hand.asked == [("EVALSHA", script("pop_head").sha, 1, "k", b"x")]


def test_a_server_that_does_not_know_the_script_gets_its_text():
    hand = ScriptedDriver(ScriptMissing("NOSCRIPT"), 1)
    hand.run(script("pop_head").call(("k",), (b"x",)))
    assert hand.asked[1] == ("EVAL", script("pop_head").text, 1, "k", b"x")


def test_another_refusal_is_the_callers():
    with pytest.raises(RedisCommandError, match="OOM"):
        result_of(script("pop_head").call(("k",), ()), RedisCommandError("OOM"))


@pytest.mark.parametrize("name", NAMES)
def test_every_script_says_what_it_takes_and_returns_and_decodes_no_payload_to_encode_it(name):
    one = script(name)
    opening = [line for line in one.text.splitlines() if line.startswith("--")]
    assert any("KEYS" in line for line in opening)
    assert any("ARGV" in line for line in opening)
    assert any("Returns" in line for line in opening)
    assert one.sha == sha1(one.text.encode()).hexdigest()


@pytest.mark.parametrize("name", NAMES)
def test_every_script_is_read_once(name):
    assert script(name) is script(name)
