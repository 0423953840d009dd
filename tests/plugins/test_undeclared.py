"""A worker says once which classes it performs without the plugin that they have in Ruby, by the keys that stand in Redis."""

from __future__ import annotations

import json

import pytest

from pyresque import Resque, plugins
from pyresque.errors import RedisCommandError, RedisUnavailable
from pyresque.plugins import undeclared
from pyresque.plugins.undeclared import UndeclaredPlugins, rows
from pyresque.process.run.worker import run_worker
from pyresque.process.worker.queue_list import QueueList
from pyresque.store.keys import Keys
from tests.support import ROOT
from tests.support.eventually import eventually
from tests.support.scripted_driver import ScriptedDriver


@pytest.fixture
def app(redis_url, db):
    with Resque(redis_url, queues=("*",), executor="inline") as made:
        yield made


def register(app, name, queue="work", given=()):
    app.job(name, queue=queue, plugins=given)(lambda *args: None)


def looks(app, *queues):
    takes = QueueList.parse(queues or ("*",)).takes
    return UndeclaredPlugins(app.core.registry, app.core.active_job_classes, takes)


def said(app, caplog, *queues):
    caplog.clear()
    app.run(looks(app, *queues).look())
    return [record.getMessage() for record in caplog.records]


#: A key of each gem whose keys bear a class, and what is to be written.
KEYS = {
    "resque:lock:Report-[1]": "Lock()",
    'resque:lock:A::Report-[{"id"=>1}]': "Lock()",
    "resque:lock:Report": "LockTimeout()",
    "resque:lock:A::Report:1-x": "LockTimeout()",
    "resque:loner:lock:Report:1": "LockTimeout(loner=True)",
    "resque:queuelock:Report-[]": "QueueLock()",
    "resque:workerslock:Report-[1, 2]": "WorkersLock()",
    "resque:resque-retry:Report": "Retry()",
    "resque:resque-retry:A::Report:0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33": "Retry()",
    "resque:failure-resque-retry:Report:id7": "Retry(suppress=True)",
    "resque:restriction:Report:1709618400": "Restriction(per_hour=...)",
    "resque:restriction:A::Report:eu:*": "Restriction(per_hour=...)",
    "resque:lonely_job:work": "LonelyJob()",
}


@pytest.mark.parametrize("key", KEYS)
def test_a_key_of_a_plugin_names_the_class_and_the_line_to_write(app, db, caplog, key):
    name = "A::Report" if "A::" in key else "Report"
    register(app, name)
    register(app, "Other", queue="elsewhere")
    db.set(key, 1)
    (line,) = said(app, caplog)
    assert key in line
    assert f'@resque.job("{name}", ..., plugins=[{KEYS[key]}])' in line


@pytest.mark.parametrize("kind", ["Loner", "Solo"])
def test_a_mark_that_bears_no_class_is_found_by_the_job_in_the_queue(
    app, db, redis_url, caplog, kind
):
    with Resque(redis_url) as ruby:
        ruby.declare("Report", queue="work", plugins=[getattr(plugins, kind)()])
        ruby.enqueue("Report", 1, {"b": 2, "a": 1})
        ruby.enqueue_to("work", "Other", 1)
    register(app, "Report")
    register(app, "Other")
    (line,) = said(app, caplog)
    assert f'@resque.job("Report", ..., plugins=[{kind}()])' in line


def test_a_status_is_found_by_the_job_that_bears_its_id(app, db, redis_url, caplog):
    with Resque(redis_url) as ruby:
        ruby.declare("Report", queue="work", plugins=[plugins.Status()])
        ruby.enqueue("Report", number=1)
        ruby.enqueue_to("work", "Other", "0" * 32)
    register(app, "Report")
    register(app, "Other")
    (line,) = said(app, caplog)
    assert '@resque.job("Report", ..., plugins=[Status()])' in line


@pytest.mark.parametrize("key", KEYS)
def test_nothing_is_said_where_the_plugin_is_registered(app, db, caplog, key):
    name = "A::Report" if "A::" in key else "Report"
    kind = getattr(plugins, KEYS[key].partition("(")[0])
    options = {"per_hour": 1} if kind is plugins.Restriction else {}
    register(app, name, given=[kind(**options)])
    register(app, "Neighbour")
    db.set(key, 1)
    assert said(app, caplog) == []


def test_classes_of_other_workers_are_not_named(app, db, redis_url, caplog):
    register(app, "Report")
    app.declare("OnlyRuby", queue="work")
    for key in ("resque:lock:Nobody-[1]", "resque:lock:OnlyRuby-[1]", "other:lock:Report-[1]"):
        db.set(key, 1)
    assert said(app, caplog) == []
    db.set("resque:lock:Report-[1]", 1)
    db.set("resque:lonely_job:work", 1)
    assert said(app, caplog, "elsewhere") == []
    assert said(app, caplog, "*", "!work") == []
    assert len(said(app, caplog, "work")) == 2


