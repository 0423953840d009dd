from __future__ import annotations

import pytest

from pyresque import Resque
from pyresque.store.slices import FIRST_SLICE, REMOVED, SLICE_BYTES, Backward, Forward, Removal

KEY = b"resque:failed"
MANY = [b"%d" % at for at in range(5000)]


@pytest.fixture
def run(redis_url):
    with Resque(redis_url) as resque:
        yield resque.run


@pytest.fixture
def full(db):
    db.rpush(KEY, *MANY)
    return db


def elements(db):
    return db.lrange(KEY, 0, -1)


def seen(run, walk, between=lambda: None):
    found = []
    while (page := run(walk.more())) is not None:
        found += page[1] if isinstance(walk, Forward) else page[1][::-1]
        between()
    return found


@pytest.mark.parametrize(
    ("kind", "first", "end", "expected"),
    [
        (Forward, 0, None, MANY),
        (Backward, 0, None, MANY[::-1]),
        (Forward, 7, 4000, MANY[7:4000]),
        (Backward, 7, 4000, MANY[7:4000][::-1]),
        (Forward, 6000, None, []),
        (Backward, 9, 9, []),
    ],
)
def test_each_element_of_a_part_is_seen_once_and_in_order(run, full, kind, first, end, expected):
    assert seen(run, kind(KEY, first, end)) == expected


def test_a_list_that_is_not_there_has_no_slices(run, db):
    assert seen(run, Forward(KEY)) == seen(run, Backward(KEY)) == []


def test_slices_of_large_elements_are_few_elements(run, db):
    db.rpush(KEY, *[b"%03d" % at + b"x" * (SLICE_BYTES // 4) for at in range(FIRST_SLICE + 40)])
    walk = Backward(KEY)
    sizes = []
    while (page := run(walk.more())) is not None:
        sizes.append(len(page[1]))
    assert sizes[0] == FIRST_SLICE
    assert max(sizes[1:]) <= 4


def test_forward_misses_nothing_while_others_remove_what_was_seen(run, full):
    assert seen(run, Forward(KEY), lambda: full.ltrim(KEY, 150, -1)) == MANY


def test_forward_misses_nothing_while_others_remove_and_append(run, full):
    def change():
        full.ltrim(KEY, 3, -1)
        full.rpush(KEY, b"new", b"new", b"new", b"new")

    found = seen(run, Forward(KEY), change)
    assert [one for one in found if one != b"new"] == MANY


def test_forward_misses_nothing_where_the_next_element_is_removed_and_others_are_appended(
    run, full
):
    taken = []

    def change():
        # As many come as go, so that the length tells nothing; the next one is among those that go.
        taken.append(full.lindex(KEY, walk.first))
        full.lrem(KEY, 1, taken[-1])
        full.lpop(KEY)
        full.rpush(KEY, b"new", b"new")

    walk = Forward(KEY)
    found = seen(run, walk, change)
    assert [one for one in found if one != b"new"] == [one for one in MANY if one not in taken]


def test_forward_is_not_led_astray_by_what_is_removed_further_on(run, full):
    left = iter(range(4999, 4000, -1))
    found = seen(run, Forward(KEY), lambda: full.lrem(KEY, 1, MANY[next(left)]))
    assert found[:4000] == MANY[:4000]


def test_forward_comes_to_an_end_where_the_next_element_was_removed(run, full):
    walk = Forward(KEY)
    first = run(walk.more())
    full.ltrim(KEY, len(first[1]) + 1, -1)
    assert MANY[len(first[1]) + 1 :] == seen(run, walk)[-(len(MANY) - len(first[1]) - 1) :]


def test_removal_takes_what_is_chosen_and_leaves_the_others_in_order(run, full):
    assert run(Removal(KEY, lambda index, _: index % 3 == 0).whole()) == 1667
    assert elements(full) == [one for at, one in enumerate(MANY) if at % 3]


def test_removal_of_all_leaves_no_key(run, full):
    assert run(Removal(KEY, lambda *_: True).whole()) == 5000
    assert not full.exists(KEY)


def test_removal_of_equal_elements_takes_those_at_the_places_that_are_meant(run, db):
    db.rpush(KEY, *[b"same"] * 600)
    assert run(Removal(KEY, lambda index, _: index < 100).whole()) == 100
    assert elements(db) == [b"same"] * 500


def test_removal_costs_a_script_a_slice_however_many_it_removes(run, full):
    full.config_resetstat()
    run(Removal(KEY, lambda *_: True).whole())
    assert full.info("commandstats")["cmdstat_evalsha"]["calls"] < 20
    assert full.info("commandstats")["cmdstat_lrem"]["calls"] < 20


def test_removal_spares_what_is_appended_and_goes_on_past_what_others_remove(run, full):
    removal = Removal(KEY, lambda _, raw: raw.isdigit() and int(raw) % 2 == 0)
    while run(removal.step()) is not None:
        full.rpush(KEY, b"new")
        full.lpop(KEY)
    left = elements(full)
    assert [one for one in left if one.isdigit() and int(one) % 2 == 0] == []
    assert (
        left[: left.index(b"new")] == [one for one in MANY if int(one) % 2][-left.index(b"new") :]
    )
    assert REMOVED not in left


def test_removal_looks_anew_where_the_list_changed_between_reading_and_removing(run, full):
    def chosen(index, raw):
        if raw == b"4990":
            full.lrem(KEY, 1, b"17")  # everything behind it moves down, once
        return raw in {b"4990", b"4995"}

    assert run(Removal(KEY, chosen).whole()) == 2
    gone = {b"17", b"4990", b"4995"}
    assert elements(full) == [one for one in MANY if one not in gone]


def test_removal_that_is_given_up_leaves_the_list_whole(run, full):
    removal = Removal(KEY, lambda *_: True)
    removed = [run(removal.step()) for _ in range(3)]
    assert elements(full) == MANY[: 5000 - sum(map(len, removed))]
