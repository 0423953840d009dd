"""``pyresque migrate schedule``: the schedules of both sides, what would fire otherwise, and who leads."""

from __future__ import annotations

import json

import pytest

from pyresque.store.schedules import Claim

APP = """
from pyresque import Resque

resque = Resque()

@resque.job("Tea", queue="kitchen")
def tea(*args): ...

@resque.job("Homeless")
def homeless(*args): ...

class Status:
    perform = scheduled = staticmethod(lambda *args: True)

resque.job("WithStatus", queue="kitchen")(Status)

@resque.active_job("CleanJob", queue="default")
def clean(job): ...

resque.declare("RubyOnly", queue="ruby")
"""


@pytest.fixture
def look(run, environment):
    """The report on a schedule, by entry; further options as words."""
    (environment / "app_schedule.py").write_text(APP)

    def call(text: str | None, *words: str, app: bool = True) -> dict[str, object]:
        if text is not None:
            (environment / "ruby.yml").write_text(text, encoding="utf-8")
            words = ("--schedule", "ruby.yml", *words)
        if app:
            words = ("-A", "app_schedule:resque", *words)
        result = run("migrate", "schedule", *words, "--json")
        report = json.loads(result.stdout)
        assert result.exit_code == int(report["differs"]), result.stderr
        report["by_name"] = {one["name"]: one for one in report["entries"]}
        return report

    return call


def kinds(found: list[dict[str, object]], *, differs: bool = True) -> set[object]:
    return {one["kind"] for one in found if one["differs"] is differs}


def test_what_fires_alike_is_shown_side_by_side(look):
    report = look(
        "tea: {cron: '0 9 * * mon-fri Europe/Berlin', class: Tea, queue: kitchen}\n"
        "often: {every: 30m, class: Tea, queue: kitchen}\n"
    )
    assert report["differs"] is False
    for one in report["entries"]:
        assert one["ruby"] == one["python"]
        assert len(one["ruby"]) == 2
    assert kinds(report["by_name"]["often"]["findings"], differs=False) >= {"phase"}


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ("{cron: '61 * * * *', class: Tea, queue: k}", "fault"),
        ("{every: 10, class: Tea, queue: k}", "fault"),
        ("just a text", "fault"),
        ("{cron: '0 9 * * * UTC', class: Homeless}", "queue"),
        ("{cron: '0 9 * * * UTC', class: Nobody}", "queue"),
        ("{cron: '0 9 * * * UTC', class: CleanJob, queue: d}", "active-job"),
        (
            "{cron: '0 9 * * * UTC', class: Tea, queue: k, custom_job_class: Ruby::Status}",
            "custom_job_class",
        ),
        ("{cron: '0 9 * * * UTC', class: Tea, queue: k, rails_env: production}", "environment"),
        ("{cron: '0 9 * * * UTC', class: Tea, queue: k, args: 2026-01-01 10:00:00}", "args"),
        ("{every: 1h, class: Tea, queue: k, skip_if_queued: true}", "python-only"),
        ("{every: 1h, class: Tea, queue: k, catch_up: 3}", "python-only"),
        ("{every: [1h, {first_at: '2001-01-01 00:00'}], class: Tea, queue: k}", "options"),
    ],
)
def test_what_fires_otherwise_is_named_and_ends_with_1(look, config, kind):
    report = look(f"one: {config}\n")
    assert report["differs"] is True
    assert kind in kinds(report["by_name"]["one"]["findings"])


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ("{cron: '0 9 * * * UTC', class: Tea}", "queue"),
        ("{cron: '0 9 * * * UTC', class: RubyOnly}", "queue"),
        ("{cron: '0 9 * * * UTC', class: Nobody, queue: k}", "class"),
        ("{class: Tea, queue: k}", "timing"),
        ("{at: '2030-01-01', class: Tea, queue: k}", "keys"),
        ("{every: [1h, {first_in: 5s, overlap: false}], class: Tea, queue: k}", "options"),
        ("{every: [1h, {times: 3}], class: Tea, queue: k}", "options"),
        ("{cron: '0 9 * * tue%3 UTC', class: Tea, queue: k}", "fugit"),
        ("{cron: '0 9 * * * UTC', class: Tea, queue: k, custom_job_class: WithStatus}", "queue"),
        ("{cron: '0 9 * * * UTC', class: Tea, queue: k, custom_job_class: 'Resque::Job'}", "queue"),
        ("{inner: {cron: '0 9 * * *', class: Tea}}", "section"),
    ],
)
def test_what_to_look_at_is_noted(look, config, kind):
    report = look(f"one: {config}\n")
    assert kind in kinds(report["by_name"]["one"]["findings"], differs=False)
    assert report["by_name"]["one"]["differs"] is False