@pytest.mark.parametrize("rest", ["1bc29b36f623ba82aaf6724fd3b16718", "no_arguments", "k:runtime"])
def test_an_active_job_that_is_unique_in_ruby_alone_is_named(app, db, caplog, rest):
    for name in ("Mailing::DailyHTMLJob", "OtherJob"):
        app.active_job(name, queue="work")(lambda *args: None)
    app.active_job("UniqueJob", queue="work", unique="until_executed")(lambda *args: None)
    db.set(f"activejob_uniqueness:mailing/daily_html_job:{rest}", 1)
    db.set(f"activejob_uniqueness:unique_job:{rest}", 1)
    (line,) = said(app, caplog)
    assert '@resque.active_job("Mailing::DailyHTMLJob", ..., unique="until_executed")' in line
    assert said(app, caplog, "elsewhere") == []


def test_keys_outside_the_namespace_are_looked_for_where_active_jobs_are(app, db, caplog):
    register(app, "TidyJob")
    db.set("activejob_uniqueness:tidy_job:no_arguments", 1)
    db.config_resetstat()
    assert said(app, caplog) == []
    assert db.info("commandstats")["cmdstat_scan"]["calls"] == 1


def test_what_is_not_supported_is_said_to_be_so(app, db, caplog):
    register(app, "Report")
    db.set("resque:concurrent.count.Report.eu", 1)
    (line,) = said(app, caplog)
    assert "resque-concurrent-restriction" in line
    assert "does not support it" in line


def test_each_class_and_gem_is_named_once(app, db, caplog):
    register(app, "Report")
    for number in range(20):
        db.set(f"resque:lock:Report-[{number}]", 1)
    watch = looks(app)
    for _ in range(3):
        app.run(watch.look())
    assert len(caplog.records) == 1


def test_a_worker_says_so(app, db, caplog):
    app.job("Report", queue="work")(lambda: eventually(lambda: "plugins=[Retry()]" in caplog.text))
    db.set("resque:resque-retry:Report", 0)
    app.enqueue("Report")
    run_worker(app, burst=True)
    assert app.failures.count() == 0


def test_a_look_is_bounded_and_the_next_one_goes_on(app, db, caplog, monkeypatch):
    monkeypatch.setattr(undeclared, "KEYS", 10)
    register(app, "Report")
    db.mset({f"resque:lock:Other-[{number}]": 1 for number in range(500)})
    db.set("resque:lock:Report-[1]", 1)
    watch = looks(app)
    db.config_resetstat()
    app.run(watch.look())
    assert db.info("commandstats")["cmdstat_scan"]["calls"] == undeclared.FIRST
    app.run(watch.look())
    assert db.info("commandstats")["cmdstat_scan"]["calls"] == undeclared.FIRST + undeclared.LATER
    for _ in range(40):
        app.run(watch.look())
    assert len(caplog.records) == 1


def test_keys_of_any_shape_end_no_worker(app, db, caplog):
    register(app, "Report")
    for key in (
        b"resque:lock:\xff-[1]",
        "resque:lock:",
        "resque:lock:Report-[1\n]",
        "resque:lock:report",
    ):
        db.set(key, 1)
    db.set("resque:loners:queue:work:job:" + "0" * 32, 1)
    db.rpush("resque:queue:work", b"\xff", "[]", '{"class":7}', '{"class":"Report","args":{"a":1}}')
    db.set("resque:loners:queue:text:job:" + "0" * 32, 1)
    db.set("resque:queue:text", "no list")
    told, wrong_type = said(app, caplog)
    assert told.startswith("Report is registered without the plugin of resque-lock")
    assert "\n" not in told
    assert wrong_type.startswith("WRONGTYPE")


def test_a_user_who_may_not_scan_is_never_asked_again(app):
    watch = looks(app)
    driver = ScriptedDriver(RedisCommandError("NOPERM this user may not SCAN"))
    watch.allow()
    driver.run(watch.look_if_due())
    watch.allow()
    assert watch.due_in() == float("inf")


def test_a_look_is_due_when_it_is_our_turn_and_at_most_every_five_minutes(app, db):
    watch = looks(app)
    assert watch.due_in() == float("inf")
    db.config_resetstat()
    app.run(watch.look_if_due())
    assert "cmdstat_scan" not in db.info("commandstats")
    watch.allow()
    assert watch.due_in() < 0
    app.run(watch.look_if_due())
    assert db.info("commandstats")["cmdstat_scan"]["calls"] == 1
    assert watch.due_in() == float("inf")
    watch.allow()
    assert 0 < watch.due_in() <= undeclared.EVERY


def test_a_redis_that_is_away_is_asked_again_later(app):
    watch = looks(app)
    watch.allow()
    assert watch.due_in() < 0
    ScriptedDriver(RedisUnavailable("gone")).run(watch.look_if_due())
    watch.allow()
    assert 0 < watch.due_in() <= undeclared.EVERY


@pytest.mark.parametrize("gem", sorted({row.gem for row in rows(Keys())}))
def test_the_recorded_keys_of_each_gem_are_known(gem):
    page = ROOT / "ruby_fixtures" / "golden" / "plugins" / f"{gem}.json"
    if not page.exists():
        assert gem in {"resque-concurrent-restriction", "activejob-uniqueness"}
        return
    recorded = json.loads(page.read_text(encoding="utf-8"))["recordings"]
    steps = [step for one in recorded for made in one["scenarios"] for step in made["steps"]]
    keys = {key for step in steps for key in step.get("redis") or {}}
    of_gem = [row for row in rows(Keys()) if row.gem == gem]
    assert all(any(row.pattern.fullmatch(key) for key in keys) for row in of_gem)
