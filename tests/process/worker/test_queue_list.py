from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from pyresque.errors import NoQueueError
from pyresque.process.worker.queue_list import QueueList

NAMES = st.lists(st.text("abcd_-", min_size=1, max_size=4), min_size=1, max_size=6)


def matching(names: str, *known: str) -> list[str]:
    return list(QueueList.parse(names.split(",")).matching(known))


@given(NAMES, NAMES)
def test_plain_names_are_asked_as_given_whatever_is_known(names, known):
    queue_list = QueueList.parse(names)
    assert not queue_list.dynamic
    assert queue_list.matching(known) == tuple(names)


@given(NAMES)
def test_a_star_is_every_known_queue_once_by_name(known):
    assert QueueList.parse(["*"]).matching(known) == tuple(sorted(set(known)))


@given(NAMES, NAMES)
def test_named_queues_go_before_a_star_and_none_twice(names, known):
    found = QueueList.parse([*names, "*"]).matching(known)
    assert sorted(found) == sorted(set(known))
    first = [name for name in dict.fromkeys(names) if name in known]
    assert list(found[: len(first)]) == first


@given(NAMES, NAMES)
def test_what_is_skipped_is_never_asked(known, skipped):
    found = QueueList.parse(["*", *(f"!{name}" for name in skipped)]).matching(known)
    assert set(found) == set(known) - set(skipped)


def test_globs_go_in_the_order_given_and_by_name_within():
    known = ("low", "high_b", "high_a", "critical", "slow")
    assert matching("critical,high_*,!slow,*", *known) == ["critical", "high_a", "high_b", "low"]
    assert matching("h[ia]gh_?", *known) == ["high_a", "high_b"]
    assert matching("!high_*,*", *known) == ["critical", "low", "slow"]
    assert matching("nothing*", *known) == []


def test_a_worker_needs_a_queue_to_take_from_in_rubys_words():
    for names in ([], ["!low"]):
        with pytest.raises(NoQueueError, match="Please give each worker at least one queue"):
            QueueList.parse(names)


def test_names_are_trimmed_and_an_id_has_them_without_those_to_skip():
    queue_list = QueueList.parse([" low", "high_* ", " !slow"])
    assert str(queue_list) == "low,high_*"
    assert queue_list.skipped == ("slow",)
    assert not queue_list.takes_all
    assert QueueList.parse(["low", "*"]).takes_all
