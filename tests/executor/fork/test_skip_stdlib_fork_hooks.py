"""Children of the fork server do without Python's clean-up after threads; nobody must be able to notice."""

from __future__ import annotations

import logging
import os
import random
import threading

import pytest

from pyresque.executor.fork.cheap_fork import skip_stdlib_fork_hooks
from pyresque.executor.fork.child_process import ChildOptions
from pyresque.executor.fork.server_handle import ServerHandle
from pyresque.executor.fork.shared_page import SharedPage
from tests.support.children import next_child, outcome_of


@pytest.fixture
def tell(wakeup):
    """What a job tells by the error it raises, in children of one server."""
    servers = []

    def ask(job, times=1):
        def attempt(_queue, _raw):
            raise ValueError(repr(job()))

        server = ServerHandle(attempt, ChildOptions(), SharedPage(), lambda: None)
        servers.append(server)
        answers = []
        for _ in range(times):
            child = next_child(server)
            child.send_job("low", b"", last=True)
            answers.append(outcome_of(child, wakeup).report.error)
            server.release(child)
        return answers

    yield ask
    for server in servers:
        server.close()


def names_of_threads():
    return sorted(thread.name for thread in threading.enumerate())


def test_a_job_finds_its_thread_to_be_the_main_one_and_the_only_one(tell):
    def job():
        main = threading.main_thread() is threading.current_thread()
        return main, names_of_threads(), threading.active_count()

    assert tell(job) == ["(True, ['MainThread'], 1)"]


def test_a_job_may_have_threads_that_log(tell):
    def job():
        heard = []
        handler = logging.Handler()
        handler.emit = lambda record: heard.append(record.getMessage())
        logger = logging.getLogger("threads")
        logger.addHandler(handler)
        logging.getLogger(f"new {os.getpid()}")  # takes the module's lock
        threads = [threading.Thread(target=logger.error, args=(f"{n}",)) for n in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(heard), names_of_threads()

    assert tell(job) == ["(['0', '1', '2', '3', '4'], ['MainThread'])"]


def test_a_job_that_has_threads_may_fork(tell):
    """Python cleans up after the threads as ever: a process that waited for one of them would never end."""

    def job():
        going_on = threading.Event()
        thread = threading.Thread(target=going_on.wait, name="left behind")
        thread.start()
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(writing, repr(names_of_threads()).encode())
            os._exit(0)
        os.waitpid(pid, 0)
        going_on.set()
        thread.join()
        return os.read(reading, 1000).decode()

    assert tell(job) == [repr("['MainThread']")]


def test_hooks_of_others_run_in_every_child(tell):
    """Such as the one that gives each process random numbers of its own."""
    assert len(set(tell(random.random, times=3))) == 3


def test_this_process_forks_as_ever():
    before = threading._after_fork.__code__, logging._after_at_fork_child_reinit_locks.__code__
    server = ServerHandle(lambda _queue, _raw: None, ChildOptions(), SharedPage(), lambda: None)
    server.release(next_child(server))
    server.close()
    after = threading._after_fork.__code__, logging._after_at_fork_child_reinit_locks.__code__
    assert after == before


def test_a_process_with_more_threads_than_one_is_left_as_it_is():
    going_on = threading.Event()
    thread = threading.Thread(target=going_on.wait)
    thread.start()
    code = threading._after_fork.__code__
    try:
        skip_stdlib_fork_hooks()
        assert threading._after_fork.__code__ is code
    finally:
        going_on.set()
        thread.join()


def test_what_a_job_forks_does_all_that_python_does(tell):
    def job():
        lock = logging.Handler().lock
        lock.acquire()
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(writing, b"free" if lock.acquire(blocking=False) else b"held")
            os._exit(0)
        os.waitpid(pid, 0)
        return os.read(reading, 10)

    def other_thread_holds():
        handler, held, over = logging.Handler(), threading.Event(), threading.Event()

        def hold():
            with handler.lock:
                held.set()
                over.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(writing, b"free" if handler.lock.acquire(timeout=1) else b"held")
            os._exit(0)
        os.waitpid(pid, 0)
        over.set()
        thread.join()
        return os.read(reading, 10)

    assert tell(job) == ["b'free'"]
    assert tell(other_thread_holds) == ["b'free'"]
