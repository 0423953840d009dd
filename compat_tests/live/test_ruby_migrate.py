"""``pyresque migrate shadow`` and ``schedule`` beside the real Ruby: what they say of Ruby is what Ruby did."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner

from pyresque.cli.main import cli
from pyresque.migrate.yaml_scalars import unlike_ruby
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

APP = """
from pyresque import Resque

resque = Resque()
resque.dry_run(lambda job: __import__("contextlib").nullcontext())

@resque.job("HoldJob", queue="hold")
def hold(*args):
    return args

@resque.job("BoomJob", queue="boom")
def boom(*args):
    raise ValueError(f"boom {args}")
"""


@pytest.fixture
def migrate(redis_url: str, tmp_path, monkeypatch) -> Iterator[Callable[..., tuple[int, Any]]]:
    """Runs a command of ``migrate``: its exit code and its JSON."""
    (tmp_path / "app_live_migrate.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def call(*words: str) -> tuple[int, Any]:
        command = ["migrate", *words, "-A", "app_live_migrate:resque", "--json"]
        result = CliRunner().invoke(cli, command, prog_name="pyresque")
        assert result.stdout, result.output
        return result.exit_code, json.loads(result.stdout)

    yield call
    sys.modules.pop("app_live_migrate", None)


def test_a_watch_sees_what_a_ruby_worker_performs(migrate, ruby, ruby_worker, db):
    ruby_worker("hold")
    ruby.ask("enqueue", **{"class": "HoldJob", "args": [1, {"a": None}]})
    eventually(lambda: db.llen("live:started"), lambda length: length == 1)
    db.config_resetstat()

    def let_go() -> None:
        eventually(
            lambda: db.info("commandstats").get("cmdstat_smembers", {}).get("calls", 0),
            lambda calls: calls > 3,
        )
        db.rpush("live:release", "go")

    thread = threading.Thread(target=let_go)
    thread.start()
    try:
        code, [found] = migrate("shadow", "HoldJob", "--watch", "60s", "--count", "1")
    finally:
        thread.join()
    assert (code, found["verdict"], found["place"]) == (0, "same", "working")
    assert found["python"]["result"] == "(1, {'a': None})"
    assert found["ruby"]["seconds"] >= 0


def test_a_record_that_ruby_wrote_tells_how_the_job_failed_there(
    migrate, ruby, ruby_worker, resque
):
    ruby.ask("enqueue", **{"class": "BoomJob", "args": [7]})
    ruby_worker("boom")
    eventually(resque.failures.count, lambda count: count == 1)
    code, [found] = migrate("shadow", "BoomJob")
    assert (code, found["verdict"], found["place"]) == (0, "another error", "failed")
    assert (found["ruby"]["exception"], found["ruby"]["error"]) == ("ArgumentError", "boom [7]")
    assert found["python"]["exception"] == "ValueError"


def test_ruby_s_scheduler_is_known_by_its_lock_and_its_runs(migrate, ruby_scheduler, db, tmp_path):
    file = tmp_path / "ruby.yml"
    file.write_text("tick: {every: 1s, class: HoldJob, queue: hold}\n")
    scheduler = ruby_scheduler(SCHEDULE_FILE=str(file))
    eventually(lambda: db.hget("resque:delayed:last_enqueued_at", "tick"))
    code, report = migrate("schedule", "--schedule", str(file))
    assert (code, report["leader"]["language"]) == (0, "ruby")
    assert report["leader"]["holder"].endswith(f":{scheduler.pid}")
    # Without the file nobody would know of the entry, which lives in that process alone.
    code, report = migrate("schedule")
    assert (code, [one["kind"] for one in report["findings"] if one["differs"]]) == (
        1,
        ["elsewhere"],
    )


SCALARS = (
    *(
        "1e3",
        "1,000",
        "-1,000",
        "1,000.5",
        ".5",
        "0o10",
        "010",
        "0b11",
        "1_000",
        "12:30",
        "1:2",
        "12:30:45",
        "99:99",
    ),
    *(
        "y",
        "yes",
        "yEs",
        "no",
        "nO",
        "on",
        "oN",
        "off",
        "oFF",
        "true",
        "tRue",
        "~",
        "null",
        "NULL",
        "1.",
        "1e-3",
        "-.5",
    ),
    *(
        "1.5e3",
        "1.5e+3",
        "08",
        "2026-01-01",
        "2026-1-1",
        "2026-1-01",
        "1.5",
        "5m",
        "abc",
        ":abc",
        "+1",
        "0x1F",
        "1__0",
    ),
    *(
        "1_",
        "_1",
        "5.",
        "a,b",
        "1:2:3",
        "1,2,3",
        "+.5",
        "1.5_0",
        ".5_1",
        "2026-13-1",
        "1,.5",
        "1,",
        "-12:30",
        "1,2_3",
    ),
)


def test_the_texts_that_are_named_are_those_that_the_two_read_differently(ruby):
    for scalar in SCALARS:
        text = f"a: {scalar}\n"
        code = f"require 'date'; require 'yaml'; YAML.load('a: {scalar}', permitted_classes: [Date, Time, Symbol])['a'].to_json"
        theirs = json.loads(ruby.ask("ruby", code=code))
        ours = yaml.safe_load(text)["a"]
        ours = ours.removeprefix(":") if isinstance(ours, str) else ours
        ours = ours if isinstance(ours, (str, int, float, bool, type(None))) else str(ours)
        differs = type(ours) is not type(theirs) or ours != theirs
        assert bool(unlike_ruby(text)) == differs, (scalar, ours, theirs)


@pytest.mark.parametrize("option", ["first_at", "last_at"])
def test_ruby_s_timer_stops_at_a_time_that_is_past(ruby, option):
    if "resque-scheduler" not in ruby.ask("versions"):
        pytest.skip("no resque-scheduler")
    timing = f"every('1h', nil, {option}: '2001-01-01 00:00', job: true) {{}}"
    code = f"require 'rufus-scheduler'; begin; Rufus::Scheduler.new.{timing}; 'ran'; rescue ArgumentError => e; e.message; end"
    assert "in the past" in ruby.ask("ruby", code=code)


RAILS_JOB = """
  class MigratedJob < ActiveJob::Base
    self.queue_adapter = :resque
    queue_as :mail
    def perform(*args, **options) = nil
  end
  MigratedJob.perform_later(
    :weekly, 1.day, Date.new(2026, 3, 1), Time.utc(2026, 3, 1), Time.utc(2026, 3, 1).in_time_zone("UTC"), String,
    { "a" => 1, b: [nil, 2.5] }, force: true, to: "ann@example.com"
  )
  nil
"""


def test_stubs_of_what_rails_wrote_take_it(rails, redis_url, db, tmp_path, monkeypatch):
    rails.ask("ruby", code=RAILS_JOB)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REDIS_URL", redis_url)
    result = CliRunner().invoke(cli, ["migrate", "stubs", "--out", "jobs"], prog_name="pyresque")
    assert result.exit_code == 0, result.output
    source = (tmp_path / "jobs/migrated_job.py").read_text()
    for parameter in (
        *("arg1: Symbol", "arg2: timedelta", "arg3: date", "arg4: datetime", "arg5: datetime"),
        *("arg6: Module", "options: Options", "force: bool", "to: str"),
    ):
        assert f"    {parameter},\n" in source
    assert 'queue="mail"' in source
    assert "ann@" not in "".join(path.read_text() for path in (tmp_path / "jobs").rglob("*.py"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o"]
    command += ["asyncio_default_fixture_loop_scope=function", "jobs"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
