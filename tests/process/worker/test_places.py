"""Where the next look begins, played by hand."""

from __future__ import annotations

import pytest

from pyresque.process.worker import places
from pyresque.process.worker.places import AGAIN, HEAD, MARGIN, Place
from pyresque.store.selection import MOST_CHOSEN, Look


def choose(_queue, jobs):
    return [(at, raw, raw) for at, raw in enumerate(jobs) if ours(raw)]


def ours(raw):
    return raw.startswith(b"ours")


def place(window=10):
    return Place("low", b"key", window)


def read(one, start, *jobs, length=None, head=(), now=0.0):
    one.read(Look(start, start + len(jobs) if length is None else length, jobs, head), choose, now)


def wanted(one):
    return one.wanted[:4]


def test_it_begins_at_the_head():
    assert wanted(place()) == (b"", 0, 10, 0)


def test_behind_a_window_without_ours_the_next_look_is_wider():
    one = place()
    read(one, 0, b"a", b"b", length=50)
    assert wanted(one) == (b"b", 1, 40, 0)
    assert not one.at_end
    assert not one.found_any


def test_at_the_end_it_stays_there_and_looks_at_the_head_too():
    one = place()
    read(one, 0, b"a", b"b")
    assert one.at_end
    assert one.wanted[0] == b"b"
    assert one.wanted[3] == HEAD
    read(one, 2)
    assert one.at_end


def test_jobs_are_chosen_in_order_with_their_indexes():
    one = place()
    read(one, 5, b"a", b"ours 1", b"b", b"ours 2", length=90)
    assert one.chosen() == [(6, b"ours 1")]
    assert wanted(one) == (b"a", 5, 10, 0)
    one.missed()
    assert one.chosen() == [(6, b"ours 1"), (8, b"ours 2")], "others take them, too"
    assert one.taken(1, 6) == b"ours 1"
    assert one.chosen() == [(7, b"ours 2")]
    one.missed()
    assert not one.found_any


def test_after_a_take_the_other_indexes_are_those_in_the_list_by_now():
    one = place()
    read(one, 5, b"a", b"ours 1", b"b", b"ours 2", length=90)
    assert one.taken(1, 6) == b"ours 1"
    assert one.chosen() == [(7, b"ours 2")]
    assert wanted(one) == (b"b", 6, 10, 0)
    assert one.taken(1, 3) == b"ours 2"  # Ruby popped four meanwhile
    assert wanted(one) == (b"b", 2, 10, 0)
    assert not one.clean


def test_jobs_in_front_of_the_taken_one_are_gone():
    one = place()
    read(one, 0, b"a", b"ours 1", b"ours 2", b"b", b"ours 3")
    assert one.taken(2, 1) == b"ours 2"
    assert one.chosen() == [(2, b"ours 3")]
    assert wanted(one) == (b"b", 1, 10, 0)


def test_the_anchor_is_an_element_unlike_the_others():
    one = place()
    read(one, 0, b"x", b"a", b"x", b"x", length=90)
    assert one.wanted[:2] == (b"a", 1)
    assert one.wanted[2] == 2 + 40, "the two behind the anchor are read again"
    read(one, 2, b"x", b"x", b"a", b"x", length=90)
    assert one.wanted[:2] == (b"a", 1), "a second one is like the first"


def test_where_all_are_alike_some_are_read_once_more(monkeypatch):
    monkeypatch.setattr(places, "MARGIN", 3)
    one = place()
    read(one, 0, *[b"x"] * 10, length=90)
    assert wanted(one) == (b"", 7, 43, 0)
    read(one, 7, *[b"x"] * 40, b"a", length=90)
    assert one.wanted[:2] == (b"a", 47)
    read(one, 48, *[b"x"] * 3, length=90)
    assert one.wanted[:2] == (b"a", 47)


def test_for_an_anchor_that_is_not_near_its_index_the_one_before_it_is_looked_for():
    """It was searched for up to the head, and then a million jobs were read again."""
    one = place()
    read(one, 0, b"a", b"b", length=50)
    read(one, 2, b"c", b"d", length=50)
    assert wanted(one)[:2] == (b"d", 3)
    one.search_on(0)
    assert wanted(one)[:2] == (b"b", 1)
    read(one, 2, b"c", length=3)
    assert wanted(one)[:2] == (b"c", 2), "what is read again is not like itself"
    one.search_on(7)
    one.search_on(5)
    assert wanted(one)[:2] == (b"b", 5), "there is none before it"


