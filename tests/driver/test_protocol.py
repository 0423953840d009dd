from __future__ import annotations

import pytest
from hiredis import ReplyError

from pyresque.driver.protocol import as_error, checked, encode_transaction, of_batch, of_transaction
from pyresque.errors import (
    ConnectionFault,
    NotCarriedOut,
    NotPermitted,
    RedisCommandError,
    RedisUnavailable,
    ScriptMissing,
    WrongKey,
)
from pyresque.ops import Command


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ReplyError("NOSCRIPT No matching script"), ScriptMissing),
        (ReplyError("NOAUTH Authentication required."), ConnectionFault),
        (ReplyError("WRONGPASS invalid username-password pair"), ConnectionFault),
        (ReplyError("WRONGTYPE x"), WrongKey),
        (ReplyError("ERR value is not an integer or out of range"), WrongKey),
        (ReplyError("NOPERM this user has no permissions"), NotPermitted),
        (ReplyError("ERR unknown command"), RedisCommandError),
        (ReplyError("BUSYGROUP x"), RedisCommandError),
        (ReplyError("LOADING x"), RedisUnavailable),
        (ReplyError("READONLY x"), NotCarriedOut),
        (ReplyError("OOM x"), RedisUnavailable),
        (ReplyError("MASTERDOWN x"), RedisUnavailable),
        (ReplyError("MISCONF disk full"), RedisUnavailable),
        (ConnectionRefusedError(), RedisUnavailable),
        (BrokenPipeError(), RedisUnavailable),
    ],
)
def test_what_the_server_and_the_system_report_becomes_an_error_of_our_own(error, kind):
    assert type(as_error(error, "here")) is kind


def test_an_error_that_is_none_of_redis_stays_as_it_is():
    error = KeyboardInterrupt()
    assert as_error(error, "here") is error


def test_a_refusal_bears_the_servers_own_text():
    assert str(as_error(ReplyError("ERR unknown command"), "here")) == "ERR unknown command"


def test_a_refusal_for_what_a_key_holds_names_command_and_key():
    assert str(as_error(ReplyError("WRONGTYPE x"), "here", ("LLEN", b"resque:queue:q"))) == (
        "WRONGTYPE x (LLEN resque:queue:q)"
    )


def test_a_server_that_lacks_a_command_of_every_redis_may_be_a_sentinel():
    reply = ReplyError("ERR unknown command 'SMEMBERS'")
    found = str(as_error(reply, "redis://h:26379/0", ("SMEMBERS", b"resque:queues")))
    assert found.endswith(
        "; if Redis at redis://h:26379/0 is a Sentinel, write redis+sentinel://HOST:PORT/MASTER"
    )
    assert str(as_error(reply, "here", ("BLMOVE", b"q"))) == "ERR unknown command 'SMEMBERS'"


ONE = Command(("A",))


def test_the_first_error_of_a_batch_is_raised_after_all_were_sent():
    with pytest.raises(RedisCommandError, match="one"):
        of_batch([1, ReplyError("ERR one"), ReplyError("ERR two")], "here", [ONE] * 3)
    assert of_batch([1, None], "here", [ONE] * 2) == [1, None]
    assert checked(b"x", "here") == b"x"


def test_a_lenient_batch_has_what_is_said_of_wrong_keys_in_its_place_and_nothing_else():
    found = of_batch([1, ReplyError("WRONGTYPE x"), 2], "here", [ONE] * 3, lenient=True)
    assert [found[0], str(found[1]), found[2]] == [1, "WRONGTYPE x (A)", 2]
    with pytest.raises(NotPermitted):
        of_batch([ReplyError("NOPERM x")], "here", [ONE], lenient=True)


def test_a_transaction_is_unwrapped_and_one_that_was_not_carried_out_is_reported():
    sent = encode_transaction([ONE])
    assert [command.args for command in sent] == [("MULTI",), ("A",), ("EXEC",)]
    assert of_transaction([b"OK", b"QUEUED", [7]], "here", [ONE]) == [7]
    with pytest.raises(RedisUnavailable, match="did not carry out"):
        of_transaction([b"OK", b"QUEUED", None], "here", [ONE])
    with pytest.raises(RedisCommandError, match="unknown"):
        of_transaction([b"OK", ReplyError("ERR unknown"), []], "here", [ONE])
