"""Every Resque of the process follows the kit, one that has run verbs already too, and has its own Redis again afterwards."""

from __future__ import annotations

import gc
import re
import sys
import threading
import weakref
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import fakeredis
import pytest

from pyresque import AsyncResque, Resque
from pyresque.application import Application
from pyresque.clock import SystemClock
from pyresque.errors import ConnectError, MissingPackage, RedisCommandError, TestKitError
from pyresque.job.queues import Queues
from pyresque.ops import Command, elsewhere
from pyresque.testing import assert_enqueued, enqueued_jobs, inline, recorded, with_redis
from pyresque.testing.redis_of_tests import same_redis, with_database
from tests.support import ROOT

URL = "redis://127.0.0.1:1/0"


def test_a_resque_that_has_run_verbs_follows_and_has_its_own_redis_again():
    own = fakeredis.FakeRedis()
    app = Resque(redis=own)
    app.enqueue_to("q", "Before", 1)
    driver = vars(app)["driver"]
    with recorded():
        assert app.size("q") == 0
        app.enqueue_to("q", "Meanwhile", 2)
        app.close()
        assert [job.class_name for job in enqueued_jobs()] == ["Meanwhile"]
    assert vars(app)["driver"] is driver
    assert own.lrange("resque:queue:q", 0, -1) == [b'{"class":"Before","args":[1]}']


async def test_an_awaited_one_follows_too():
    own = fakeredis.FakeAsyncRedis()
    app = AsyncResque(redis=own)
    await app.enqueue_to("q", "Before", 1)
    with recorded():
        async with app:
            await app.enqueue_to("q", "Meanwhile", 2)
            assert await app.size("q") == 1
    assert await own.lrange("resque:queue:q", 0, -1) == [b'{"class":"Before","args":[1]}']


def test_nothing_of_the_classes_is_changed_afterwards():
    def attributes():
        owners = (Resque, AsyncResque, Application, Queues, SystemClock)
        names = ("driver", "access", "inline", "time")
        return [vars(owner).get(name) for owner in owners for name in names]

    before = attributes()
    with recorded(), inline():
        assert attributes() != before
    with pytest.raises(LookupError), recorded():
        raise LookupError
    assert attributes() == before


def test_a_resque_that_is_made_meanwhile_has_its_own_settings_afterwards():
    with inline():
        app = Resque(URL)
        assert app.core.jobs.inline is True
    assert app.core.jobs.inline is False
    performing = Resque(URL, inline=True)
    with recorded():
        assert performing.core.jobs.inline is False
    assert performing.core.jobs.inline is True


def test_one_kit_inside_another_goes_before_it():
    app = Resque(URL)
    with recorded():
        app.enqueue_to("q", "Outer")
        with recorded():
            assert enqueued_jobs() == []
            app.enqueue_to("q", "Inner")
        assert [job.class_name for job in enqueued_jobs()] == ["Outer"]


def test_a_resque_that_is_led_to_another_url_is_followed_there():
    app = Resque(URL)
    with recorded():
        app.enqueue_to("q", "Before")
        app.configure(url="redis://127.0.0.1:1/4")
        app.enqueue_to("q", "After")
        assert [job.class_name for job in enqueued_jobs()] == ["After"]
        assert Resque(URL).size("q") == 1


def test_an_operation_for_another_server_stays_in_memory():
    app, other = Resque(URL), Resque("redis://127.0.0.1:1/5")
    with recorded():

        async def there():
            return await Command(("RPUSH", "resque:queue:q", b'{"class":"A","args":[]}'))

        async def operation():
            return await elsewhere("redis://127.0.0.1:1/5", there())

        assert app.run(operation()) == 1
        assert other.size("q") == 1


def test_what_memory_cannot_do_is_a_clear_error():
    app = Resque(URL)
    with recorded() as kit:
        with pytest.raises(RedisCommandError, match=r"(?i)unknown command|not supported"):
            app.run(_command("DEBUG", "JMAP"))
        with pytest.raises(TestKitError, match="in memory, which has no URL: use resque_redis"):
            print(kit.url)
        app.configure(queues=("*",))
        with pytest.raises(ConnectError, match="of this client no address is known"):
            app.driver.open_connection()


async def _command(*args):
    return await Command(args)


def test_without_fakeredis_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "lupa", None)
    with (
        pytest.raises(MissingPackage, match=r"needs lupa: pip install 'pyresque\[testing\]'"),
        recorded(),
    ):
        pass
    assert Application.access.__qualname__ == "Application.access"