def test_others_that_popped_are_no_reason_to_lose_an_older_anchor():
    one = place()
    read(one, 100, b"a", length=500)
    read(one, 51, b"b", length=450)  # fifty were popped: the anchor stood at 50
    one.search_on(0)
    assert wanted(one)[:2] == (b"a", 50)


def test_older_anchors_but_the_last_are_far_from_each_other(monkeypatch):
    """One that takes the newest job takes those before it, too."""
    monkeypatch.setattr(places, "MARGIN", 10)
    one = place()
    for number in range(35):
        read(one, number, b"%d" % number, length=90)
    found = [one.wanted[:2]]
    for _ in range(places.OLDER + 1):
        one.search_on(0)
        found.append(one.wanted[:2])
    assert found == [(b"34", 34), (b"33", 33), (b"30", 30), (b"20", 20), (b"10", 10), (b"10", 0)]


def test_a_list_that_is_read_from_its_head_has_no_older_anchors():
    one = place()
    read(one, 0, b"a", length=50)
    read(one, 1, b"b", length=50)
    one.begin_again(0.0)
    read(one, 0, b"c", length=50)
    one.search_on(7)
    assert one.wanted[:2] == (b"c", 7)


def test_an_anchor_that_is_gone_begins_at_the_head():
    one = place()
    read(one, 0, b"a", b"b", length=50)
    read(one, 0, b"a", b"b", b"c", length=50)
    assert one.wanted[:2] == (b"c", 2)


def test_a_job_of_ours_at_the_head_leads_there():
    one = place()
    read(one, 0, b"a", b"b")
    read(one, 2, head=(b"ours 0", b"a"), length=3)
    assert wanted(one) == (b"", 0, 10, 0)
    assert not one.at_end


def test_from_time_to_time_it_begins_again():
    one = place()
    read(one, 0, b"a", b"b", now=1.0)
    assert not one.due_again(AGAIN)
    assert one.due_again(AGAIN + 1)
    one.begin_again(70.0)
    read(one, 0, b"a", b"b", now=80.0)  # a long queue is read less often
    assert not one.due_again(500.0)


def test_no_list_is_an_end():
    one = place()
    one.read(Look(-1), choose, 0.0)
    assert one.at_end


def test_of_equal_jobs_those_between_them_are_sent_too():
    one = place()
    read(one, 0, b"ours 1", b"ours 2", b"ours 1")
    assert [raw for _, raw in one.chosen()] == [b"ours 1", b"ours 2", b"ours 1"]


@pytest.mark.parametrize("size", [10, MOST_CHOSEN])
def test_few_jobs_are_sent_to_be_taken(size):
    one = place(100)
    read(one, 0, *(b"ours %3d" % n + b"x" * size for n in range(50)))
    one.missed()
    assert len(one.chosen()) == (8 if size == 10 else 1)


def test_what_is_remembered_has_a_bound():
    one = place()
    for start in range(0, 20_000, 100):
        read(one, start, *(b"job %d" % n for n in range(start, start + 100)), length=10**6)
    assert len(one._latter) + len(one._former) <= 2 * MARGIN + 200


def test_how_many_are_read_at_once_follows_from_how_large_they_were():
    one = place()
    assert one.wanted[4] == 16
    read(one, 0, b"a" * 9, b"b" * 9, length=50)
    assert one.wanted[4] > 50_000
    read(one, 2, b"c" * 700_000, b"d" * 9, length=50)
    assert one.wanted[4] == 2


def test_jobs_that_were_known_and_not_taken_are_read_again():
    one = place()
    read(one, 0, b"a", b"ours 1", b"b", b"ours 2", b"c", length=50)
    one.taken(1, 1)
    one.forget()
    assert wanted(one) == (b"b", 1, 10, 0)
    read(one, 2, b"ours 2", b"c", length=50)
    one.missed()
    assert wanted(one)[:2] == (b"b", 1)
