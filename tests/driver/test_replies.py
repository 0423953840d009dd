from __future__ import annotations

import pytest
import redis

from pyresque.driver.redis_py import told
from pyresque.driver.replies import checked, first_error, unwrapped, wrapped
from pyresque.errors import ConnectError, RedisCommandError, RedisUnavailable, ScriptMissing


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (redis.exceptions.NoScriptError("x"), ScriptMissing),
        (redis.AuthenticationError("x"), ConnectError),
        (redis.ResponseError("WRONGTYPE x"), RedisCommandError),
        (redis.ConnectionError("x"), RedisUnavailable),
        (redis.TimeoutError("x"), RedisUnavailable),
        (redis.exceptions.BusyLoadingError("x"), RedisUnavailable),
        (redis.exceptions.ReadOnlyError("x"), RedisUnavailable),
        (redis.exceptions.OutOfMemoryError("x"), RedisUnavailable),
        (redis.exceptions.MasterDownError("x"), RedisUnavailable),
        (redis.ResponseError("MISCONF disk full"), RedisUnavailable),
        (ConnectionRefusedError(), RedisUnavailable),
        (BrokenPipeError(), RedisUnavailable),
        (redis.RedisError("x"), RedisCommandError),
    ],
)
def test_what_redis_py_reports_is_told_in_our_own_errors(error, kind):
    assert type(told(error, "here")) is kind


def test_an_error_that_is_none_of_redis_stays_as_it_is():
    error = KeyboardInterrupt()
    assert told(error, "here") is error


@pytest.mark.parametrize(
    ("text", "sent"),
    [("WRONGTYPE bad", "WRONGTYPE bad"), ("unknown command", "ERR unknown command"), ("", "ERR ")],
)
def test_a_refusal_bears_the_servers_own_text(text, sent):
    assert str(told(redis.ResponseError(text), "here")) == sent


def test_the_first_error_of_a_batch_is_raised_after_all_were_sent():
    with pytest.raises(RedisCommandError, match="one"):
        first_error(
            [1, redis.ResponseError("ERR one"), redis.ResponseError("ERR two")], "here", told
        )
    assert first_error([1, None], "here") == [1, None]
    assert checked(b"x", "here") == b"x"


def test_a_transaction_is_unwrapped_and_one_that_was_not_carried_out_is_told():
    assert wrapped([("A",)]) == [("MULTI",), ("A",), ("EXEC",)]
    assert unwrapped([b"OK", b"QUEUED", [7]], "here") == [7]
    with pytest.raises(RedisUnavailable, match="did not carry out"):
        unwrapped([b"OK", b"QUEUED", None], "here")
    with pytest.raises(RedisCommandError, match="unknown"):
        unwrapped([b"OK", redis.ResponseError("ERR unknown"), []], "here", told)