def test_jobs_are_listed_and_compared_without_a_look_through_the_memory_of_the_process(monkeypatch):
    monkeypatch.setattr("pyresque.testing.kit.every_resque", None)
    app = Resque(URL)
    with recorded():
        app.enqueue_to("q", "OnlyRuby", 1)
        assert_enqueued("OnlyRuby", 1)
        assert enqueued_jobs("OnlyRuby") == enqueued_jobs()


def test_without_a_kit_the_error_says_what_to_do():
    with pytest.raises(TestKitError, match="ask for the fixture resque_recorded"):
        enqueued_jobs()


def test_no_resque_is_kept_alive():
    app = Resque(URL)
    with recorded():
        app.enqueue_to("q", "A")
    alive = weakref.ref(app)
    del app
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("redis://localhost:6379/0", "redis://127.0.0.1:6379", True),
        ("redis://h:1/0", "redis://h:1/1", False),
        ("redis://:secret@h:1/2", "redis://h:1/2?socket_timeout=3", True),
        ("unix:///a?db=1", "unix:///a", False),
        ("redis+sentinel://a,b/m/0", "redis+sentinel://a,b/n/0", False),
        ("no url", "no url", True),
    ],
)
def test_two_urls_lead_to_one_redis(one, other, same):
    assert (same_redis(one) == same_redis(other)) is same


@pytest.mark.parametrize(
    ("url", "made"),
    [
        ("redis://u:p@h:1/0", "redis://u:p@h:1/3"),
        ("redis://h", "redis://h/3"),
        ("redis://h/1?db=2&socket_timeout=3", "redis://h/3?socket_timeout=3"),
        ("unix:///a/b.sock", "unix:///a/b.sock?db=3"),
        ("unix:///a/b.sock?db=2&password=x", "unix:///a/b.sock?password=x&db=3"),
    ],
)
def test_a_url_gets_another_database(url, made):
    assert with_database(url, 3) == made


def test_threads_that_are_first_at_one_time_share_a_redis(monkeypatch):
    both, make = threading.Barrier(2), fakeredis.FakeServer

    def meet():
        with suppress(threading.BrokenBarrierError):
            both.wait(0.2)
        return make()

    monkeypatch.setattr(fakeredis, "FakeServer", meet)
    app = Resque(URL)
    with recorded() as kit, ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda number: app.enqueue_to("q", "Job", number), (1, 2)))
        assert len(kit.jobs) == 2


def test_threads_whose_first_commands_meet_share_a_database(monkeypatch):
    """fakeredis makes a database when a connection first asks for it, and two connections may ask at one time."""
    both, make = threading.Barrier(2), fakeredis.FakeServer

    class Databases(defaultdict):
        def __missing__(self, number):
            with suppress(threading.BrokenBarrierError):
                both.wait(0.2)
            return super().__missing__(number)

    def with_databases():
        server = make()
        server.dbs = Databases(server.dbs.default_factory)
        return server

    monkeypatch.setattr(fakeredis, "FakeServer", with_databases)
    app = Resque(URL)
    with recorded() as kit, ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda number: app.enqueue_to("q", "Job", number), (1, 2)))
        assert len(kit.jobs) == 2


def test_a_database_that_holds_keys_is_not_emptied(redis_url, db):
    db.set("somebody's", 1)
    with (
        pytest.raises(
            TestKitError, match=r"database 0 .* holds 1 keys, and the tests would delete them"
        ),
        with_redis(redis_url),
    ):
        pass
    assert db.get("somebody's") == b"1"
    db.flushall()
    db.select(1)
    db.set("somebody's", 1)
    app = Resque(URL)
    with with_redis(redis_url) as kit:
        app.enqueue_to("q", "A")
        assert kit.url == redis_url
        with pytest.raises(TestKitError, match="names 2 Redis databases, and the tests have 1"):
            Resque("redis://127.0.0.1:1/9").queues()
    assert db.get("somebody's") == b"1"
    db.select(0)
    assert db.keys() == []


#: The modules that make a driver of an application's Redis, each by ``Application.access``, which the kit replaces.
WAYS = {"client.py", "process/crew/loop_slots.py"}


def test_every_way_from_an_application_to_redis_is_known_to_the_kit():
    package = ROOT / "pyresque"
    made = re.compile(r"(?:blocking_driver|awaiting_driver)\((.*)\)$", re.MULTILINE)
    found = {
        path.relative_to(package).as_posix(): made.findall(path.read_text(encoding="utf-8"))
        for path in package.rglob("*.py")
        if path.relative_to(package).parts[0] not in {"driver", "testing"}
    }
    calls = {name: texts for name, texts in found.items() if texts}
    assert set(calls) == WAYS
    assert all(".access()" in text for texts in calls.values() for text in texts)
