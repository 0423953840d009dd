"""How often a waiting connection's owner asks how full Redis is, and when it gives the connection up."""

from __future__ import annotations

import pytest

from pyresque.process.host.client_count import EVERY, SOON, ClientCount
from tests.support.scripted_worker import Clock


def info(connected: int, most: int = 100) -> bytes:
    return b"# Clients\r\nconnected_clients:%d\r\nmaxclients:%d\r\n" % (connected, most)


@pytest.mark.parametrize(
    ("connected", "seconds"), [(10, EVERY), (59, EVERY), (60, SOON), (95, SOON)]
)
def test_it_asks_more_often_while_redis_is_so_full_that_a_start_could_fill_it(
    connected: int, seconds: float
) -> None:
    clock = Clock()
    count = ClientCount(clock)
    assert count.is_due()
    count.too_many(info(connected))
    clock.passed += seconds - 0.1
    assert not count.is_due()
    clock.passed += 0.2
    assert count.is_due()


def test_connections_are_given_up_at_nine_tenths_and_come_back_at_eight() -> None:
    count = ClientCount(Clock())
    told = [count.too_many(info(connected)) for connected in (89, 90, 85, 80, 79, 89)]
    assert [bool(text) for text in told] == [False, True, True, True, False, False]
    assert told[1] == "Redis has 90 of 100 clients"


@pytest.mark.parametrize("reply", [None, 7, ValueError("NOPERM")])
def test_a_user_who_may_not_ask_asks_once(reply: object) -> None:
    clock = Clock()
    count = ClientCount(clock)
    assert count.is_due()
    assert count.too_many(reply) == ""
    clock.passed += 1000
    assert not count.is_due()
