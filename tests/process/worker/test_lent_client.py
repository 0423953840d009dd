"""``resque.lend``: children use a client's connection that the fork server has opened; whatever a job does to it, no other job sees."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock, Mock

import pytest
import redis as redis_py
import redis.asyncio
import valkey
from redis.backoff import NoBackoff
from redis.retry import Retry

from pyresque import Resque
from pyresque.executor.fork.fast_path_process import ANSWERED
from tests.support.fork_worker import ForkWorker, kinds
from tests.support.queue_state import push
from tests.support.tls import Secured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pyresque.executor.fork.fast_path_handle import FastPathEnd
    from tests.support.redis_server import RedisServer

#: Jobs of a test: the first one is the worker's, the others are the fork server's.
JOBS = 8

#: The packages whose clients may be lent.
KINDS = [
    pytest.param(redis_py.Redis, id="redis-py"),
    pytest.param(valkey.Valkey, id="valkey-py"),
]


@pytest.fixture
def client(redis_url: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A client of database 2, which is the jobs' alone; of redis-py, if a test does not ask for another one."""
    made = getattr(request, "param", redis_py.Redis).from_url(f"{redis_url.rpartition('/')[0]}/2")
    made.flushdb()
    made.connection_pool.disconnect()
    yield made
    made.close()


@pytest.fixture
def lending(stage: Callable[..., ForkWorker], client: Any) -> ForkWorker:
    """A worker that lends the client."""
    one = stage()
    assert one.resque.lend(client) is client
    return one


def connections(db: redis_py.Redis) -> int:
    """How many connections Redis was sent so far."""
    return int(db.info("stats")["total_connections_received"])


def work(
    one: ForkWorker, db: redis_py.Redis, deed: Callable[[int], object], jobs: int = JOBS
) -> list[Any]:
    """Perform so many jobs that do that; returns what each of them noted."""

    def job(number: int) -> None:
        one.take_note(number, deed(number))

    one.resque.job("Work", queue="low")(job)
    for number in range(jobs):
        push(db, "Work", number)
    one.work()
    return [noted for _, noted in sorted(one.notes_taken())]


@pytest.mark.parametrize("client", KINDS, indirect=True)
def test_jobs_of_the_fast_path_use_the_one_connection(
    db: redis_py.Redis, lending: ForkWorker, client: Any, ends: list[FastPathEnd]
) -> None:
    noted = work(lending, db, lambda number: [client.incr("count"), client.client_id()])
    assert [count for count, _ in noted] == [*range(1, JOBS + 1)]
    assert len({used for _, used in noted[2:]}) == 1  # the first jobs are the worker's own
    assert kinds(ends) == [ANSWERED]


def test_a_job_that_does_not_use_the_client_asks_nothing_of_its_redis(
    db: redis_py.Redis, lending: ForkWorker, client: Any
) -> None:
    client.config_resetstat()
    work(lending, db, lambda number: number)
    assert db.info("commandstats").get("cmdstat_echo", {"calls": 0})["calls"] <= 3


def test_a_pool_may_be_lent_and_twice_is_once(
    db: redis_py.Redis, stage: Callable[..., ForkWorker], client: Any
) -> None:
    one = stage()
    pool = client.connection_pool
    assert one.resque.lend(pool) is pool
    one.resque.lend(client)
    assert len(one.resque.hooks.lent_pools) == 1
    noted = work(one, db, lambda number: [client.incr("count"), client.client_id()])
    assert [count for count, _ in noted] == [*range(1, JOBS + 1)]
    assert len({used for _, used in noted[2:]}) == 1


