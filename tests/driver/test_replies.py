from __future__ import annotations

import pytest
from hiredis import ReplyError

from pyresque.driver.replies import checked, first_error, told, unwrapped
from pyresque.driver.written import wrapped
from pyresque.errors import ConnectError, RedisCommandError, RedisUnavailable, ScriptMissing
from pyresque.ops import Command


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ReplyError("NOSCRIPT No matching script"), ScriptMissing),
        (ReplyError("NOAUTH Authentication required."), ConnectError),
        (ReplyError("WRONGPASS invalid username-password pair"), ConnectError),
        (ReplyError("WRONGTYPE x"), RedisCommandError),
        (ReplyError("LOADING x"), RedisUnavailable),
        (ReplyError("READONLY x"), RedisUnavailable),
        (ReplyError("OOM x"), RedisUnavailable),
        (ReplyError("MASTERDOWN x"), RedisUnavailable),
        (ReplyError("MISCONF disk full"), RedisUnavailable),
        (ConnectionRefusedError(), RedisUnavailable),
        (BrokenPipeError(), RedisUnavailable),
    ],
)
def test_what_the_server_and_the_system_report_is_told_in_our_own_errors(error, kind):
    assert type(told(error, "here")) is kind


def test_an_error_that_is_none_of_redis_stays_as_it_is():
    error = KeyboardInterrupt()
    assert told(error, "here") is error


def test_a_refusal_bears_the_servers_own_text():
    assert str(told(ReplyError("ERR unknown command"), "here")) == "ERR unknown command"


def test_the_first_error_of_a_batch_is_raised_after_all_were_sent():
    with pytest.raises(RedisCommandError, match="one"):
        first_error([1, ReplyError("ERR one"), ReplyError("ERR two")], "here")
    assert first_error([1, None], "here") == [1, None]
    assert checked(b"x", "here") == b"x"


def test_a_transaction_is_unwrapped_and_one_that_was_not_carried_out_is_told():
    sent = wrapped([Command(("A",))])
    assert [command.args for command in sent] == [("MULTI",), ("A",), ("EXEC",)]
    assert unwrapped([b"OK", b"QUEUED", [7]], "here") == [7]
    with pytest.raises(RedisUnavailable, match="did not carry out"):
        unwrapped([b"OK", b"QUEUED", None], "here")
    with pytest.raises(RedisCommandError, match="unknown"):
        unwrapped([b"OK", ReplyError("ERR unknown"), []], "here")
