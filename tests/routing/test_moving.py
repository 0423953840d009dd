"""The mover: what the routing table leads to Python leaves its queue, and comes back when it belongs to Ruby again."""

from __future__ import annotations

import json
import random
import threading
from typing import TYPE_CHECKING

import pytest

from pyresque import Resque
from pyresque.errors import NotPermitted, RedisUnavailable, RoutingError, WrongKey
from pyresque.routing import moving
from pyresque.routing.moving import QueueMover
from pyresque.store.moved import OTHER_MOVER, OTHER_TABLE, MovedTable
from tests.support.moving import ASIDE, QUEUE, mover, payload, turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

ROUTES = "resque:migrate:routes"


@pytest.fixture
def resque(redis_url: str, db: redis.Redis) -> Iterator[Resque]:
    with Resque(redis_url) as made:
        made.routes.set("P*", "python")
        yield made


def names(db: redis.Redis, key: str) -> list[int]:
    return [json.loads(raw)["args"][0] for raw in db.lrange(key, 0, -1)]


def mixed(count: int, *classes: str, seed: int = 0) -> list[bytes]:
    chosen = random.Random(seed)
    return [payload(chosen.choice(classes or ("P1", "P2", "R1", "R2")), n) for n in range(count)]


def is_python(raw: bytes) -> bool:
    return raw.startswith(b'{"class":"P')


@pytest.mark.parametrize("ahead", [7, 10_000])
def test_payloads_move_in_order_with_their_bytes(
    resque: Resque, db: redis.Redis, ahead: int
) -> None:
    pushed = mixed(5000)
    db.rpush(QUEUE, *pushed)
    made = mover(resque, ahead=ahead)
    rubys = []
    while db.llen(QUEUE):  # Ruby pops meanwhile
        turn(resque, made)
        rubys += db.lpop(QUEUE, 5) or []
    assert rubys == [raw for raw in pushed if not is_python(raw)]
    assert db.lrange(ASIDE, 0, -1) == [raw for raw in pushed if is_python(raw)]
    assert db.smembers("resque:migrate:queues") == {b"low"}
    assert db.smembers("resque:queues") == set()


def test_new_jobs_and_jobs_pushed_to_the_head_are_found(resque: Resque, db: redis.Redis) -> None:
    made = mover(resque)
    db.rpush(QUEUE, *[payload("R", n) for n in range(3000)])
    turn(resque, made)
    db.rpush(QUEUE, payload("P", 1), payload("R", 2))
    turn(resque, made)
    assert names(db, ASIDE) == [1]
    db.lpush(QUEUE, payload("P", 3))
    turn(resque, made)
    assert names(db, ASIDE) == [1, 3]
    db.lpop(QUEUE)
    db.rpush(QUEUE, payload("P", 4))  # the length is as before
    turn(resque, made)
    assert names(db, ASIDE) == [1, 3, 4]
    db.linsert(QUEUE, "BEFORE", payload("R", 2000), payload("P", 5))
    turn(resque, made)
    assert names(db, ASIDE) == [1, 3, 4]  # behind the place up to which it has looked
    resque.routes.set("X", "ruby")  # any change: it begins at the head
    turn(resque, made)
    assert names(db, ASIDE) == [1, 3, 4, 5]


def test_equal_payloads_and_a_share(resque: Resque, db: redis.Redis) -> None:
    resque.routes.set("P*", "python=50%")
    db.rpush(QUEUE, *[payload("P", n % 10) for n in range(100)])
    turn(resque, mover(resque))
    aside = names(db, ASIDE)
    assert 0 < len(set(aside)) < 10
    assert len(aside) == 10 * len(set(aside))
    assert set(aside).isdisjoint(names(db, QUEUE))


