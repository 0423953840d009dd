"""The fixtures in real runs of small suites: an application whose module makes its Resque at import, plain and async, Django's runner, xdist."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pyresque.testing import plugin
from tests.support import ROOT
from tests.support.eventually import eventually
from tests.support.processes import processes_that_name

pytest_plugins = ["pytester"]

#: The plugins of a suite; those that are installed beside them take seconds to load.
PLUGINS = ("pyresque.testing.plugin", "pytest_asyncio.plugin", "xdist.plugin")

SHOP = """
    import fakeredis
    from pyresque import AsyncResque, Resque

    #: The application's own Redis; a verb has run before any test does.
    production = fakeredis.FakeRedis()
    resque = Resque(redis=production)
    resque.enqueue_to("mailers", "BeforeTheTests")
    awaited = AsyncResque(jobs=resque)
    sent = []

    @resque.job(queue="mailers")
    def send_mail(to):
        if to == "nobody":
            raise LookupError(to)
        sent.append(to)

    @resque.job(queue="crawl")
    async def crawl(url):
        await awaited.enqueue(send_mail, url)
"""

SUITE = """
    import pytest, redis, shop
    from pyresque.errors import RedisUnavailable
    from pyresque.testing import (
        aperform_enqueued, assert_enqueued, assert_not_enqueued, enqueued_jobs, perform_enqueued
    )

    @pytest.fixture(autouse=True)
    def forget():
        shop.sent.clear()

    def test_recorded(resque_recorded):
        assert enqueued_jobs() == []
        shop.resque.enqueue(shop.send_mail, "ann")
        assert_enqueued(shop.send_mail, "ann", queue="mailers")
        perform_enqueued()
        assert shop.sent == ["ann"]

    async def test_recorded_and_awaited(resque_recorded):
        await shop.awaited.enqueue(shop.crawl, "u")
        await aperform_enqueued()
        assert shop.sent == ["u"]

    def test_inline(resque_inline):
        shop.resque.enqueue_in(60, shop.send_mail, "bob")
        assert shop.sent == ["bob"]
        with pytest.raises(LookupError):
            shop.resque.enqueue(shop.send_mail, "nobody")

    async def test_inline_and_awaited(resque_inline):
        await shop.awaited.enqueue(shop.crawl, "u")
        assert shop.sent == ["u"]

    @pytest.mark.parametrize("name", ["ann", "bob"])
    def test_redis(resque_redis, name):
        assert enqueued_jobs() == []
        shop.resque.enqueue(shop.send_mail, name)
        with redis.Redis.from_url(resque_redis.url) as client:
            assert client.llen("resque:queue:mailers") == 1
        perform_enqueued()
        assert shop.sent == [name]

    def test_its_server_ends(resque_redis):
        with redis.Redis.from_url(resque_redis.url) as client:
            client.shutdown(nosave=True)
        with pytest.raises(RedisUnavailable):
            shop.resque.enqueue(shop.send_mail, "ann")

    @pytest.mark.parametrize("name", ["ann", "bob"])
    async def test_redis_and_awaited(resque_redis, name):
        assert enqueued_jobs() == []
        await shop.awaited.enqueue(shop.crawl, name)
        await aperform_enqueued(shop.crawl)
        assert_enqueued(shop.send_mail, name)

    def test_undone():
        assert shop.resque.queues() == ["mailers"]
        assert shop.production.llen("resque:queue:mailers") == 1
"""

STRICT = """
    [pytest]
    asyncio_mode = auto
    asyncio_default_fixture_loop_scope = function
    filterwarnings = error
    addopts = --strict-markers --strict-config -p no:cacheprovider -p no:valkey
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Runs a suite in a process of its own; its files by their names."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")  # nothing listens there
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(*options: str, **files: str) -> pytest.RunResult:
        pytester.makeini(STRICT)
        pytester.makepyfile(**files)
        load = [word for name in PLUGINS for word in ("-p", name)]
        return pytester.runpytest_subprocess(*load, *options)

    return run


def test_the_fixtures_act_on_every_resque_and_are_undone_with_strict_options(suite) -> None:
    suite(shop=SHOP, test_shop=SUITE).assert_outcomes(passed=10)


def test_processes_of_xdist_have_a_redis_each(suite) -> None:
    result = suite("-n2", "-k", "redis or undone", shop=SHOP, test_shop=SUITE)
    result.assert_outcomes(passed=5)


def test_a_failed_assertion_shows_the_jobs_and_the_line_of_the_test(suite) -> None:
    result = suite(
        shop=SHOP,
        test_shop="""
            import shop
            from pyresque.testing import assert_enqueued, perform_enqueued

            def test_missing(resque_recorded):
                shop.resque.enqueue(shop.send_mail, "bob")
                assert_enqueued(shop.send_mail, "ann")

            def test_failing(resque_recorded):
                shop.resque.enqueue(shop.send_mail, "nobody")
                perform_enqueued()
        """,
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            '>*assert_enqueued(shop.send_mail, "ann")',
            "E*AssertionError: SendMail('ann') is not enqueued.",
            "E*mailers: SendMail('bob')*<- args[[]0[]] is 'bob', not 'ann'",
            "*test_shop.py:*: AssertionError",
            "E*LookupError: nobody",
        ]
    )


