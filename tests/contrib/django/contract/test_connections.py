"""Database connections in a worker: closed around each job, never shared by a fork."""

import asyncio
import os

import pytest
from django.db import connection, connections, transaction
from shop import models, tasks

from pyresque.contrib.django import app, resque
from pyresque.contrib.django.connections import database_connections

assert app.resque is resque  # as -A imports it: the middleware is there


@pytest.mark.parametrize("executor", ["inline", "thread", "async", "fork"])
def test_jobs_use_the_database_with_every_executor(work, executor):
    for name in ("a", "b", "c"):
        resque.enqueue("Plain", name)
        resque.enqueue("Awaiting", name.upper())
    work(executor)
    assert resque.failures.count() == 0
    names = models.Order.objects.values_list("name", flat=True)
    assert sorted(names) == ["A", "B", "C", "a", "b", "c"]


@pytest.fixture
def closed(monkeypatch):
    """Which connections were closed, by the names of the threads."""
    import threading

    from django.db.backends.base.base import BaseDatabaseWrapper

    found = []
    close = BaseDatabaseWrapper.close

    def noting(self):
        if self.connection is not None:
            found.append(threading.current_thread().name)
        close(self)

    monkeypatch.setattr(BaseDatabaseWrapper, "close", noting)
    return found


@pytest.mark.parametrize("executor", ["inline", "thread", "async"])
@pytest.mark.parametrize("job", ["Plain", "Awaiting"])
def test_a_connection_is_closed_in_its_thread_after_the_job(work, closed, executor, job):
    connections.close_all()
    closed.clear()
    resque.enqueue(job, "x")
    work(executor)
    assert tasks.seen == ["x"]
    assert len(closed) == 1
    if job == "Awaiting":
        assert closed[0].startswith("ThreadPoolExecutor")
    else:
        assert not closed[0].startswith("ThreadPoolExecutor")


def test_a_connection_that_may_be_kept_is_kept(closed, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", None)
    connections.close_all()
    closed.clear()
    around(models.Order.objects.count)
    kept = connection.connection
    assert kept is not None
    around(models.Order.objects.count)
    assert connection.connection is kept
    assert closed == []


def test_a_connection_that_is_too_old_is_closed_before_the_job(monkeypatch):
    models.Order.objects.count()
    old = connection.connection
    monkeypatch.setattr(connection, "close_at", 0.0)
    around(lambda: None)
    assert connection.connection is not old


def around(work):
    """Perform what a job does inside the middleware."""
    resque.configure(executor="inline")
    database_connections(resque, lambda _: work() or True, None)


def test_a_fork_shares_no_connection():
    models.Order.objects.count()
    assert connection.connection is not None
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            models.Order.objects.create(name="child")
            os.write(writer, b"ok" if connection.connection is not None else b"no")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 2) == b"ok"
    assert connection.connection is None  # closed before the fork
    assert models.Order.objects.get().name == "child"


def test_a_job_that_forks_in_a_transaction_goes_on_in_it():
    with transaction.atomic():
        models.Order.objects.create(name="parent")
        mine = connection.connection
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(writer, b"ok" if connection.connection is None else b"no")
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reader, 2) == b"ok"
        assert connection.connection is mine
    assert models.Order.objects.get().name == "parent"


def test_async_jobs_of_a_child_have_a_thread_of_their_own(work):
    asyncio.run(count())  # this process has asgiref's thread, which no fork copies
    resque.enqueue("Awaiting", "x")
    work("fork")
    assert resque.failures.count() == 0
    assert models.Order.objects.get().name == "x"


async def count():
    return await models.Order.objects.acount()
