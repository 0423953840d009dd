"""What the functions of ``@resque.warm_up`` do, fail to do and leave behind, in the process that children are copied from."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time

import pytest

from pyresque import AsyncResque, Resque
from pyresque.executor.fork import cheap_fork, warm_up as tested
from pyresque.executor.fork.warm_up import ROUNDS, WarmUps
from pyresque.printable import MOST_IN_LINE

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def every_round(monkeypatch):
    """Each function is called as often as on a fast machine, where none takes a second."""
    monkeypatch.setattr(tested, "ENOUGH", 60.0)
    monkeypatch.setattr(tested, "LIMIT", 60.0)


@pytest.fixture
def resque():
    made = Resque(NOWHERE)
    yield made
    made.close()


def told(resque):
    return WarmUps(resque).run()


def name_of(test, function):
    return f"{__name__}.{test.__name__}.<locals>.{function}"


def test_each_function_is_called_some_dozen_times_one_after_the_other(resque):
    calls = []

    @resque.warm_up
    def first():
        calls.append("first")

    @resque.warm_up()
    def second():
        calls.append("second")

    assert told(resque) == []
    assert calls == ["first"] * ROUNDS + ["second"] * ROUNDS
    assert (first(), second()) == (None, None)


@pytest.mark.parametrize("face", [Resque, AsyncResque])
def test_coroutine_functions_are_awaited_by_either_face(face):
    calls, made = [], face(NOWHERE)

    @made.warm_up
    async def waits():
        await asyncio.sleep(0)
        calls.append(1)

    assert told(made) == []
    assert len(calls) == ROUNDS


def test_one_that_takes_long_is_called_once_alone(resque, monkeypatch):
    monkeypatch.setattr(tested, "ENOUGH", -1.0)
    calls = []
    resque.warm_up(lambda: calls.append(1))
    assert told(resque) == []
    assert calls == [1]


@pytest.mark.parametrize("error", [ValueError("no\nserver"), SystemExit("no\nserver")])
def test_one_that_raises_is_told_by_name_and_keeps_none_from_being_called(resque, error):
    calls = []

    @resque.warm_up
    def broken():
        raise error

    resque.warm_up(lambda: calls.append(1))
    (line,) = told(resque)
    raised = name_of(
        test_one_that_raises_is_told_by_name_and_keeps_none_from_being_called, "broken"
    )
    assert line == f"@resque.warm_up: {raised} raised {type(error).__name__}: no server"
    assert len(calls) == ROUNDS


def test_an_error_of_megabytes_is_told_in_a_line_of_bounded_length(resque):
    @resque.warm_up
    def broken():
        raise ValueError("x\n" * 4_000_000)

    (line,) = told(resque)
    assert len(line) < MOST_IN_LINE + 200
    assert line.endswith("more characters)")


def test_one_that_hangs_is_interrupted_and_those_after_it_are_told_to_be_left_out(
    resque, monkeypatch
):
    monkeypatch.setattr(tested, "LIMIT", 0.05)
    before = signal.getsignal(signal.SIGALRM)

    @resque.warm_up
    def hangs():
        threading.Event().wait()

    resque.warm_up(print)
    first, second = told(resque)
    assert first.endswith("hangs did not return within 0.05 s, and is left out")
    assert second == "@resque.warm_up: builtins.print is not called: those before it took 0.05 s"
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_one_that_holds_on_against_the_interruption_is_interrupted_again(resque, monkeypatch):
    monkeypatch.setattr(tested, "LIMIT", 0.05)
    caught = []

    @resque.warm_up
    def holds_on():
        while len(caught) < 2:
            try:
                time.sleep(60)
            except BaseException as error:  # noqa: BLE001 - as careless code does
                caught.append(error)
        time.sleep(60)

    (line,) = told(resque)
    assert "did not return within" in line
    assert len(caught) == 2


def test_an_open_socket_and_a_running_thread_are_told(resque):
    kept, over = [], threading.Event()

    @resque.warm_up
    def careless():
        if not kept:
            kept.extend(socket.socketpair())
            kept.append(threading.Thread(target=over.wait, name="reporter"))
            kept[-1].start()

    try:
        sockets, threads = told(resque)
        assert "careless leaves 2 sockets open, which all children share" in sockets
        assert "careless leaves the thread 'reporter' running, which no child has" in threads
    finally:
        over.set()
        kept[0].close()
        kept[1].close()
        kept[2].join()


def test_of_many_threads_three_are_named(resque):
    over, threads = threading.Event(), []

    @resque.warm_up
    def careless():
        threads.append(threading.Thread(target=over.wait, name=f"t{len(threads):02}"))
        threads[-1].start()

    try:
        (line,) = told(resque)
        assert f"leaves the threads 't00', 't01', 't02' and {ROUNDS - 3} more running" in line
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_a_copy_that_it_forks_ends_there(resque, tmp_path):
    copies = tmp_path / "copies"

    @resque.warm_up
    def forks():
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)

    assert told(resque) == []
    copies.write_text(str(os.getpid()), "ascii")  # a copy that came out would write its own
    assert copies.read_text("ascii") == str(os.getpid())


@pytest.mark.redis
def test_resques_own_connection_is_opened_and_closed_by_every_call(redis_url, db):
    resque = Resque(redis_url)
    pids = set()

    @resque.warm_up
    def counts():
        resque.redis.incr("count")
        pids.update(one["id"] for one in db.client_list())

    assert told(resque) == []
    assert db.get("resque:count") == b"%d" % ROUNDS
    assert len(pids) > ROUNDS


@pytest.mark.redis
def test_a_server_that_is_away_is_tried_once_for_the_connection_that_children_open(resque):
    WarmUps(resque).connect()  # it raises nothing
    assert resque.driver._threads.own.connection is None


def test_functions_of_children_are_called_once_in_each_and_their_faults_are_noted(resque):
    calls = []

    @resque.warm_up(in_child=True)
    def opens():
        calls.append(1)
        raise OSError("refused")

    assert told(resque) == []
    begin = WarmUps(resque).in_child
    assert (begin is None, calls) == (False, [])
    begin()
    (note,) = cheap_fork.notes
    assert note.endswith("opens raised OSError: refused")
    assert calls == [1]


def test_without_functions_children_begin_with_their_job(resque):
    resque.warm_up(print)
    assert WarmUps(resque).in_child is None


def test_what_cannot_be_called_is_refused(resque):
    with pytest.raises(ValueError, match="warm_up_in_child: 5 is no function"):
        resque.warm_up(in_child=True)(5)
