"""A forking worker that works in the test's own process, and whose jobs note what they did."""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import redis as redis_py

from pyresque import Resque, TermException
from pyresque.executor.fork.fast_path_process import WORKING
from pyresque.process.host.posix import PosixHost
from pyresque.process.run.worker import build_worker
from pyresque.process.worker.idle import Interval
from pyresque.process.worker.queue_list import QueueList
from tests.support.eventually import eventually
from tests.support.queue_state import push
from tests.support.redis_server import redis_client

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from pyresque.executor.fork.fast_path_handle import FastPathEnd
    from pyresque.process.worker.worker import Worker

BURST = Interval.between(0.0)

#: A key beside the jobs that is there while a job is a long one.
LONG = "long"


def beside_the_jobs(url: str) -> redis.Redis:
    """The next database of that server."""
    return redis_client(f"{url.rpartition('/')[0]}/1")


class ForkWorker:
    """A worker that forks. Its jobs note what they did in database 1, so that database 0 can be compared."""

    def __init__(self, url: str, notes: redis.Redis, **settings: Any) -> None:
        self.resque = Resque(url, executor="fork", **settings)
        self.notes = notes
        self.posix = PosixHost()
        self.worker: Worker | None = None
        for name in ("Note", "Fail", "Later", "Vanish", "Hold", "Load", "Print", "Me"):
            self.resque.job(name, queue="low")(getattr(self, name.lower()))

    def take_note(self, *words: Any) -> None:
        self.notes.rpush("notes", json.dumps(words))

    def notes_taken(self) -> list[Any]:
        return [json.loads(one) for one in self.notes.lrange("notes", 0, -1)]

    def note(self, *args: Any) -> None:
        self.take_note(*args)

    def fail(self, word: str) -> None:
        raise ValueError(word)

    async def later(self, *args: Any) -> None:
        self.take_note("later", *args)

    def vanish(self, status: int) -> None:
        os._exit(status)

    def be_long(self) -> None:
        """Let the worker see that this job is a long one."""
        self.notes.set(LONG, 1)

    def wait_for_release(self) -> None:
        """A long job's: wait until it is let go."""
        self.be_long()
        assert self.notes.blpop("release", 60)
        self.notes.delete(LONG)

    def hold(self, word: str) -> None:
        try:
            self.take_note("holding", word)  # TERM may come as soon as this is read
            self.wait_for_release()
        except TermException:
            self.take_note("terminated", word)
            raise
        self.take_note("held", word)

    def load(self, module: str) -> None:
        self.take_note(module, module in sys.modules)
        __import__(module)

    def print(self, word: str) -> None:
        print(word)

    def me(self, key: str) -> None:
        with redis_py.Redis.from_url(self.resque.settings.url) as db:
            self.take_note(os.getpid(), os.getppid(), (db.get(key) or b"").decode())

    def prepare(self, *queues: str) -> Worker:
        """The worker, before it works."""
        self.worker = build_worker(self.resque, QueueList.parse(queues or ("low",)), self.posix)
        return self.worker

    def go(self) -> None:
        """Let it work until every queue is empty."""
        assert self.worker is not None
        with self.resque as resque, self.posix.hearing(self.worker):
            resque.run(self.worker.work(BURST))

    def work(self, *queues: str) -> Worker:
        """Prepare the worker and let it work."""
        worker = self.prepare(*queues)
        self.go()
        return worker


def kinds(ends: list[FastPathEnd]) -> list[str]:
    return [end.kind for end in ends]


def notes(db: redis.Redis, count: int) -> None:
    """Short jobs that note their numbers."""
    for number in range(count):
        push(db, "Note", number)


def short_jobs_then_one_that_holds(db: redis.Redis) -> None:
    """Three short ones, so that the fast path begins, and one that ends when it is let go."""
    notes(db, 3)
    push(db, "Hold", "it")


def beside(deed: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=deed, daemon=True)
    thread.start()
    return thread


def after(one: ForkWorker, count: int, deed: Callable[[], None]) -> threading.Thread:
    """Do it when jobs have taken so many notes."""

    def wait() -> None:
        # A client of its own: a lock of the jobs' client that this thread holds while a child is forked would never be free there.
        with beside_the_jobs(one.resque.settings.url) as notes:
            eventually(lambda: notes.llen("notes") >= count)
        deed()

    return beside(wait)


def release_when_the_worker_watches(
    one: ForkWorker, ends: list[FastPathEnd], count: int, jobs: int = 1
) -> threading.Thread:
    """When so many notes are taken, and the worker has called the fast path back and watches a job: let so many jobs end that hold."""

    def deed() -> None:
        eventually(lambda: WORKING in kinds(ends))
        one.notes.rpush("release", *range(jobs))

    return after(one, count, deed)


def server_of(one: ForkWorker) -> int:
    assert one.worker is not None
    return one.worker.executor.server.pid  # type: ignore[attr-defined]
