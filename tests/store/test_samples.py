from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from pyresque.client import Resque
from pyresque.errors import WrongKey
from pyresque.store.samples import DelayedPicks, Picks, Reservoir


def whole(client, picks):
    found = []
    while (page := client.run(picks.more())) is not None:
        found += page
    return found


@pytest.fixture
def client(redis_url):
    with Resque(redis_url) as resque:
        yield resque


def test_picks_read_as_many_different_elements_as_they_are_asked_for(db, client):
    db.rpush("list", *map(str, range(5000)))
    found = whole(client, Picks.of_list(b"list", 5000, 700, Random(1)))
    assert len(set(found)) == len(found) == 700
    assert {int(one) // 1000 for one in found} == {0, 1, 2, 3, 4}


def test_an_element_that_is_gone_is_none(db, client):
    db.rpush("list", "a")
    assert whole(client, Picks([(b"list", 0), (b"list", 7), (b"nothing", 0)])) == [b"a", None, None]


def test_large_elements_are_read_few_at_a_time(db, client):
    db.rpush("list", *(b"x" * 300_000 for _ in range(60)))
    picks = Picks.of_list(b"list", 60, 60, Random(1))
    client.run(picks.more())
    assert len(client.run(picks.more())) <= 4


def test_a_key_of_another_type_is_an_error(db, client):
    db.set("list", "x")
    with pytest.raises(WrongKey):
        client.run(Picks([(b"list", 0)]).more())


@pytest.mark.parametrize("sizes", [[0, 0], [3], [10], [4, 0, 6, 90], [1] * 500])
def test_a_reservoir_holds_so_many_and_each_thing_once(sizes):
    reservoir = Reservoir(10, Random(3))
    for name, size in enumerate(sizes):
        reservoir.add(str(name), size)
    assert reservoir.total == sum(sizes)
    assert len(set(reservoir.picked)) == len(reservoir.picked) == min(10, sum(sizes))
    assert all(0 <= index < sizes[int(name)] for name, index in reservoir.picked)


def test_every_thing_has_the_same_chance_in_a_reservoir():
    random, counts = Random(5), Counter()
    for _ in range(4000):
        reservoir = Reservoir(5, random)
        for name, size in (("a", 7), ("b", 1), ("c", 12)):
            reservoir.add(name, size)
        counts.update(reservoir.picked)
    assert len(counts) == 20
    assert all(850 < count < 1150 for count in counts.values())


def test_delayed_jobs_are_counted_and_some_of_them_read(db, client):
    for at in range(1200):
        db.zadd("resque:delayed_queue_schedule", {str(2_000_000_000 + at): 2_000_000_000 + at})
        db.rpush(f"resque:delayed:{2_000_000_000 + at}", f"{at}-0", f"{at}-1")
    picks = DelayedPicks(client.core.delayed.table, 300, Random(2))
    while client.run(picks.count_more()):
        pass
    assert (picks.total, picks.times) == (2400, 1200)
    found = whole(client, picks)
    assert len(set(found)) == 300
    assert all(raw.startswith(f"{int(at) - 2_000_000_000}-".encode()) for at, raw in found)
