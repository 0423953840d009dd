from __future__ import annotations

import os
import resource
import threading
from contextlib import closing, contextmanager
from queue import SimpleQueue

import pytest
import redis

from pyresque.clock import SystemClock
from pyresque.driver.sync import SyncDriver
from pyresque.process.host.queue_watch import QueueWatch
from pyresque.process.host.waiter import Waiter, ready
from pyresque.store.keys import Keys
from pyresque.store.waiting import WATCHERS, WaitingTable
from tests.support.eventually import TIMEOUT, eventually
from tests.support.proxy import Proxy
from tests.support.redis_server import RedisServer, waits_begun

LOW, HIGH = "resque:queue:low", "resque:queue:high"
LONG = 3600.0


class Pipe:
    """A wake-up pipe, and waits in a thread of their own."""

    def __init__(self):
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)

    def signal(self):
        os.write(self.writing, b"\0")

    def close(self):
        os.close(self.reading)
        os.close(self.writing)


class Waiting:
    """A wait that goes on in a thread."""

    def __init__(self, waiter, *args):
        self.answers = []
        self.thread = threading.Thread(target=lambda: self.answers.append(waiter.wait(*args)))
        self.thread.start()

    def end(self):
        self.thread.join(TIMEOUT)
        assert not self.thread.is_alive(), "it waits still"
        return self.answers[0]


@pytest.fixture
def pipe():
    with closing(Pipe()) as made:
        yield made


@contextmanager
def waiting_at(url, pipe):
    driver = SyncDriver(url)
    lines = QueueWatch(driver.open_connection, SystemClock())
    try:
        yield Waiter(pipe.reading, lines)
    finally:
        lines.close()
        driver.close()


@pytest.fixture
def waiter(redis_url, pipe):
    with waiting_at(redis_url, pipe) as made:
        yield made


def armed(client, count=1):
    eventually(lambda: client.info("clients")["blocked_clients"], lambda seen: seen == count)


def test_a_job_in_any_of_the_queues_ends_the_wait(waiter, db):
    for queue in (LOW, HIGH):
        wait = Waiting(waiter, (LOW, HIGH), LONG, LONG)
        armed(db, 2)
        db.rpush(queue, "job")
        assert wait.end() is True
        assert db.lpop(queue) == b"job"


def test_a_job_that_came_before_the_wait_ends_it(waiter, db):
    db.rpush(LOW, "job")
    assert waiter.wait((LOW, HIGH), LONG, LONG) is True


def test_a_signal_ends_the_wait_and_the_line_stays_armed(waiter, db, pipe):
    db.config_resetstat()
    for _ in range(3):
        wait = Waiting(waiter, (LOW,), LONG, LONG)
        armed(db)
        pipe.signal()
        assert wait.end() is False
    assert waits_begun(db) == 1
    assert ready([pipe.reading], 0) == []


def test_a_job_that_was_reported_while_the_worker_was_busy_costs_one_question_and_no_spin(
    waiter, db
):
    db.config_resetstat()
    assert waiter.wait((LOW,), LONG, 0.01) is False
    db.rpush(LOW, "job")
    db.lpop(LOW)
    eventually(lambda: db.info("clients")["blocked_clients"], lambda seen: seen == 0)
    assert waiter.wait((LOW,), LONG, 0.05) is False
    assert waits_begun(db) == 2


def test_with_all_lines_armed_the_time_to_look_does_not_come(waiter):
    assert waiter.wait((LOW,), 0.01, 0.1) is False


def test_with_a_key_of_another_type_it_comes(waiter, db, caplog):
    db.set(LOW, "no list")
    for _ in range(3):
        assert waiter.wait((LOW, HIGH), 0.01, LONG) is True
    assert caplog.text.count("looked for at intervals") == 1
    db.rpush(HIGH, "job")
    assert waiter.wait((LOW, HIGH), LONG, LONG) is True


def test_without_lines_or_queues_it_comes(waiter, pipe):
    assert Waiter(pipe.reading, None).wait((LOW,), 0.01, LONG) is True
    assert Waiter(pipe.reading, None).wait((LOW,), LONG, 0.01) is False
    assert waiter.wait((), 0.01, LONG) is True
    pipe.signal()
    assert waiter.wait((), LONG, LONG) is False
    pipe.signal()
    assert Waiter(pipe.reading, None).wait((LOW,), LONG, LONG) is False


@pytest.mark.process
def test_a_server_that_died_and_is_back_is_heard_again_within_the_same_wait(tmp_path, pipe):
    server = RedisServer(tmp_path)
    with waiting_at(server.url, pipe) as waiter:
        wait = Waiting(waiter, (LOW,), LONG, LONG)
        with server.client() as client:
            armed(client)
        server.kill()
        server.start()
        with server.client() as client:
            client.rpush(LOW, "job")
            assert wait.end() is True
        server.kill()
        assert waiter.wait((LOW,), 0.01, LONG) is True


def test_a_peer_that_fell_silent_is_noticed_and_another_connection_waits_on(
    redis_server, redis_url, db, pipe
):
    """A half-open connection: nothing is refused, and nothing ever comes."""
    heal = threading.Event()
    calls = []

    def silent(request):
        if b"BLMOVE" in request:
            calls.append(request)
            if len(calls) == 1:
                heal.wait(TIMEOUT)

    with Proxy(redis_server.port, silent) as proxy:
        driver = SyncDriver(proxy.url)
        lines = QueueWatch(driver.open_connection, SystemClock(), wait=0.1, grace=0.2)
        wait = Waiting(Waiter(pipe.reading, lines), (LOW,), LONG, LONG)
        eventually(lambda: len(calls), lambda count: count > 1)
        db.rpush(LOW, "job")
        assert wait.end() is True
        heal.set()
        lines.close()
        driver.close()


