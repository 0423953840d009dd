"""One suite for both drivers: what an operation sees must not depend on who carries it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pyresque.driver.aio import AsyncDriver
from pyresque.driver.sync import SyncDriver
from pyresque.errors import ConnectError, RedisCommandError, RedisUnavailable, ScriptMissing
from pyresque.ops import Around, Batch, Call, Command, Sleep, Spawn, elsewhere
from pyresque.store.scripts import script
from tests.support.eventually import eventually
from tests.support.redis_server import free_port


class Blocking:
    """SyncDriver, awaited as the other one is."""

    def __init__(self, url: str) -> None:
        self.driver = SyncDriver(url)
        self.thread = ThreadPoolExecutor(1)

    async def run(self, operation):
        return await asyncio.wrap_future(self.thread.submit(self.driver.run, operation))

    async def close(self) -> None:
        await asyncio.wrap_future(self.thread.submit(self.driver.close))
        self.thread.shutdown()


MAKERS = {"sync": Blocking, "async": AsyncDriver}


@pytest.fixture(params=MAKERS)
async def driver(request, redis_url):
    made = MAKERS[request.param](redis_url)
    yield made
    await made.close()


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


async def ask(request):
    return await request


async def test_replies_are_as_on_the_wire(driver):
    await driver.run(ask(Command(("RPUSH", "k", b"\xff", "ä", 7, 1.5))))
    assert await driver.run(ask(Command(("LRANGE", "k", 0, -1)))) == [
        *(b"\xff", "ä".encode(), b"7", b"1.5")
    ]
    assert await driver.run(ask(Command(("LLEN", "k")))) == 4
    assert await driver.run(ask(Command(("GET", "none")))) is None
    assert await driver.run(ask(Command(("SET", "s", "x")))) == b"OK"
    assert await driver.run(ask(Command(("HSET", "h", "f", "v")))) == 1
    assert await driver.run(ask(Command(("HGETALL", "h")))) == [b"f", b"v"]


@pytest.mark.parametrize("atomic", [False, True])
async def test_a_batch_is_answered_in_order_and_read_by_each(driver, atomic):
    batch = Batch((Command(("INCR", "n"), str), Command(("INCR", "n"))), atomic=atomic)
    assert await driver.run(ask(batch)) == ["1", 2]
    assert await driver.run(ask(Batch((), atomic=atomic))) == []


@pytest.mark.parametrize("atomic", [False, True])
async def test_every_command_of_a_batch_is_sent_though_an_earlier_one_fails(driver, db, atomic):
    commands = (Command(("SET", "a", 1)), Command(("LPUSH", "a", 1)), Command(("SET", "b", 2)))
    with pytest.raises(RedisCommandError, match="WRONGTYPE"):
        await driver.run(ask(Batch(commands, atomic=atomic)))
    assert db.mget("a", "b") == [b"1", b"2"]


async def test_a_transaction_with_a_command_that_is_none_does_nothing(driver, db):
    commands = (Command(("SET", "a", 1)), Command(("NOSUCH",)))
    with pytest.raises(RedisCommandError, match="unknown command"):
        await driver.run(ask(Batch(commands, atomic=True)))
    assert db.get("a") is None
    assert await driver.run(ask(Command(("PING",)))) == b"PONG"


async def test_a_refusal_is_thrown_into_the_operation_in_the_servers_words(driver):
    async def mending():
        await Command(("SET", "k", "text"))
        try:
            await Command(("LPUSH", "k", 1))
        except RedisCommandError as error:
            return str(error)

    assert (await driver.run(mending())).startswith("WRONGTYPE Operation against a key")


async def test_an_unknown_script_is_distinguished(driver, db):
    db.script_flush()
    with pytest.raises(ScriptMissing):
        await driver.run(ask(script("pop_head").command(("k",), (b"x",))))
    assert await driver.run(script("pop_head").call(("k",), (b"x",))) == 0
    assert await driver.run(ask(script("pop_head").command(("k",), (b"x",)))) == 0


async def test_a_server_that_cannot_be_reached_is_unavailable(make):
    driver = make(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(RedisUnavailable):
        await driver.run(ask(Command(("PING",))))
    await driver.close()


async def test_a_wrong_password_is_reported_without_showing_it(make, redis_server, db):
    driver = make(redis_server.url.replace("//", "//:secret@"))
    with pytest.raises(ConnectError, match="check user and password") as caught:
        await driver.run(ask(Command(("PING",))))
    assert "secret" not in str(caught.value)
    await driver.close()


async def test_a_connection_that_the_server_closed_is_replaced(driver, db):
    await driver.run(ask(Command(("PING",))))
    db.client_kill_filter(_type="normal", skipme=True)

    async def twice():
        with contextlib.suppress(RedisUnavailable):
            await Command(("PING",))
        return await Command(("PING",))

    assert await driver.run(twice()) == b"PONG"


async def test_calls_give_results_awaited_or_not_and_their_errors_are_thrown_in(driver):
    async def later():
        await asyncio.sleep(0)
        return "awaited"

    def broken():
        raise KeyError("x")

    async def mending(offload):
        try:
            await Call(broken, offload=offload)
        except KeyError:
            return "mended"

    for offload in (False, True):
        assert await driver.run(ask(Call(lambda: 7, offload=offload))) == 7
        assert await driver.run(ask(Call(later, offload=offload))) == "awaited"
        assert await driver.run(mending(offload)) == "mended"


async def test_what_an_operation_raises_comes_out_and_its_finally_has_run(driver):
    ran = []

    async def failing():
        try:
            await Command(("PING",))
            raise LookupError("mine")
        finally:
            ran.append(await Command(("PING",)))

    with pytest.raises(LookupError, match="mine"):
        await driver.run(failing())
    assert ran == [b"PONG"]


async def test_what_is_spawned_runs_beside_and_a_stop_cuts_its_sleep_short(driver, db):
    async def beside():
        try:
            await Command(("SET", "spawned", 1))
            await Command(("RPUSH", "ready", 1))
            await Sleep(600)
        finally:
            ended.append(True)

    async def main():
        spawned = await Spawn(beside, "beside")
        while await Command(("LPOP", "ready")) is None:
            await Sleep(0.01)
        spawned.stop()
        await spawned.join()
        return await Command(("GET", "spawned"))

    ended: list[bool] = []
    began = time.monotonic()
    assert await driver.run(main()) == b"1"
    assert ended == [True]
    assert time.monotonic() - began < 60


async def test_ten_megabytes_go_and_come(driver):
    big = b"x" * 10_000_000
    await driver.run(ask(Command(("SET", "big", big))))
    assert await driver.run(ask(Command(("GET", "big")))) == big


async def test_a_reply_that_was_not_read_is_not_taken_for_the_next_one(redis_url, db):
    """A task cancelled in the midst of a wait leaves no reply behind for its successor."""
    driver = AsyncDriver(redis_url)
    waiting = asyncio.create_task(driver.run(ask(Command(("BLPOP", "late", 20)))))
    await asyncio.to_thread(eventually, lambda: db.info("clients")["blocked_clients"])
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    next_one = asyncio.create_task(driver.run(ask(Command(("PING",)))))
    await asyncio.to_thread(db.rpush, "late", "a reply")
    assert await next_one == b"PONG"
    await driver.close()


def test_threads_share_a_driver_each_with_a_connection_of_its_own(redis_url, db):
    driver, seen = SyncDriver(redis_url), []

    def count():
        for _ in range(50):
            driver.run(ask(Command(("INCR", "n"))))
        seen.append(driver.run(ask(Command(("CLIENT", "ID")))))
        driver.close()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db.get("n") == b"200"
    assert len(set(seen)) == 4


async def inside(words):
    """Speaks to Redis, calls what blocks and what awaits, and fails where the words say so."""
    assert await Command(("APPEND", "said", words)) == len(words)
    thread = await Call(threading.get_ident, offload=True)
    await Call(lambda: asyncio.sleep(0), offload=True)
    if words == "boom":
        raise ValueError(words)
    return thread


@pytest.mark.parametrize("awaits", [False, True], ids=["blocks", "awaits"])
async def test_code_around_an_operation_calls_it_with_words_of_its_own(driver, awaits):
    def blocking(carry):
        return carry("hello"), threading.get_ident()

    async def awaiting(carry):
        return await carry("hello"), None

    around = Around(awaiting if awaits else blocking, inside, awaits)
    thread, own = await driver.run(ask(around))
    assert await driver.run(ask(Command(("GET", "said")))) == b"hello"
    assert awaits or thread == own, "what blocks keeps its thread"


@pytest.mark.parametrize("awaits", [False, True], ids=["blocks", "awaits"])
async def test_code_around_an_operation_sees_its_error_and_may_swallow_it(driver, awaits):
    def blocking(carry):
        with pytest.raises(ValueError, match="boom"):
            carry("boom")
        raise KeyError("another")

    async def awaiting(carry):
        with pytest.raises(ValueError, match="boom"):
            await carry("boom")
        raise KeyError("another")

    with pytest.raises(KeyError, match="another"):
        await driver.run(ask(Around(awaiting if awaits else blocking, inside, awaits)))


async def test_code_that_awaits_stands_inside_code_that_blocks(driver):
    async def awaiting(carry):
        await asyncio.sleep(0)
        return await carry("hello")

    def blocking(carry):
        return carry()

    around = Around(blocking, lambda: ask(Around(awaiting, inside, awaits=True)))
    assert await driver.run(ask(around)) > 0


async def test_a_user_that_is_none_is_let_in_by_the_password_alone_as_redis_rb_does(
    make, redis_url, db
):
    db.config_set("requirepass", "word")
    driver = make(redis_url.replace("redis://", "redis://h:word@"))
    try:
        assert await driver.run(ask(Command(("PING",)))) == b"PONG"
    finally:
        await driver.close()
        db.config_set("requirepass", "")


@pytest.mark.parametrize("user", ["h", "", "default"])
async def test_a_wrong_password_is_refused_whatever_the_user(make, redis_url, db, user):
    db.config_set("requirepass", "word")
    driver = make(redis_url.replace("redis://", f"redis://{user}:other@"))
    try:
        with pytest.raises(ConnectError, match="refused the log-in: WRONGPASS"):
            await driver.run(ask(Command(("PING",))))
    finally:
        await driver.close()
        db.config_set("requirepass", "")


async def test_a_user_of_its_own_is_that_user(make, redis_url, db):
    db.execute_command("ACL", "SETUSER", "own", "on", ">word", "~*", "+@all")
    driver = make(redis_url.replace("redis://", "redis://own:word@"))
    try:
        assert await driver.run(ask(Command(("ACL", "WHOAMI")))) == b"own"
    finally:
        await driver.close()
        db.execute_command("ACL", "DELUSER", "own")


@pytest.mark.parametrize("user", ["", "h:word@"])
async def test_a_database_that_is_not_there_is_no_fault_of_the_log_in(make, redis_url, db, user):
    if user:
        db.config_set("requirepass", "word")
    driver = make(redis_url.replace("redis://", f"redis://{user}").rsplit("/", 1)[0] + "/99")
    try:
        with pytest.raises(ConnectError) as caught:
            await driver.run(ask(Command(("PING",))))
    finally:
        await driver.close()
        db.config_set("requirepass", "")
    assert "has no such database: ERR DB index is out of range" in str(caught.value)
    assert "log-in" not in str(caught.value)


async def test_an_operation_elsewhere_is_carried_by_another_server(driver, redis_url, db):
    """Its replies are read once, its errors are raised inside, and this server sees nothing of it."""
    other = redis_url.rpartition("/")[0] + "/1"

    async def story():
        await Command(("FLUSHDB",))
        assert await Command(("INCR", "n"), str) == "1"
        assert await Batch((Command(("INCR", "n"), str), Command(("GET", "n")))) == ["2", b"2"]
        with pytest.raises(RedisCommandError, match="WRONGTYPE"):
            await Command(("LPUSH", "n", 1))
        return await Command(("DEL", "n"), bool)

    async def carried():
        return await elsewhere(other, story())

    assert await driver.run(carried()) is True
    assert db.keys("*") == []


async def test_an_operation_elsewhere_raises_that_its_server_is_away(driver):
    async def carried():
        return await elsewhere(f"redis://127.0.0.1:{free_port()}", ask(Command(("PING",))))

    with pytest.raises(RedisUnavailable):
        await driver.run(carried())
    assert await driver.run(ask(Command(("PING",)))) == b"PONG"
