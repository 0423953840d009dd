"""What is in the doctor's way: few rights, a cluster, hostile text, commands of a shell, signals; and that nothing is ever written."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from pyresque.cli.main import cli
from pyresque.client import Resque
from pyresque.doctor.checkup import Checkup
from pyresque.doctor.commands import Commands, quoted
from pyresque.doctor.finding import Unseen
from pyresque.settings import Settings
from tests.support.acl import roles
from tests.support.hostile_text import EVIL, RAW, payload

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def user(db, redis_server) -> Iterator[Any]:
    """Makes a user with these rights; its URL."""

    def make(*rights: str) -> str:
        db.execute_command("ACL", "SETUSER", "few", "reset", "on", ">pw", "~resque:*", *rights)
        return f"redis://few:pw@127.0.0.1:{redis_server.port}/0"

    yield make
    db.acl_deluser("few")


def evil(db) -> None:
    """A Redis with something broken and hostile in every place."""
    for queue in (EVIL.encode(), RAW):
        db.sadd("resque:queues", queue)
        db.rpush(b"resque:queue:" + queue, payload(), RAW, b"{")
        db.set(b"resque:pause:queue:" + queue, "x")
    db.sadd("resque:workers", RAW, f"{EVIL}:7:{EVIL}")
    db.hset("resque:workers:heartbeat", RAW, RAW)
    db.set(b"resque:worker:" + RAW + b":1:x", RAW)
    db.rpush("resque:failed", RAW, b"[]", payload())
    db.hset("resque:persistent_schedules", RAW, RAW)
    db.hset(
        "resque:persistent_schedules", EVIL, json.dumps({"cron": EVIL, "class": EVIL, "queue": 5})
    )
    db.zadd("resque:delayed_queue_schedule", {RAW: 5, "nan": 7})
    db.rpush("resque:delayed:7", RAW)
    db.set("resque:resque:resque_scheduler_master_lock", RAW)
    db.set("resque:migrate:routes", RAW)
    db.set(b"resque:lock:Evil-[" + RAW + b"]", b"999999999999")
    db.set(b"resque:stat:" + RAW, RAW)
    db.hset("resque:failed_queues", RAW, RAW)


def contents(db) -> dict[bytes, bytes]:
    return {key: db.dump(key) for key in db.scan_iter()}


def test_hostile_and_broken_values_end_no_doctor_and_command_no_terminal(db):
    evil(db)
    before = contents(db)
    result = CliRunner().invoke(cli, ["doctor", "--whole"], prog_name="pyresque")
    assert result.exit_code == 4, result.output
    lines = result.output.split("\n")
    assert all(line.isprintable() for line in lines)
    assert not any(line.startswith("*** forged") for line in lines)
    assert "could not look" not in result.output
    names = set(json.loads(CliRunner().invoke(cli, ["doctor", "--json"]).stdout)["findings"][0])
    assert names == {"finding", "severity", "text", "why", "mend", "evidence"}
    assert contents(db) == before


def test_the_commands_for_names_of_any_bytes_mend_their_findings(db, found, carry_out):
    db.rpush(b"resque:queue:" + RAW, payload())
    db.sadd("resque:queues", "low")
    db.rpush("resque:queue:low", RAW, b"it's {broken\\'\n")
    db.set(b"resque:pause:queue:" + EVIL.encode(), "1")
    for name in ("queue-not-listed", "payload-unreadable"):
        for line in found("--whole")[name]["mend"]:
            assert line.isprintable()
            carry_out(line)
    assert not {"queue-not-listed"} & set(found("--whole"))
    assert db.lrange("resque:queue:low", 0, -1) == []


@pytest.mark.process
@pytest.mark.parametrize(
    "raw", [RAW.replace(b"\0", b""), b"it's \\' $HOME `x` \"", b"plain", b"", b"'\xff''\\x41"]
)
def test_bash_reads_a_quoted_word_back_byte_for_byte(raw):
    done = subprocess.run(
        ["bash", "-c", f"printf %s {quoted(raw)}"], capture_output=True, check=True
    )
    assert done.stdout == raw


def test_a_user_of_a_managed_redis_is_told_what_could_not_be_looked_at(db, user, monkeypatch):
    db.sadd("resque:queues", "alone")
    db.rpush("resque:queue:alone", payload())
    monkeypatch.setenv("REDIS_URL", user("+@all", "-config", "-info", "-time"))
    result = CliRunner().invoke(cli, ["doctor", "--json"])
    assert result.exit_code == 3, result.output
    report = json.loads(result.stdout)
    assert "queue-without-worker" in {one["finding"] for one in report["findings"]}
    reasons = {one["check"]: one["because"] for one in report["not_looked_at"]}
    assert "info" in reasons["server"].lower()
    assert "time" in reasons["clocks"].lower()
    printed = CliRunner().invoke(cli, ["doctor"]).output
    assert "could not look at server: " in printed
    assert ":pw@" not in printed
    assert '"$REDIS_URL"' in printed or "redis-cli" not in printed


def test_whether_there_are_save_points_is_not_told_without_config(db, user):
    with Resque(user("+@all", "-config")) as resque:
        report = resque.run(Checkup(resque.core).examine())
    assert [one.check for one in report.unseen] == ["persistence"]
    assert "no-persistence" not in {one.kind.name for one in report.findings}


def test_one_that_may_do_nothing_is_told_so_by_every_check(db, user):
    with Resque(user("+ping")) as resque:
        report = resque.run(Checkup(resque.core).examine())
    assert report.findings == []
    assert {"keys", "jobs", "server", "queues", "workers", "scheduler"} <= {
        one.check for one in report.unseen
    }
    assert all(isinstance(one, Unseen) and one.because for one in report.unseen)


def test_one_that_may_read_no_queue_is_not_told_that_all_is_well(db, user, monkeypatch):
    monkeypatch.setenv("REDIS_URL", user("+ping"))
    result = CliRunner().invoke(cli, ["doctor"])
    assert result.exit_code == 1, result.output
    assert "nothing wrong was seen; looked at 0 of 0 jobs" in result.output
    assert "could look at neither queues nor workers" in result.output


def test_a_place_of_jobs_that_may_not_be_read_hides_no_other_one(db, user):
    db.sadd("resque:queues", "low")
    db.rpush("resque:queue:low", RAW)
    with Resque(user("+@all", "-@hash")) as resque:
        report = resque.run(Checkup(resque.core).examine())
    assert "payload-unreadable" in {one.kind.name for one in report.findings}
    assert "hkeys" in next(one.because for one in report.unseen if one.check == "jobs").lower()
    assert (report.jobs_read, report.whole) == (1, False)


def test_it_looks_with_the_rights_that_the_page_of_connections_names(db, user):
    evil(db)
    db.execute_command("ACL", "LOG", "RESET")
    with Resque(user(*roles()["doctor"], "~activejob_uniqueness:*")) as resque:
        report = resque.run(Checkup(resque.core, whole=True).examine())
        assert report.unseen == []
        assert db.acl_log() == []


def test_it_sends_only_commands_that_read(db, user, resque):
    evil(db)
    with Resque(
        user("-@all", "+@read", "+@connection", "+info", "+time", "+config|get", "~*")
    ) as reader:
        report = reader.run(Checkup(reader.core, whole=True).examine())
    assert report.unseen == []
    assert report.findings


def test_a_namespace_and_a_url_of_the_command_line_stand_in_the_commands(
    db, monkeypatch, redis_url
):
    monkeypatch.setenv("REDIS_URL", "redis://nowhere:1/0")
    db.set("other:pause-all-workers", "true")
    result = CliRunner().invoke(cli, ["doctor", "--json", "-u", redis_url, "-n", "other"])
    (one,) = [
        one for one in json.loads(result.stdout)["findings"] if one["finding"] == "workers-paused"
    ]
    assert one["mend"] == [f"pyresque workers resume -u {redis_url} -n other"]
    assert CliRunner().invoke(cli, one["mend"][0].split()[1:]).exit_code == 0
    assert db.get("other:pause-all-workers") is None


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("redis://h:1/2", "redis-cli -u redis://h:1/2 GET x"),
        ("redis://u:secret@h:1/2", 'redis-cli -u "$REDIS_URL" GET x'),
        ("unix:///run/r.sock?db=3", "redis-cli -s /run/r.sock -n 3 GET x"),
        ("redis+cluster://a:1,b:2/", "redis-cli -c -u redis://a:1 GET x"),
        (
            "redis+sentinel://s1:26379,s2:26379/main/1",
            'redis-cli -u "redis://$(redis-cli -h s1 -p 26379 SENTINEL get-master-addr-by-name main | paste -sd:)/1" GET x',
        ),
    ],
)
def test_a_line_of_redis_cli_names_the_server(url, line):
    assert Commands(Settings.load(environ={"REDIS_URL": url}), {}).redis("GET", "x") == line


def test_a_cluster_is_examined_as_any_redis(cluster, monkeypatch):
    cluster.flush()
    with cluster.client("{r}:x") as db:
        db.rpush("{r}:queue:lost", payload())
        db.sadd("{r}:queues", "alone")
        db.rpush("{r}:queue:alone", b"{")
        db.set("{r}:lock:Sync-[1]", 9_999_999_999)
    with Resque(cluster.url, namespace="{r}") as resque:
        report = resque.run(Checkup(resque.core, whole=True).examine())
    names = {one.kind.name for one in report.findings}
    assert {
        "queue-not-listed",
        "queue-without-worker",
        "payload-unreadable",
        "lock-without-job",
    } <= names
    assert report.unseen == []


def test_a_redis_that_is_away_is_no_finding():
    result = CliRunner().invoke(cli, ["doctor", "-u", "redis://localhost:1"])
    assert result.exit_code == 1
    assert result.stderr.startswith("pyresque: ")


def test_it_says_what_it_does_where_that_lasts(db, monkeypatch, capsys):
    monkeypatch.setattr("pyresque.cli.progress.LONG", 0.0)
    monkeypatch.setattr("pyresque.cli.progress.EVERY_LINE", 0.0)
    db.sadd("resque:queues", "low")
    db.rpush("resque:queue:low", *(payload() for _ in range(10)))
    result = CliRunner().invoke(cli, ["doctor"])
    said = result.stderr
    assert "pyresque: looking at keys, key: " in said
    assert "pyresque: looking at jobs, job: 10 of 10 (100%)" in said
    assert "pyresque: checking, check: " in said
