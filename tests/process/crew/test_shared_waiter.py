from __future__ import annotations

import os
import threading
from contextlib import closing
from queue import SimpleQueue

import pytest
import redis

from pyresque.clock import SystemClock
from pyresque.driver.sync import SyncDriver
from pyresque.process.crew.shared_waiter import SharedWaiter, ThreadWaiter
from pyresque.process.host.queue_watch import QueueWatch
from pyresque.process.host.waiter import ready
from pyresque.process.host.waits import Waiting, Waits
from tests.support.eventually import TIMEOUT, eventually
from tests.support.redis_server import RedisServer, waits_begun

LOW, HIGH = "resque:queue:low", "resque:queue:high"
LONG = 3600.0


def armed(client, count=1):
    eventually(lambda: client.info("clients")["blocked_clients"], lambda seen: seen == count)


class Crew:
    """Slots that wait, each in its own thread, take a job when called, and tell what came of it."""

    def __init__(self, shared_waiter, db, count, *queues):
        self.db, self.queues = db, queues
        self.slots = [ThreadWaiter(shared_waiter) for _ in range(count)]
        self.answers = SimpleQueue()
        self.threads = [
            threading.Thread(target=self.live, args=(number,), daemon=True)
            for number in range(count)
        ]

    def live(self, number):
        while True:
            called = self.slots[number].wait_for_jobs(self.queues, LONG, LONG)
            self.answers.put((number, called, self.db.lpop(LOW) if called else None))
            if not called:
                return

    def start(self):
        for thread in self.threads:
            thread.start()

    def next(self):
        return self.answers.get(timeout=TIMEOUT)

    def end(self):
        for slot in self.slots:
            slot.wake()
        for thread in self.threads:
            thread.join(TIMEOUT)
            assert not thread.is_alive()


