"""The verbs of the routing table in Redis: set, show, rollback, and the log of changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from pyresque.errors import RoutingError, WrongKey

if TYPE_CHECKING:
    import redis


def targets(resque: Resque) -> dict[str, str]:
    return {rule.match: rule.target for rule in resque.routes.show().rules}


def test_rules_are_set_and_taken_back(redis_url: str, db: redis.Redis) -> None:
    resque = Resque(redis_url)
    assert targets(resque) == {}
    resque.routes.set("A", "python=10%", by="ann")
    resque.routes.set("B", "python")
    resque.routes.set("A", "python")
    assert targets(resque) == {"B": "python", "A": "python"}
    resque.routes.rollback(by="bob")
    assert targets(resque) == {"A": "python=10%", "B": "python"}
    resque.routes.rollback()
    assert targets(resque) == {"A": "python=10%"}
    resque.routes.set("C", "ruby")
    resque.routes.rollback()
    assert targets(resque) == {"A": "python=10%"}
    resque.routes.rollback()
    assert targets(resque) == {}
    with pytest.raises(RoutingError, match="no change"):
        resque.routes.rollback()
    assert json.loads(db.get("resque:migrate:routes") or b"") == {"version": 8, "rules": []}


def test_every_change_is_logged_with_time_and_author(redis_url: str, db: redis.Redis) -> None:
    resque = Resque(redis_url)
    resque.routes.set("A", "python=10%", by="ann")
    resque.routes.rollback(by="bob")
    latest, first = resque.routes.changes()
    assert (first.what, first.by, first.routes.version) == ("set A python=10%", "ann", 1)
    assert (latest.what, latest.by, latest.undoes) == ("rollback of set A python=10%", "bob", 1)
    assert first.at.endswith("Z")
    db.lpush("resque:migrate:routes:log", b"nonsense", b"{}", b"[]", b'{"version":"x"}')
    assert resque.routes.changes() == [latest, first]
    for n in range(5):
        resque.routes.set("A", f"python={n}%")
    assert db.llen("resque:migrate:routes:log") == 11


def test_names_in_the_log_are_printable(
    redis_url: str, db: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    resque = Resque(redis_url)
    resque.routes.set("Evil\x1b[31m\u202e", "ruby", by="\x1b]0;ann\x07")
    resque.routes.rollback()
    assert caplog.messages == [
        r"routes: set Evil\x1b[31m\u202e ruby (by \x1b]0;ann\x07)",
        r"routes: rollback of set Evil\x1b[31m\u202e ruby",
    ]


def test_a_broken_table_is_told_and_replaced_by_a_rollback_alone(
    redis_url: str, db: redis.Redis
) -> None:
    resque = Resque(redis_url)
    resque.routes.set("A", "python")
    resque.routes.set("B", "python")
    db.set("resque:migrate:routes", b"nonsense")
    with pytest.raises(RoutingError, match="no JSON"):
        resque.routes.show()
    with pytest.raises(RoutingError, match="no JSON"):
        resque.routes.set("C", "ruby")
    assert db.get("resque:migrate:routes") == b"nonsense"
    resque.routes.rollback()
    assert targets(resque) == {"A": "python"}


@pytest.mark.parametrize("key", ["routes", "routes:log"])
def test_a_key_of_another_type_is_named(redis_url: str, db: redis.Redis, key: str) -> None:
    db.sadd(f"resque:migrate:{key}", "x")
    with pytest.raises(WrongKey, match=f"migrate:{key}"):
        Resque(redis_url).routes.set("A", "ruby")
    assert db.exists("resque:migrate:routes", "resque:migrate:routes:log") == 1