def test_a_warm_up_uses_it_too_and_leaves_nothing_open(
    db: redis_py.Redis, lending: ForkWorker, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    @lending.resque.warm_up
    def use() -> None:
        client.get("count")

    noted = work(lending, db, lambda number: client.incr("count"))
    assert noted == [*range(1, JOBS + 1)]
    assert "leaves" not in caplog.text


# -- what a job leaves in the connection


def own(client: Any) -> Any:
    """A connection of the client's pool."""
    try:
        return client.connection_pool.get_connection()
    except TypeError:  # before redis-py 5.3 it wants a name
        return client.connection_pool.get_connection("any")


def another_database(client: Any) -> None:
    client.execute_command("SELECT", 3)


def a_transaction(client: Any) -> None:
    client.execute_command("MULTI")


def a_watch(client: Any) -> None:
    client.execute_command("WATCH", "count")


def a_name(client: Any) -> None:
    client.client_setname("mine")


def no_replies(client: Any) -> None:
    connection = own(client)
    connection.send_command("CLIENT", "REPLY", "OFF")
    client.connection_pool.release(connection)


def a_subscription(client: Any) -> None:
    listening = client.pubsub()
    listening.subscribe("news")
    listening.get_message(timeout=5)


def a_closed_subscription(client: Any) -> None:
    listening = client.pubsub()
    listening.subscribe("news")
    listening.close()


def an_unread_reply(client: Any) -> None:
    connection = own(client)
    connection.send_command("SET", "secret", "of another job")
    connection.send_command("GET", "secret")
    connection.read_response()
    client.connection_pool.release(connection)


def an_unread_state(client: Any) -> None:
    connection = own(client)
    connection.send_command("CLIENT", "INFO")
    client.connection_pool.release(connection)


def a_reply_to_come(client: Any) -> None:
    connection = own(client)
    connection.send_command("BLPOP", "nothing", 30)
    client.connection_pool.release(connection)


def half_a_command(client: Any) -> None:
    connection = own(client)
    connection.send_packed_command([b"*2\r\n$3\r\nGET\r\n$1000\r\n"])
    client.connection_pool.release(connection)


def a_pipeline(client: Any) -> None:
    pipeline = client.pipeline()
    pipeline.watch("count")
    pipeline.multi()
    pipeline.get("count")


def no_connection(client: Any) -> None:
    client.connection_pool.disconnect()
    client.close()


def a_cut(client: Any) -> None:
    connection = own(client)
    connection.disconnect()
    client.connection_pool.release(connection)


def a_shutdown(client: Any) -> None:
    connection = own(client)
    connection._sock.shutdown(2)
    client.connection_pool.release(connection)


def a_kill(client: Any) -> None:
    with suppress(redis_py.RedisError, valkey.ValkeyError):
        client.execute_command("CLIENT", "KILL", "ID", client.client_id(), "SKIPME", "no")


def closed_descriptors(client: Any) -> None:
    os.closerange(3, 64)


def files_in_its_place(client: Any) -> None:
    os.closerange(3, 64)
    for _ in range(60):
        os.open(os.devnull, os.O_RDWR)


def an_error(client: Any) -> None:
    with suppress(Exception):
        client.lpush("count", 1)


def a_thread(client: Any) -> None:
    threads = [threading.Thread(target=client.get, args=("count",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def a_thread_that_goes_on(client: Any) -> None:
    """One that has the connection when its job ends, and one that takes it then."""
    started = threading.Event()

    def go_on() -> None:
        with suppress(Exception):
            connection = own(client)
            started.set()
            connection.send_command("BLPOP", "nothing", 30)
            connection.read_response()

    threading.Thread(target=go_on, daemon=True).start()
    started.wait(60)


def a_copy(client: Any) -> None:
    pid = os.fork()
    if not pid:
        client.get("count")
        os._exit(0)
    os.waitpid(pid, 0)


def a_copy_that_goes_on(client: Any) -> None:
    """One that has the connection in hand, as this process has; it goes on while the next job works."""
    pipeline = client.pipeline()
    pipeline.watch("count")
    if not os.fork():
        until = time.monotonic() + 1
        with suppress(redis_py.RedisError):
            while time.monotonic() < until:
                time.sleep(0.01)
                pipeline.get("count")
        os._exit(0)
    pipeline.reset()


def a_program(client: Any) -> None:
    script = "import os; [os.fstat(n) and os.write(n, b'QUIT\\r\\n') for n in range(3, 64) if os.path.exists(f'/proc/self/fd/{n}') and os.readlink(f'/proc/self/fd/{n}').startswith('socket:')]"
    subprocess.run([sys.executable, "-c", script], close_fds=False, check=False)


DEEDS = [
    another_database,
    a_transaction,
    a_watch,
    a_name,
    no_replies,
    a_subscription,
    a_closed_subscription,
    an_unread_reply,
    an_unread_state,
    a_reply_to_come,
    half_a_command,
    a_pipeline,
    no_connection,
    a_cut,
    a_shutdown,
    a_kill,
    closed_descriptors,
    files_in_its_place,
    an_error,
    a_thread,
    a_thread_that_goes_on,
    a_copy,
    a_copy_that_goes_on,
    a_program,
]


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)
def test_what_a_job_leaves_in_the_connection_no_other_job_sees(
    db: redis_py.Redis,
    lending: ForkWorker,
    client: Any,
    deed: Callable[[Any], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pyresque.executor.fork.fast_path_handle.FEW", 0)

    def job(number: int) -> object:
        answers = [
            client.incr("count"),
            *client.pipeline().set(f"key:{number}", number).execute(),
            int(client.get(f"key:{number}") or -1),
            client.client_getname() or None,
        ]
        if number % 2:
            deed(client)
        return answers

    noted = work(lending, db, job, jobs=5)
    assert noted == [[number + 1, True, number, None] for number in range(5)]
    assert db.get("resque:stat:processed") == b"5"
    assert db.llen("resque:failed") == 0


@pytest.mark.parametrize("client", KINDS, indirect=True)
@pytest.mark.parametrize("how", ["killed", "interrupted", "failed"])
def test_a_job_that_ends_amid_a_command_leaves_nothing_to_the_next(
    db: redis_py.Redis, lending: ForkWorker, client: Any, how: str
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyError

    def job(number: int) -> object:
        answer = client.incr("count")
        if number % 3 == 2:
            if how == "killed":
                threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
            if how == "failed":
                raise ValueError(number)
            signal.signal(signal.SIGALRM, interrupt)
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with suppress(KeyError):
                client.blpop("nothing", 30)
        return answer

    noted = work(lending, db, job)
    wrong = 0 if how == "interrupted" else 2
    expected = [number + 1 for number in range(JOBS) if not wrong or number % 3 != 2]
    assert noted == expected
    assert db.get("resque:stat:processed") == b"%d" % JOBS
    assert db.llen("resque:failed") == wrong


# -- where nothing can be lent


def test_a_redis_that_is_away_is_the_jobs_matter(
    db: redis_py.Redis, stage: Callable[..., ForkWorker], caplog: pytest.LogCaptureFixture
) -> None:
    one = stage()
    client = redis_py.Redis(port=1, retry=Retry(NoBackoff(), 0))
    one.resque.lend(client)

    def job(number: int) -> object:
        try:
            client.ping()
        except redis_py.ConnectionError:
            return "away"
        return None

    assert work(one, db, job) == ["away"] * JOBS
    assert (
        "resque.lend: each child opens a connection of its own, because the client of localhost:1 raised ConnectionError: Error 111"
        in caplog.text
    )
    assert caplog.text.count("resque.lend") == 1


def test_a_user_who_may_not_ask_has_a_connection_for_each_child(
    db: redis_py.Redis,
    redis_url: str,
    stage: Callable[..., ForkWorker],
    caplog: pytest.LogCaptureFixture,
) -> None:
    db.acl_setuser("few", enabled=True, passwords=["+few"], keys=["*"], commands=["+incrby"])
    try:
        one = stage()
        host = redis_url.partition("://")[2]
        client = redis_py.Redis.from_url(f"redis://few:few@{host}")
        one.resque.lend(client)
        assert work(one, db, lambda number: client.incr("count")) == [*range(1, JOBS + 1)]
        assert (
            "may not be asked for UNWATCH, CLIENT INFO and ECHO (of an ACL: +unwatch +client|info +echo)"
            in caplog.text
        )
    finally:
        db.acl_deluser("few")
        db.delete("count")


def test_a_connection_with_tls_is_each_childs_own(
    db: redis_py.Redis,
    redis_server: RedisServer,
    papers: Path,
    stage: Callable[..., ForkWorker],
    caplog: pytest.LogCaptureFixture,
) -> None:
    secured = Secured(redis_server.port, papers)
    one = stage()
    client = redis_py.Redis(
        "localhost", secured.port, ssl=True, ssl_ca_certs=str(papers / "ca.pem")
    )
    one.resque.lend(client)
    try:
        assert work(one, db, lambda number: client.incr("count")) == [*range(1, JOBS + 1)]
    finally:
        secured.close()
    assert "has no plain socket (two processes cannot speak TLS on one)" in caplog.text


@pytest.mark.parametrize(
    "settings",
    [{"jobs_per_child": 3}, {"fork_ahead": "always"}],
    ids=["jobs_per_child", "fork_ahead"],
)
def test_elsewhere_the_client_is_what_it_was(
    db: redis_py.Redis, stage: Callable[..., ForkWorker], client: Any, settings: dict[str, Any]
) -> None:
    one = stage(**settings)
    one.resque.lend(client)
    assert work(one, db, lambda number: client.incr("count")) == [*range(1, JOBS + 1)]


class Slotted:
    """A pool whose class has slots."""

    __slots__ = ()
    connection_class = redis.Connection

    def get_connection(self, *_: Any) -> None:
        """Hand out a connection."""

    def release(self, _: Any) -> None:
        """Take it back."""


@dataclass(frozen=True)
class Frozen:
    """A pool that cannot be changed."""

    connection_class: type

    def get_connection(self, *_: Any) -> None:
        """Hand out a connection."""

    def release(self, _: Any) -> None:
        """Take it back."""


def test_what_has_no_pool_to_lend_from_is_refused() -> None:
    resque = Resque("redis://127.0.0.1:1/0")
    for wrong, text in (
        (5, "type int has no connection pool of redis-py or valkey-py: give a client"),
        (None, "type NoneType has no connection pool"),
        (MagicMock(), "type MagicMock has no connection pool"),
        (MagicMock().connection_pool, "type MagicMock has no connection pool"),
        (Mock(spec=redis.Redis), "type Mock has no connection pool"),
        (Slotted(), "type Slotted, whose get_connection and release cannot be replaced"),
        (Frozen(redis.Connection), "type Frozen, whose get_connection and release cannot be"),
        (resque.redis, "what is Resque's own needs no lending"),
        (redis.asyncio.Redis(), "a client of asyncio"),
        (redis.asyncio.Redis().connection_pool, "a client of asyncio"),
    ):
        with pytest.raises(TypeError, match=text):
            resque.lend(wrong)
    resque.close()


@pytest.mark.parametrize("client", KINDS, indirect=True)
def test_outside_a_child_the_pool_is_what_it_was(client: Any) -> None:
    resque = Resque("redis://127.0.0.1:1/0")
    resque.lend(client)
    assert [client.incr("count") for _ in range(3)] == [1, 2, 3]
    assert len({client.client_id() for _ in range(3)}) == 1
    with client.pipeline() as pipeline:
        pipeline.incr("count").incr("count")
        assert pipeline.execute() == [4, 5]
    resque.close()


# -- a client that is lent too late, or by a worker that can lend nothing


@pytest.mark.parametrize(
    ("settings", "hooked", "why"),
    [
        (
            {"jobs_per_child": 3},
            False,
            "its children perform several jobs each",
        ),
        ({"fork_ahead": "always"}, False, "its children are forked ahead"),
        ({"run_at_exit_hooks": True}, False, "its children call atexit functions"),
        ({}, True, "it has before_fork hooks"),
        ({"codec": "msgpack"}, False, "its queues are patterns, or its payloads are MessagePack"),
    ],
    ids=["jobs_per_child", "fork_ahead", "at_exit", "before_fork", "msgpack"],
)
def test_a_worker_that_can_lend_nothing_says_so_at_its_start(
    stage: Callable[..., ForkWorker],
    client: Any,
    caplog: pytest.LogCaptureFixture,
    settings: dict[str, Any],
    hooked: bool,
    why: str,
) -> None:
    one = stage(**settings)
    if hooked:
        one.resque.before_fork(lambda job: None)
    one.resque.lend(client)
    one.work()
    assert f"resque.lend: this worker lends no connection, because {why}" in caplog.text


def test_so_does_one_with_patterns_of_queues(
    stage: Callable[..., ForkWorker], client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    one = stage()
    one.resque.lend(client)
    one.work("lo*")
    assert "lends no connection, because its queues are patterns" in caplog.text


def test_a_client_that_a_job_lends_is_lent_too_late(
    db: redis_py.Redis,
    stage: Callable[..., ForkWorker],
    client: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = stage()

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            one.notes.rpush("logged", record.getMessage())

    monkeypatch.setattr(logging.getLogger("pyresque"), "handlers", [Noting()])

    def job(number: int) -> object:
        one.resque.lend(client)
        return client.incr("count")

    assert work(one, db, job) == [*range(1, JOBS + 1)]
    logged = {line.decode() for line in one.notes.lrange("logged", 0, -1)}
    assert [line for line in logged if "called in a forked child, which is too late" in line]


def test_a_client_that_a_warm_up_lends_is_lent_too_late(
    db: redis_py.Redis,
    stage: Callable[..., ForkWorker],
    client: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = stage()

    @one.resque.warm_up
    def lend() -> None:
        one.resque.lend(client)

    assert work(one, db, lambda number: client.incr("count")) == [*range(1, JOBS + 1)]
    assert caplog.text.count("resque.lend was called by a function of @resque.warm_up") == 1


def test_functions_of_children_use_the_lent_connection(
    db: redis_py.Redis, lending: ForkWorker, client: Any
) -> None:
    @lending.resque.warm_up(in_child=True)
    def begin() -> None:
        client.ping()

    noted = work(lending, db, lambda number: client.client_id())
    assert len(set(noted[2:])) == 1


def test_a_warm_up_of_a_client_that_cannot_be_lent_leaves_nothing_open(
    db: redis_py.Redis,
    redis_url: str,
    stage: Callable[..., ForkWorker],
    caplog: pytest.LogCaptureFixture,
) -> None:
    db.acl_setuser("few", enabled=True, passwords=["+few"], keys=["*"], commands=["+get"])
    one = stage()
    client = redis_py.Redis.from_url(f"redis://few:few@{redis_url.partition('://')[2]}")
    one.resque.lend(client)
    one.resque.warm_up(lambda: client.get("count"))
    try:
        assert work(one, db, lambda number: client.get("count")) == [None] * JOBS
    finally:
        db.acl_deluser("few")
    assert "may not be asked" in caplog.text
    assert "few" not in caplog.text
    assert "leaves" not in caplog.text