def test_zones_that_differ_make_other_runs(look, monkeypatch):
    text = "tea: {cron: '0 9 * * *', class: Tea, queue: kitchen}\n"
    report = look(text, "--time-zone", "Europe/Berlin")
    assert "zone" in kinds(report["findings"], differs=False)
    report = look(text, "--time-zone", "Europe/Berlin", "--ruby-zone", "UTC")
    assert kinds(report["by_name"]["tea"]["findings"]) == {"timing"}
    report = look(text, "--time-zone", "UTC", "--ruby-zone", "Etc/UTC")
    assert report["differs"] is False
    # Alike in winter, an hour apart for some weeks: Berlin and Cairo. A year of runs is compared.
    report = look(text, "--time-zone", "Africa/Johannesburg", "--ruby-zone", "Africa/Cairo")
    assert kinds(report["by_name"]["tea"]["findings"]) == {"timing"}


def test_the_version_of_fugit_decides_of_weeks(look):
    text = "tea: {cron: '0 9 * * tue%3 UTC', class: Tea, queue: kitchen}\n"
    assert kinds(look(text, "--fugit", "1.5.2")["by_name"]["tea"]["findings"]) == {"fugit"}
    assert look(text, "--fugit", "1.12")["differs"] is False


def test_a_difference_that_is_meant_may_be_allowed(look):
    text = "tea: {every: 1h, class: Tea, queue: kitchen, skip_if_queued: true}\n"
    assert look(text)["differs"] is True
    assert look(text, "--allow", "python-only")["differs"] is False


def test_two_files_are_compared_entry_by_entry(look, environment):
    (environment / "python.yml").write_text(
        "tea: {cron: '0 9 * * * UTC', class: Tea, queue: kitchen, args: [1.0]}\n"
        "more: {every: 1h, class: Tea, queue: kitchen}\n"
        "often: {every: 20m, class: Tea, queue: kitchen}\n"
    )
    report = look(
        "tea: {cron: '0 9 * * * UTC', class: Tea, queue: pantry, args: [1]}\n"
        "less: {every: 1h, class: Tea, queue: kitchen}\n"
        "often: {every: 30m, class: Tea, queue: kitchen}\n",
        *("--python-schedule", "python.yml"),
    )
    found = {name: one["findings"] for name, one in report["by_name"].items()}
    assert kinds(found["tea"]) == {"job"}
    assert {one["text"].split(":")[0] for one in found["tea"] if one["differs"]} == {
        "queue",
        "args",
    }
    assert (kinds(found["less"]), kinds(found["more"])) == ({"missing"}, {"added"})
    assert kinds(found["often"]) == {"timing"}


def test_what_redis_has_runs_on_both_sides(look, resque):
    config = {"cron": "0 9 * * * UTC", "class": "Tea", "queue": "kitchen"}
    resque.set_schedule("tea", config, persist=True)
    report = look("tea: {every: 5m, class: Tea, queue: kitchen}\n")
    assert report["differs"] is False
    assert report["by_name"]["tea"]["in_redis"] is True
    assert "another one" in report["by_name"]["tea"]["findings"][0]["text"]
    assert "dynamic" in kinds(report["findings"], differs=False)


def test_what_a_process_of_rubys_has_set_for_itself_is_missed(look, resque, db):
    db.hset("resque:delayed:last_enqueued_at", "old", "2020-01-01 00:00:00 +0000")
    db.sadd("resque:schedules_changed", "unknown")
    report = look("tea: {every: 5m, class: Tea, queue: kitchen}\n")
    assert report["differs"] is False
    assert len([one for one in report["findings"] if one["kind"] == "elsewhere"]) == 2
    resque.last_enqueued_at("young", "2999-01-01 00:00:00 +0000")
    report = look("tea: {every: 5m, class: Tea, queue: kitchen}\n")
    assert "young" in next(one["text"] for one in report["findings"] if one["differs"])
    assert db.smembers("resque:schedules_changed") == {b"unknown"}