@pytest.mark.parametrize("ahead", [1, 3, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_whatever_ruby_pops_and_others_push_order_is_kept_and_nothing_is_missed(
    resque: Resque, db: redis.Redis, ahead: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "OVERLAP", 3)
    monkeypatch.setattr(moving, "ANCHOR", 2)
    chosen = random.Random(seed)
    pushed = mixed(400, "P", "R", "R", seed=seed)
    left, popped = list(pushed), []
    made = mover(resque, ahead=ahead)
    while left or db.llen(QUEUE):
        some = [left.pop(0) for _ in range(min(len(left), chosen.randrange(12)))]
        if some:
            db.rpush(QUEUE, *some)
        turn(resque, made)
        popped += db.lpop(QUEUE, chosen.randrange(1, min(ahead, 9) + 1)) or []
    assert popped == [raw for raw in pushed if not is_python(raw)]
    assert db.lrange(ASIDE, 0, -1) == [raw for raw in pushed if is_python(raw)]


def test_a_class_that_ruby_performs_again_comes_back_to_the_head_in_order(
    resque: Resque, db: redis.Redis
) -> None:
    db.rpush(QUEUE, *mixed(3000, "P1", "P2"))
    made = mover(resque)
    turn(resque, made)
    assert db.llen(QUEUE) == 0
    ones = [raw for raw in db.lrange(ASIDE, 0, -1) if b'"P1"' in raw]
    resque.routes.set("P1", "ruby")
    db.rpush(QUEUE, payload("R", 9999))
    turn(resque, made)
    assert db.lrange(QUEUE, 0, -1) == [*ones, payload("R", 9999)]
    assert made.moved_back == len(ones)
    resque.routes.set("*", "ruby")
    turn(resque, made)
    assert db.llen(QUEUE) == 3001
    assert not db.exists(ASIDE, "resque:migrate:queues")
    assert db.smembers("resque:queues") == {b"low"}


def test_what_cannot_be_read_stays_for_ruby(resque: Resque, db: redis.Redis) -> None:
    resque.routes.set("*", "python")
    odd = [b"", b"null", b"[1]", b"\xff\xfe", b'{"class":null,"args":[]}', b'{"args":[]}', b"{"]
    db.rpush(QUEUE, *odd, b'{"class":7}', payload("P", 1))
    db.rpush(ASIDE, b"\xff", payload("P", 0))
    turn(resque, mover(resque))
    assert db.lrange(QUEUE, 0, -1) == [b"\xff", *odd, b'{"class":7}']
    assert names(db, ASIDE) == [0, 1]


@pytest.mark.parametrize(
    "table",
    [b"nonsense", b"[]", b'{"rules":[{"match":"P","to":"python","percent":1e999}]}', b"\xff"],
)
def test_a_broken_table_moves_nothing_either_way(
    resque: Resque, db: redis.Redis, table: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    db.rpush(QUEUE, payload("P", 1))
    db.rpush(ASIDE, payload("R", 2))
    good = db.get(ROUTES)
    db.set(ROUTES, table)
    made = mover(resque)
    for _ in range(3):
        turn(resque, made)
    assert (names(db, QUEUE), names(db, ASIDE)) == ([1], [2])
    assert len([text for text in caplog.messages if "nothing is moved" in text]) == 1
    assert not any("goes on" in text or "again" in text for text in caplog.messages)
    with pytest.raises(RoutingError, match="nothing is moved"):
        resque.run(mover(resque).once())
    db.delete(ROUTES)
    db.lpush(ROUTES, "a list")
    turn(resque, made)
    assert (names(db, QUEUE), names(db, ASIDE)) == ([1], [2])
    db.delete(ROUTES)
    db.set(ROUTES, good or b"")
    turn(resque, made)
    assert any("can be read again" in text for text in caplog.messages)
    assert (names(db, QUEUE), names(db, ASIDE)) == ([2], [1])


def test_without_rules_everything_belongs_to_ruby(resque: Resque, db: redis.Redis) -> None:
    db.delete(ROUTES)
    db.rpush(QUEUE, payload("P", 1))
    db.rpush(ASIDE, payload("P", 0))
    turn(resque, mover(resque))
    assert names(db, QUEUE) == [0, 1]


def test_keys_of_other_types_are_told_and_other_queues_go_on(
    resque: Resque, db: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    db.set("resque:queue:bad", "x")
    db.rpush("resque:queue:half", payload("P", 1))
    db.set("resque:migrate:queue:half", "x")
    db.rpush(QUEUE, payload("P", 2))
    for key in ("migrate:queues", "migrate:mover:low", "queues"):
        db.hset(f"resque:{key}", "a", "hash")
    made = mover(resque, "bad", "half", "low")
    for _ in range(3):
        turn(resque, made)
    assert names(db, ASIDE) == [2]
    assert names(db, "resque:queue:half") == [1]
    assert sum("queue bad" in text for text in caplog.messages) == 1
    assert (
        sum("migrate:queue:half" in text or "queue half" in text for text in caplog.messages) == 1
    )
    with pytest.raises(WrongKey):
        resque.run(mover(resque, "half").once())
    turn(resque, mover(resque, "*"))


def test_decisions_by_an_old_table_move_nothing(resque: Resque, db: redis.Redis) -> None:
    db.rpush(QUEUE, payload("P", 1))
    routes, raw = resque.routes.show(), db.get(ROUTES) or b""
    queue = QueueMover(MovedTable(resque.core.keys, "here"), resque.core.codec, "low", 100)
    resque.routes.set("P", "ruby")
    assert resque.run(queue.step(routes, raw)) == (0, True, OTHER_TABLE)
    db.rpush(ASIDE, payload("R", 2))
    assert resque.run(queue.back(routes, raw)) == (0, True, OTHER_TABLE)
    assert (names(db, QUEUE), names(db, ASIDE)) == ([1], [2])


def test_of_two_movers_one_moves_until_it_is_gone(resque: Resque, db: redis.Redis) -> None:
    first, second = mover(resque, name="first"), mover(resque, name="second")
    db.rpush(QUEUE, payload("P", 1))
    turn(resque, first)
    db.rpush(QUEUE, payload("P", 2))
    turn(resque, second)
    assert (names(db, ASIDE), names(db, QUEUE)) == ([1], [2])
    assert -1 != db.pttl("resque:migrate:mover:low") <= 3000, "it has an end"
    db.delete("resque:migrate:mover:low")  # as it expires
    turn(resque, second)
    assert names(db, ASIDE) == [1, 2]
    assert resque.run(
        QueueMover(MovedTable(resque.core.keys, "first"), resque.core.codec, "low", 9).back(
            None, b"any"
        )
    ) == (0, True, OTHER_MOVER)


def moves(redis_url: str, name: str, stop: threading.Event) -> None:
    with Resque(redis_url) as own:
        made = mover(own, name=name)
        while not stop.is_set():
            own.run(made.turn())


def pops(own: redis.Redis, key: str, stop: threading.Event, popped: list[bytes]) -> None:
    while not (stop.is_set() and not own.exists(key)):
        popped.extend(own.lpop(key, 3) or [])


def changes(redis_url: str) -> None:
    with Resque(redis_url) as own:
        for n in range(40):
            own.routes.set(f"P{n % 3}", ("ruby", "python", "python=40%")[n % 3])


def test_movers_workers_and_producers_at_once_lose_nothing(
    resque: Resque, redis_url: str, db: redis.Redis
) -> None:
    """Movers, Ruby's pops, Python's pops, changes of the routes and pushes at once: each job is popped once."""
    pushed = mixed(4000)
    stop = threading.Event()
    popped: list[bytes] = []
    threads = [
        *(threading.Thread(target=moves, args=(redis_url, name, stop)) for name in "ab"),
        *(threading.Thread(target=pops, args=(db, key, stop, popped)) for key in (QUEUE, ASIDE)),
        threading.Thread(target=changes, args=(redis_url,)),
    ]
    for thread in threads:
        thread.start()
    for start in range(0, len(pushed), 50):
        db.rpush(QUEUE, *pushed[start : start + 50])
    threads[-1].join()
    while db.exists(QUEUE, ASIDE):
        pass
    stop.set()
    for thread in threads:
        thread.join()
    assert sorted(popped) == sorted(pushed)


def test_a_full_redis_moves_nothing_and_loses_nothing(resque: Resque, db: redis.Redis) -> None:
    db.rpush(QUEUE, payload("P", 1), payload("R", 2))
    db.rpush(ASIDE, payload("R", 3))
    db.config_set("maxmemory", 1)
    made = mover(resque)
    try:
        assert resque.run(made.turn()) is False
        with pytest.raises(RedisUnavailable):
            resque.run(mover(resque).once())
    finally:
        db.config_set("maxmemory", 0)
    assert (names(db, QUEUE), names(db, ASIDE)) == ([1, 2], [3])
    turn(resque, made)
    assert (names(db, QUEUE), names(db, ASIDE)) == ([3, 2], [1])


@pytest.mark.parametrize("denied", ["lset", "lrem", "rpush", "lpush"])
def test_a_denied_command_moves_nothing_and_loses_nothing(
    resque: Resque, redis_url: str, db: redis.Redis, denied: str
) -> None:
    db.rpush(QUEUE, payload("P", 1), payload("R", 2))
    db.rpush(ASIDE, payload("R", 3))
    db.acl_setuser(
        "mover", enabled=True, passwords=["+secret"], keys=["*"], commands=["+@all", f"-{denied}"]
    )
    try:
        with (
            Resque(redis_url.replace("://", "://mover:secret@")) as own,
            pytest.raises(NotPermitted),
        ):
            own.run(mover(own).once())
    finally:
        db.acl_deluser("mover")
    found = (names(db, QUEUE), names(db, ASIDE))
    expected = ([3, 1, 2], []) if denied == "rpush" else ([1, 2], [3])
    assert found == expected


def test_classes_that_nobody_registered_are_left_to_ruby(
    resque: Resque, db: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    made = mover(resque)
    made.registered = lambda job: job.class_name == "P1"
    db.rpush(QUEUE, payload("P1", 1), payload("P2", 2), payload("P2", 3))
    turn(resque, made)
    assert (names(db, QUEUE), names(db, ASIDE)) == ([2, 3], [1])
    assert sum("registers no such class" in text for text in caplog.messages) == 1


def test_one_pass_moves_both_ways_however_long_the_queue_is(
    resque: Resque, db: redis.Redis
) -> None:
    db.rpush(QUEUE, *mixed(30_000))
    db.rpush(ASIDE, payload("R", -1))
    made = mover(resque)
    resque.run(made.once())
    assert made.moved_back == 1
    assert made.moved == db.llen(ASIDE)
    assert made.moved + db.llen(QUEUE) == 30_001
    assert not any(is_python(raw) for raw in db.lrange(QUEUE, 0, -1))
    back = mover(resque)
    resque.run(back.once(aside=False, everything_back=True))
    assert (db.llen(QUEUE), db.exists(ASIDE)) == (30_001, 0)


def test_huge_payloads_are_moved_in_small_windows(resque: Resque, db: redis.Redis) -> None:
    big = b"x" * 700_000
    for n in range(40):
        db.rpush(QUEUE, b'{"class":"%b","args":[%d,"%b"]}' % (b"PR"[n % 2 : n % 2 + 1], n, big))
    turn(resque, mover(resque))
    assert (len(names(db, ASIDE)), len(names(db, QUEUE))) == (20, 20)
