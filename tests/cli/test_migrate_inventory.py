from __future__ import annotations

import json
import re
import signal
from html.parser import HTMLParser

import pytest

from tests.support.eventually import eventually
from tests.support.hostile_text import EVIL
from tests.support.inventories import payload, rails

APP = """
from pyresque import Resque
resque = Resque()

@resque.job("A", queue="q")
def a(x): pass

@resque.active_job("MailJob")
def mail(x): pass
"""


@pytest.fixture
def put(db):
    def call(*payloads: bytes, queue: str = "q") -> None:
        db.sadd("resque:queues", queue)
        db.rpush(f"resque:queue:{queue}", *payloads)

    return call


@pytest.fixture
def app(environment):
    (environment / "app_covered.py").write_text(APP)
    return "app_covered"


def test_the_inventory_is_a_table_of_classes_and_one_of_their_arguments(run, put, db):
    put(payload("A", 1, "x"), payload("A", 2), rails("MailJob", {"_aj_globalid": "gid://s/User/7"}))
    db.set("resque:resque-retry:A:0a", "1")
    lines = run("migrate", "inventory").output.splitlines()
    assert lines[0].split() == ["CLASS", "QUEUED", "QUEUES", "PLUGINS", "LAST", "SEEN"]
    assert lines[1].split()[:4] == ["A", "2", "q", "resque-retry"]
    assert "A        (integer, [string])  Resque" in lines
    assert "MailJob  (GlobalID s/User)    ActiveJob" in lines
    assert '  @resque.job("A", ..., plugins=[Retry()])' in lines


def test_of_an_empty_redis_it_says_that_there_are_no_jobs(run):
    result = run("migrate", "inventory")
    assert (result.exit_code, result.output) == (0, "no jobs anywhere\n")


def test_the_error_of_a_sample_is_stated(run, put):
    put(*(payload("A", at) for at in range(500)))
    output = run("migrate", "inventory", "--sample", "50").output
    assert "~500" in output
    assert "95 % confidence" in output
    assert "(50 of 500 were read)" in output
    assert "95 %" not in run("migrate", "inventory", "--whole").output


def test_as_json_it_has_every_figure_with_its_bounds(run, put):
    put(*(payload("A", at) for at in range(500)))
    found = json.loads(run("migrate", "inventory", "--sample", "50", "--json").output)
    (one,) = found["classes"]
    assert one["jobs"] == {"seen": 50, "estimate": 500, "low": 500 - 36, "high": 536} or (
        one["jobs"]["low"] < 500 < one["jobs"]["high"]
    )
    assert one["signature"] == "(integer)"
    assert found["sampled"] is True


def test_recurring_jobs_of_a_file_are_counted(run, environment):
    (environment / "schedule.yml").write_text("nightly:\n  cron: '0 9 * * *'\n  class: Nightly\n")
    output = run("migrate", "inventory", "--schedule", "schedule.yml").output
    assert output.splitlines()[1].split()[:2] == ["Nightly", "1"]


def test_a_schedule_that_cannot_be_read_is_an_error(run, environment):
    (environment / "schedule.yml").write_text("[broken")
    result = run("migrate", "inventory", "--schedule", "schedule.yml")
    assert result.exit_code == 2
    assert "schedule.yml" in result.output


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag, attrs) -> None:
        self.found.add(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "onclick", "onerror"}


def test_the_page_is_self_contained_and_escapes_everything(run, put, db, environment):
    bad = "<script>alert(1)</script>\"'" + EVIL
    put(payload(bad, {bad: bad}, **{bad: 1}), payload("\udcff"), queue=bad.replace("\x00", ""))
    db.set("resque:lonely_job:" + bad, "1")
    result = run("migrate", "inventory", "--html", "page.html")
    assert result.exit_code == 0
    text = (environment / "page.html").read_text("utf-8")
    tags = Tags()
    tags.feed(text)
    assert "script" not in tags.found
    assert "&lt;script&gt;" in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]", text)
    assert not re.search(r"https?://", text)


def test_a_page_that_cannot_be_written_is_an_error(run, put):
    put(payload("A"))
    result = run("migrate", "inventory", "--html", "no/such/folder/page.html")
    assert result.exit_code == 1
    assert "cannot be written" in result.output