@pytest.fixture
def shared_waiter(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        client.config_resetstat()
    driver = SyncDriver(redis_url)
    made = SharedWaiter(QueueWatch(driver.open_connection, SystemClock()))
    yield made
    made.close()
    driver.close()


@pytest.fixture
def crew(shared_waiter, db):
    made = Crew(shared_waiter, db, 10, LOW)
    made.start()
    armed(db)
    eventually(lambda: len(shared_waiter.waits), lambda count: count == 10)
    yield made
    made.end()


def test_one_job_calls_one_of_ten_slots_which_share_one_connection(shared_waiter, crew, db):
    shared_waiter.waits.rewatch_delay = LONG  # no second call
    db.rpush(LOW, "job")
    assert crew.next()[1:] == (True, b"job")
    eventually(lambda: len(shared_waiter.waits), lambda count: count == 10)
    assert crew.answers.empty()
    assert waits_begun(db) == 1


def test_who_begins_to_wait_while_the_queue_is_let_go_of_has_it_watched_again(
    redis_url, db, monkeypatch
):
    with closing(SyncDriver(redis_url)) as driver:
        watch = QueueWatch(driver.open_connection, SystemClock())
        waits, leave = Waits(watch), watch.leave
        first, late = (Waiting(frozenset({LOW}), lambda _key: None) for _ in range(2))
        assert waits.enter(first)
        eventually(lambda: [waits.begin(), waits.end()] and waits.watches(first))
        waits.leave(first)
        needs_a_round = []

        def slow_leave(keys):
            needs_a_round.append(waits.enter(late))
            leave(keys)

        monkeypatch.setattr(watch, "leave", slow_leave)
        assert waits.begin()[0] == []
        assert needs_a_round == [True]
        monkeypatch.undo()
        assert waits.begin()[0] != []
        watch.close()


def test_a_connection_that_another_thread_finds_closed_is_made_anew(
    shared_waiter, crew, db, monkeypatch
):
    """A job has closed its descriptor; the job's thread is the first one that sees it, just before this one would poll it."""
    watch = shared_waiter._queue_watch
    (connection,) = watch._connections.values()
    closed = []

    def watched(keys):
        if not closed:
            closed.append(connection.socket._socket.detach())
            os.close(closed[0])
        return QueueWatch.watched(watch, keys)

    monkeypatch.setattr(watch, "watched", watched)
    shared_waiter._pipe.wake()
    eventually(lambda: closed and connection.armed and connection.socket.fileno() >= 0)
    db.rpush(LOW, "job")
    while (answer := crew.next())[2] is None:  # the loss itself makes slots look
        pass
    assert answer[1:] == (True, b"job")


def test_a_poll_that_no_wake_up_ends_is_followed_by_another_soon(shared_waiter, db, monkeypatch):
    """As when a job closes the pipe, and another descriptor has its number when poll() begins."""
    deaf = []

    def poll(numbers, seconds):
        if deaf:
            return ready(numbers, seconds)
        deaf.append(seconds)
        return ready([], seconds)

    monkeypatch.setattr("pyresque.process.crew.shared_waiter.LOOK", 0.05)
    monkeypatch.setattr("pyresque.process.crew.shared_waiter.ready", poll)
    crew = Crew(shared_waiter, db, 1, LOW)
    crew.start()
    armed(db)
    db.rpush(LOW, "job")
    assert crew.next()[1:] == (True, b"job")
    assert deaf == [0.05]
    crew.end()


def test_as_many_jobs_as_slots_at_once_are_all_taken(crew, db):
    db.rpush(LOW, *range(10))
    jobs = []
    while len(jobs) < 10:
        _, called, job = crew.next()
        assert called
        jobs += [job] if job is not None else []
    assert sorted(int(job) for job in jobs) == list(range(10))


def test_a_job_that_the_called_one_leaves_alone_calls_others(shared_waiter, db):
    seen = SimpleQueue()
    for name in "abc":
        shared_waiter.enter((LOW,), lambda _key, name=name: seen.put(name))
    armed(db)
    db.rpush(LOW, 1)
    assert [seen.get(timeout=TIMEOUT) for _ in range(3)] == ["a", "b", "c"]


def test_who_left_is_not_called(shared_waiter, db):
    seen = SimpleQueue()
    gone = shared_waiter.enter((LOW,), lambda _key: seen.put("gone"))
    shared_waiter.enter((LOW,), lambda _key: seen.put("here"))
    shared_waiter.leave(gone)
    db.rpush(LOW, 1)
    assert seen.get(timeout=TIMEOUT) == "here"
    assert seen.empty()


def test_each_is_called_for_its_own_queues(shared_waiter, db):
    seen = SimpleQueue()
    shared_waiter.enter((LOW,), lambda _key: seen.put("low"))
    shared_waiter.enter((HIGH, LOW), lambda _key: seen.put("high"))
    armed(db, 2)
    db.rpush(HIGH, 1)
    assert seen.get(timeout=TIMEOUT) == "high"
    assert seen.empty()


def test_a_job_that_came_while_nobody_waited_is_reported_to_the_next_one(shared_waiter, db):
    slot = ThreadWaiter(shared_waiter)
    db.rpush(LOW, 1)
    assert slot.wait_for_jobs((LOW,), LONG, LONG) is True
    assert slot.wait_for_jobs((LOW,), LONG, LONG) is True
    db.delete(LOW)


def test_a_slot_that_is_woken_returns_without_a_call(shared_waiter):
    slot = ThreadWaiter(shared_waiter)
    slot.wake()
    assert slot.wait_for_jobs((LOW,), LONG, LONG) is False
    assert len(shared_waiter.waits) == 0


def test_without_a_line_the_time_to_look_comes_after_its_seconds(shared_waiter):
    blind = SharedWaiter(None)
    assert ThreadWaiter(blind).wait_for_jobs((LOW,), 0.01, LONG) is True
    assert ThreadWaiter(blind).wait_for_jobs((LOW,), LONG, 0.01) is False
    assert ThreadWaiter(shared_waiter).wait_for_jobs((), 0.01, LONG) is True
    blind.close()


def test_a_slot_whose_line_is_armed_waits_beyond_the_time_to_look(shared_waiter, db):
    slot = ThreadWaiter(shared_waiter)
    waiting = threading.Thread(target=slot.wait_for_jobs, args=((LOW,), LONG, LONG))
    waiting.start()
    armed(db)
    slot.wake()
    waiting.join(TIMEOUT)
    assert slot.wait_for_jobs((LOW,), 0.01, 0.05) is False


@pytest.mark.process
def test_slots_that_can_no_longer_be_reached_are_called_to_look_by_themselves(tmp_path):
    server = RedisServer(tmp_path)
    driver = SyncDriver(server.url)
    shared_waiter = SharedWaiter(QueueWatch(driver.open_connection, SystemClock()))
    seen = SimpleQueue()
    try:
        shared_waiter.enter((LOW,), lambda _key: seen.put("first"))
        with server.client() as client:
            armed(client)
        eventually(lambda: shared_waiter.waits._could_watch, lambda heard: heard == {LOW})
        server.kill()
        assert seen.get(timeout=TIMEOUT) == "first"
        waiting = shared_waiter.enter((LOW,), lambda _key: seen.put("second"))
        assert not waiting.watched
        server.start()
        with server.client() as client:
            client.rpush(LOW, 1)
        assert seen.get(timeout=TIMEOUT) == "second"
    finally:
        shared_waiter.close()
        driver.close()
        server.kill()


def test_where_no_thread_can_be_started_jobs_are_polled_and_it_is_tried_again(
    monkeypatch, caplog, shared_waiter
):
    with monkeypatch.context() as none_left:
        none_left.setattr(threading.Thread, "start", no_thread)
        waits = [shared_waiter.enter((LOW,), lambda _key: None) for _ in range(2)]
        assert [waiting.watched for waiting in waits] == [False, False]
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        for waiting in waits:
            shared_waiter.leave(waiting)
    shared_waiter.leave(shared_waiter.enter((LOW,), lambda _key: None))
    assert shared_waiter._thread is not None


def no_thread(_thread):
    raise RuntimeError("can't start new thread")