def test_the_leader_is_named_with_its_language(look, resque, db):
    text = "tea: {cron: '*/5 * * * *', class: Tea, queue: kitchen}\n"
    assert look(text)["leader"]["language"] == "nobody"
    db.set(resque.core.lock.key, "app1:7", ex=100)
    assert look(text)["leader"] == {
        "language": "ruby",
        "holder": "app1:7",
        "ttl": pytest.approx(100, abs=5),
    }
    db.delete(resque.core.lock.key)
    resque.run(resque.core.lock.hold(Claim("app2:8", "token")))
    report = look(text)
    assert report["leader"]["language"] == "python"
    assert report["quiet"] is not None
    assert "send TERM to Python's" in report["steps"][1]
    db.set("resque:resque_scheduler_leader_lock", "node")
    assert kinds(look(text)["findings"]) == {"lock"}


def test_plain_texts_that_ruby_reads_otherwise_are_named(look):
    report = look(
        "tea:\n  every: 5m\n  class: Tea\n  queue: kitchen\n"
        "  args: [1_000, '1,000', 1,000, oN, 12:30, 2026-1-1, yes, 5m, {:first_in: 5s}]\n"
    )
    texts = [one["text"] for one in report["findings"] if one["kind"] == "yaml"]
    assert sorted(text.split("reads ")[1].split(" as ")[0] for text in texts) == [
        "12:30",
        "2026-1-1",
        "oN",
    ]
    assert all("line 5" in text for text in texts)


def test_a_template_and_other_broken_files_end_with_1(run, environment):
    for text, said in (
        ("a: {every: '<%= 5 %>m'}\n", "render it first: erb ruby.yml"),
        ("a: [", "ruby.yml, line"),
        ("a: !ruby/object:Foo {}\n", "Ruby object"),
        ("- 1\n", "a schedule is a mapping"),
    ):
        (environment / "ruby.yml").write_text(text)
        result = run("migrate", "schedule", "--schedule", "ruby.yml")
        assert result.exit_code == 1
        assert said in result.stderr


def test_people_see_a_table_and_the_next_steps(run, environment, resque, db):
    db.set(resque.core.lock.key, "app1:7")
    (environment / "ruby.yml").write_text("tea: {every: 5m, class: Tea, queue: kitchen}\n")
    shown = run("migrate", "schedule", "--schedule", "ruby.yml").stdout
    assert shown.splitlines()[0].split() == ["NAME", "RUBY", "PYTHON"]
    assert "Ruby's scheduler app1:7 leads" in shown
    assert "send TERM to Ruby's" in shown


def test_hostile_entries_in_redis_are_faults_of_their_own(look, db):
    for name, raw in (
        (b"json", b"{"),
        (b"list", b"[1]"),
        (b"\x1b[31m\xff", b'{"every":"5m","class":"Tea","queue":"k"}'),
        (b"deep", b"[" * 5000),
        (b"huge", b'{"every":"' + b"9" * 5000 + b's","class":"Tea","queue":"k"}'),
    ):
        db.hset("resque:persistent_schedules", name, raw)
    report = look(None)
    assert len(report["entries"]) == 5
    assert {
        name for name, one in report["by_name"].items() if kinds(one["findings"]) == {"fault"}
    } == {*("json", "list", "deep", "huge")}


def test_keys_of_wrong_types_count_as_empty(look, db):
    for key in ("persistent_schedules", "delayed:last_enqueued_at", "schedules_changed"):
        db.set(f"resque:{key}", "x")
    db.lpush("resque:resque:resque_scheduler_master_lock", "x")
    assert look("tea: {every: 5m, class: Tea, queue: kitchen}\n")["differs"] is False


def test_wrong_options_are_misuse(run, environment):
    assert run("migrate", "schedule", "--ruby-zone", "Mars").exit_code == 2
    assert run("migrate", "schedule", "--fugit", "new").exit_code == 2
    assert run("migrate", "schedule", "--allow", "everything").exit_code == 2


def test_nothing_is_written(look, resque, db):
    resque.set_schedule("tea", {"every": "5m", "class": "Tea", "queue": "kitchen"}, persist=True)
    before = {key: db.dump(key) for key in db.scan_iter()}
    look("other: {every: 5m, class: Tea, queue: kitchen}\n")
    assert {key: db.dump(key) for key in db.scan_iter()} == before