@pytest.mark.parametrize("command", ["inventory", "coverage"])
def test_text_from_redis_is_printed_without_commands(run, put, app, command):
    put(payload(EVIL, {EVIL: EVIL}, **{EVIL: 1}), rails(EVIL, {"_aj_serialized": EVIL}))
    output = run("migrate", command, *(["-A", app] if command == "coverage" else [])).output
    assert "Evil" in output
    assert all(letter.isprintable() or letter == "\n" for letter in output)


@pytest.mark.parametrize("value", ["0", "-1", "x", "nan", "1e400"])
@pytest.mark.parametrize("option", ["--sample", "--watch"])
def test_a_wrong_number_is_misuse(run, option, value):
    assert run("migrate", "inventory", option, value).exit_code == 2


def test_it_watches_how_many_jobs_are_performed(run, put):
    put(payload("A"))
    output = run("migrate", "inventory", "--watch", "0.1").output
    assert "PERFORMED/S  ENQUEUED/S" in output
    assert "Watched for 0.1 s: 0 jobs performed" in output
    assert "All other figures are from before that." in output


def test_the_page_of_a_watch_has_its_figures_and_says_which_are_older(run, put, environment):
    put(payload("A"))
    run("migrate", "inventory", "--watch", "0.1", "--html", "page.html")
    text = (environment / "page.html").read_text("utf-8")
    heads = "<th>queued</th><th>performed/s</th><th>enqueued/s</th><th>queues</th>"
    assert heads in text
    assert '<td class="n">0.00</td>' in text or '<td class="n">-</td>' in text
    assert "All other figures are from before that." in text


def test_coverage_ends_with_one_when_a_class_has_no_handler(run, put, app):
    put(payload("A", 1), payload("B"))
    result = run("migrate", "coverage", "-A", app)
    assert result.exit_code == 1
    assert "50.0% of the jobs are covered; 1 class without a handler that fits: B" in result.output
    assert "registered, but never seen: MailJob" in result.output


def test_coverage_ends_with_zero_when_every_class_has_a_handler(run, put, app):
    put(payload("A", 1), rails("MailJob", 1))
    result = run("migrate", "coverage", "-A", app)
    assert (result.exit_code, "missing" in result.output) == (0, False)


def test_a_handler_that_refuses_the_arguments_seen_ends_coverage_with_one(run, put, app):
    put(payload("A", 1, 2))
    result = run("migrate", "coverage", "-A", app)
    assert result.exit_code == 1
    assert "wrong number of arguments (given 2, expected 1)" in result.output


@pytest.mark.parametrize(("least", "code"), [("49", 0), ("50", 0), ("50.1", 1), ("100", 1)])
def test_coverage_ends_with_zero_when_so_many_jobs_have_a_handler(run, put, app, least, code):
    put(payload("A", 1), payload("B"))
    result = run("migrate", "coverage", "-A", app, "--min", least)
    assert result.exit_code == code


@pytest.mark.parametrize("least", ["-1", "101", "x"])
def test_a_wrong_percentage_is_misuse(run, app, least):
    assert run("migrate", "coverage", "-A", app, "--min", least).exit_code == 2


def test_coverage_without_an_application_is_misuse(run):
    result = run("migrate", "coverage")
    assert result.exit_code == 2
    assert "-A myapp.jobs:resque" in result.output


def test_coverage_as_json(run, put, app):
    put(payload("A", 1), payload("B"))
    output = run("migrate", "coverage", "-A", app, "--json", "--min", "10").output
    found = json.loads(output)
    assert (found["percent"], found["enough"]) == (50.0, True)
    assert [one["state"] for one in found["classes"]] == ["handled", "missing"]


def test_an_inventory_that_is_interrupted_says_how_far_it_came(start, put, db):
    many = [payload("A", at, "x" * 200) for at in range(10_000)]
    for _ in range(20):
        put(*many)
    db.config_resetstat()
    process = start("migrate", "inventory", "--whole")
    eventually(lambda: db.info("commandstats"), lambda sent: "cmdstat_lrange" in sent)
    db.client_pause(2500)  # it tells how far it is after two seconds
    line = process.stderr.readline()
    assert "looking at jobs, job:" in line
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, "")
    assert re.search(r"interrupted: looked at \d+ of 200000 jobs; nothing was changed", errors)
    assert db.llen("resque:queue:q") == 200_000


def test_its_help_names_every_option(run):
    output = run("migrate", "inventory", "--help").output
    for option in ("--sample", "--whole", "--keys", "--watch", "--html", "--json", "--schedule"):
        assert option in output
