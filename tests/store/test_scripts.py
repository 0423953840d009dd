from __future__ import annotations

import re
from hashlib import sha1
from importlib.resources import files
from pathlib import Path

import pytest

from pyresque.errors import NotPermitted, RedisCommandError, ScriptMissing
from pyresque.store.scripts import script
from tests.support.scripted_driver import ScriptedDriver, result_of

LUA = Path(__file__).parents[2] / "pyresque" / "store" / "lua"
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


def test_a_script_that_is_not_permitted_is_named_with_its_commands():
    refused = NotPermitted("ERR The user executing the script can't run this command")
    with pytest.raises(
        NotPermitted, match=r"command \(the script pop_head, which calls LINDEX, LPOP"
    ):
        result_of(script("pop_head").call((), ()), refused)


def test_a_script_knows_the_commands_that_it_calls():
    assert script("remove_seen").commands == ["LLEN", "LRANGE", "LREM", "LSET"]
    assert "WRONGTYPE " not in script("turn").commands


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


#: How a script calls Redis: the command, and the expression of its first key.
CALLS = re.compile(r'(?:redis\.p?call|pcall_redis|\bcall|removed)\("(\w+)", (?:unpack\()?([^,)]+)')

#: The line by which Dragonfly lets a script use keys that are not in KEYS.
UNDECLARED = "--!df flags=allow-undeclared-keys"


@pytest.mark.parametrize("path", sorted(LUA.glob("*.lua")), ids=lambda path: path.stem)
def test_a_script_uses_the_keys_that_it_was_given_or_says_so_in_its_first_line(path):
    text = path.read_text()
    code = "\n".join(line.partition("--")[0] for line in text.splitlines())
    given = {"KEYS", "keys"} | {
        name
        for names, value in re.findall(r"local ([\w, ]+) = ([^\n]+)", code)
        if value.startswith(("KEYS[", "keys["))
        for name in names.split(", ")
    }
    given |= set(re.findall(r"for \w+, (\w+) in ipairs\(KEYS\)", code))
    others = {
        expression
        for _, expression in CALLS.findall(code)
        if re.match(r"\w+", expression)[0] not in given
    }
    assert bool(others) == (text.splitlines()[0] == UNDECLARED), others
    assert CALLS.findall(code)