def test_twenty_waiting_workers_are_woken_once_each_by_one_job(redis_url, db, pipe):
    count = 20
    db.config_resetstat()
    driver = SyncDriver(redis_url)
    pipes = [Pipe() for _ in range(count)]
    waiters = [
        Waiter(one.reading, QueueWatch(driver.open_connection, SystemClock())) for one in pipes
    ]
    waits = [Waiting(waiter, (LOW,), LONG, LONG) for waiter in waiters]
    armed(db, count)
    db.rpush(LOW, "job")
    assert [wait.end() for wait in waits] == [True] * count
    assert waits_begun(db) == count
    assert db.lpop(LOW) == b"job"
    waits = [Waiting(waiter, (LOW,), LONG, LONG) for waiter in waiters]
    armed(db, count)
    for one in pipes:
        one.signal()
    assert [wait.end() for wait in waits] == [False] * count
    assert waits_begun(db) == 2 * count
    for one, waiter in zip(pipes, waiters, strict=True):
        waiter.watch.close()
        one.close()
    driver.close()


class Fleet:
    """Many workers of one queue, each in a thread with connections of its own. One that gets a job performs it to the end."""

    def __init__(self, url, count):
        self.driver = SyncDriver(url)
        self.pipes = [Pipe() for _ in range(count)]
        self.watches = [
            QueueWatch(
                self.driver.open_connection,
                SystemClock(),
                waiting=WaitingTable(Keys(), f"m{number}"),
            )
            for number in range(count)
        ]
        self.woken, self.jobs, self.ended = SimpleQueue(), SimpleQueue(), threading.Event()
        self.threads = [
            threading.Thread(target=self.live, args=(number, url)) for number in range(count)
        ]
        for thread in self.threads:
            thread.start()

    def live(self, number, url):
        waiter = Waiter(self.pipes[number].reading, self.watches[number])
        with redis.Redis.from_url(url) as client:
            while waiter.wait((LOW,), LONG, LONG):
                self.woken.put(number)
                job = client.lpop(LOW)
                if job is not None:
                    self.watches[number].leave()
                    self.jobs.put((int(job), number))
                    self.ended.wait()
                    return

    def taken(self, count):
        return [self.jobs.get(timeout=TIMEOUT) for _ in range(count)]

    def end(self):
        self.ended.set()
        for pipe in self.pipes:
            pipe.signal()
        for thread, pipe, watch in zip(self.threads, self.pipes, self.watches, strict=True):
            thread.join(TIMEOUT)
            assert not thread.is_alive()
            watch.close()
            pipe.close()
        self.driver.close()


FLEET = 60


@pytest.fixture
def fleet(redis_url, db):
    db.sadd("resque:workers", *(f"h:{number}:low" for number in range(FLEET)))
    made = Fleet(redis_url, FLEET)
    armed(db, FLEET)
    yield made
    made.end()


def test_of_many_that_wait_one_job_wakes_a_few_and_costs_a_few_commands(fleet, db):
    before = waits_begun(db), waits_begun(db, "blpop")
    for job in range(5):
        db.rpush(LOW, job)
        assert fleet.taken(1)[0][0] == job
        armed(db, FLEET - 1 - job)
    woken = [fleet.woken.get() for _ in range(fleet.woken.qsize())]
    assert 5 <= len(woken) <= 5 * WATCHERS
    assert waits_begun(db) - before[0] <= 5 * 2 * WATCHERS
    assert waits_begun(db, "blpop") - before[1] <= 5 * WATCHERS


def test_jobs_that_come_at_once_wake_as_many_as_there_are_jobs(fleet, db):
    db.rpush(LOW, *range(FLEET - 10))
    taken = fleet.taken(FLEET - 10)
    assert sorted(job for job, _ in taken) == list(range(FLEET - 10))
    assert len({number for _, number in taken}) == FLEET - 10
    db.rpush(LOW, *range(10))
    assert sorted(job for job, _ in fleet.taken(10)) == list(range(10))


def test_watchers_that_die_are_followed_by_others(fleet, db):
    """Their places end after some seconds; until then a worker finds jobs when it looks by itself."""
    places = Keys().watchers(LOW)
    for member in db.zrange(places, 0, -1):
        number = int(member[1:])
        fleet.pipes[number].signal()
        fleet.threads[number].join(TIMEOUT)
        fleet.watches[number].close()
    db.delete(places)  # as if their seconds were over
    db.rpush(Keys().wait_calls(LOW), "watch")
    db.rpush(LOW, 7)
    assert fleet.taken(1)[0][0] == 7


def test_sockets_beyond_the_reach_of_select_are_watched(waiter, db):
    """A process with over a thousand open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2048:
        pytest.skip("this system allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        wait = Waiting(waiter, (LOW,), LONG, LONG)
        armed(db)
        assert waiter.watch.watched((LOW,))[0] > 1024
        db.rpush(LOW, "job")
        assert wait.end() is True
    finally:
        for file in files:
            os.close(file)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