def test_a_given_redis_is_taken_where_its_database_is_empty_and_another_is_not(
    suite, redis_server, db
) -> None:
    given = f"redis://127.0.0.1:{redis_server.port}/5"
    suite(
        f"--resque-redis-url={given}", "-k", "redis or undone", shop=SHOP, test_shop=SUITE
    ).assert_outcomes(passed=5)
    db.select(5)
    assert db.dbsize() == 0
    db.set("somebody's", 1)
    result = suite(f"--resque-redis-url={given}", "-k", "test_redis", shop=SHOP, test_shop=SUITE)
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(
        ["*database 5 of the Redis * holds 1 keys, and the tests would delete them*"]
    )
    assert db.get("somebody's") == b"1"
    db.flushdb()


def test_its_server_ends_with_a_pytest_that_is_killed(suite, tmp_path) -> None:
    suite(
        test_killed=f"""
            import os, pathlib, signal

            def test_killed(resque_redis):
                pathlib.Path({str(tmp_path / "url")!r}).write_text(resque_redis.url)
                os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    url = (tmp_path / "url").read_text()
    folder = Path(url.removeprefix("unix://").partition("?")[0]).parent
    eventually(lambda: not folder.exists() and not processes_that_name(folder))


def test_a_run_that_asks_for_no_fixture_loads_nothing_of_pyresque(suite) -> None:
    test = """
        import sys

        def test_nothing_is_loaded():
            loaded = {name for name in sys.modules if name.startswith("pyresque")}
            assert loaded == {"pyresque", "pyresque.testing", "pyresque.testing.plugin"}
            assert not {"fakeredis", "redis"} & set(sys.modules)
    """
    suite(test_alone=test).assert_outcomes(passed=1)


def test_pytest_finds_the_plugin_by_itself() -> None:
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'[project.entry-points.pytest11]\npyresque = "{plugin.__name__}"' in declared


DJANGO = """
    import django, shop
    from django.conf import settings
    from django.db import connection, transaction
    from django.test import TestCase, TransactionTestCase
    from pyresque.testing import (
        InlineJobs, JobsInRedis, RecordedJobs, assert_enqueued, assert_not_enqueued, enqueued_jobs,
        perform_enqueued
    )

    try:
        from django.tasks import task
    except ImportError:
        from django_tasks import task

    @task
    def double(number):
        return 2 * number

    class Recorded(RecordedJobs, TestCase):
        @classmethod
        def setUpTestData(cls):
            shop.resque.enqueue(shop.send_mail, "set up")

        def test_jobs_are_recorded(self):
            assert enqueued_jobs() == []
            shop.resque.enqueue(shop.send_mail, "ann")
            assert_enqueued(shop.send_mail, "ann")

        def test_a_commit_that_never_comes_is_told(self):
            transaction.on_commit(lambda: shop.resque.enqueue(shop.send_mail, "late"))
            with self.assertRaisesRegex(AssertionError, "1 function waiting for the transaction's commit"):
                assert_enqueued(shop.send_mail, "late")

        def test_a_commit_is_played(self):
            with self.captureOnCommitCallbacks(execute=True):
                transaction.on_commit(lambda: shop.resque.enqueue(shop.send_mail, "late"))
                assert_not_enqueued(shop.send_mail)
            assert_enqueued(shop.send_mail, "late")

        async def test_awaited(self):
            await shop.awaited.enqueue(shop.send_mail, "ann")
            assert_enqueued(shop.send_mail, "ann")

    class Committing(InlineJobs, TransactionTestCase):
        def test_it(self):
            with transaction.atomic():
                transaction.on_commit(lambda: shop.resque.enqueue(shop.send_mail, "late"))
                assert shop.sent == []
            assert shop.sent == ["late"]

    class Tasks(RecordedJobs, TestCase):
        def test_a_task_of_django_gives_its_result(self):
            result = double.enqueue(21)
            assert_enqueued("tests.double")
            perform_enqueued()
            result.refresh()
            assert result.return_value == 42

    class InRedis(JobsInRedis, TestCase):
        def test_one(self):
            shop.resque.enqueue(shop.send_mail, "ann")
            assert_enqueued(shop.send_mail, count=1)

        def test_two(self):
            self.test_one()
"""


SETTINGS = """
    import importlib.util

    USE_TZ = True
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
    INSTALLED_APPS = ["pyresque.contrib.django"]
    if importlib.util.find_spec("django_tasks"):
        INSTALLED_APPS.append("django_tasks")
    TASKS = {"default": {"BACKEND": "pyresque.contrib.django.ResqueBackend", "QUEUES": ["default"]}}
"""


def test_django_s_runner_runs_cases_with_jobs_of_their_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(shop=SHOP, tests=DJANGO, settings=SETTINGS)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-m", "django", "test", "tests", "--settings", "settings"],
        cwd=pytester.path,
        env={
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "PYTHONPATH": f"{ROOT}:{pytester.path}",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr[-2000:]) == (0, ran.stderr[-2000:])
    assert "Ran 8 tests" in ran.stderr
