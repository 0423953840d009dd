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
    board = SharedPage()
    mine, another = board.place(), board.place()
    in_a_child(lambda: board.begin(mine))
    assert board.begun(mine)
    assert not board.begun(another)
    board.begin(mine, begun=False)
    assert not board.begun(mine)


def test_a_signal_to_a_child_is_read_there_and_is_not_the_next_ones_in_its_place():
    board, reading = SharedPage(), os.pipe()
    mine, another = board.place(), board.place()
    board.order(mine)
    in_a_child(
        lambda: os.write(reading[1], b"%d%d" % (board.ordered(mine), board.ordered(another)))
    )
    assert os.read(reading[0], 2) == b"10"
    while board.place() != mine:
        pass
    assert not board.ordered(mine)
    for end in reading:
        os.close(end)


def test_that_the_worker_stops_is_read_in_a_child():
    board, reading = SharedPage(), os.pipe()
    board.stop()
    in_a_child(lambda: os.write(reading[1], b"%d" % board.stopping))
    assert os.read(reading[0], 1) == b"1"
    for end in reading:
        os.close(end)


def test_places_come_round_and_never_hit_the_workers_own():
    board = SharedPage()
    places = [board.place() for _ in range(2 * SLOTS)]
    assert set(places) == set(range(1, SLOTS))
    assert not board.stopping
