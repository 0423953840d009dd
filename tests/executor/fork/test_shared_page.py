from __future__ import annotations

import os

from pyresque.executor.fork.shared_page import SLOTS, SharedPage


def in_a_child(deed) -> None:
    pid = os.fork()
    if pid == 0:
        deed()
        os._exit(0)
    os.waitpid(pid, 0)


def test_what_a_child_writes_is_read_here():
    page = SharedPage()
    mine, another = page.new_slot(), page.new_slot()
    in_a_child(lambda: page.set_started(mine))
    assert page.started(mine)
    assert not page.started(another)
    page.set_waiting(mine)
    assert not page.started(mine)


def test_a_signal_to_a_child_is_read_there_and_is_not_the_next_ones_in_its_place():
    page, reading = SharedPage(), os.pipe()
    mine, another = page.new_slot(), page.new_slot()
    page.announce_term(mine)
    in_a_child(
        lambda: os.write(
            reading[1], b"%d%d" % (page.term_announced(mine), page.term_announced(another))
        )
    )
    assert os.read(reading[0], 2) == b"10"
    while page.new_slot() != mine:
        pass
    assert not page.term_announced(mine)
    for end in reading:
        os.close(end)


def test_that_the_worker_stops_is_read_in_a_child():
    page, reading = SharedPage(), os.pipe()
    page.stop()
    in_a_child(lambda: os.write(reading[1], b"%d" % page.stopping))
    assert os.read(reading[0], 1) == b"1"
    for end in reading:
        os.close(end)


def test_places_come_round_and_never_hit_the_workers_own():
    page = SharedPage()
    places = [page.new_slot() for _ in range(2 * SLOTS)]
    assert set(places) == set(range(1, SLOTS))
    assert not page.stopping
