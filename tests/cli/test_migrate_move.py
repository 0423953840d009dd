"""``pyresque migrate move``: as a process with its signals, killed at any moment, and once; and what the rules' commands tell of it."""

from __future__ import annotations

import json
import random
import signal
from contextlib import suppress
from datetime import datetime, timezone

import pytest

from pyresque.process.host.posix import hostname
from pyresque.routing.rules import Rule

QUEUE, ASIDE = "resque:queue:low", "resque:migrate:queue:low"


def payload(name, number):
    return f'{{"class":"{name}", "args":[{number}]}}'.encode()


def mixed(count, seed=0):
    chosen = random.Random(seed)
    return [payload(chosen.choice(["P", "R"]), n) for n in range(count)]


def is_python(raw):
    return raw.startswith(b'{"class":"P')


def test_once_and_back(run, resque, db):
    resque.routes.set("P", "python")
    db.rpush(QUEUE, *mixed(50))
    ours = sum(map(is_python, mixed(50)))
    result = run("migrate", "move", "--once", "-q", "low")
    assert (result.exit_code, result.stdout) == (
        0,
        f"moved {ours} jobs aside for Python\nmoved 0 jobs back to Ruby\n",
    )
    assert json.loads(run("migrate", "move", "--back", "-q", "*", "--json").stdout) == {
        "aside": 0,
        "back": 0,
    }
    told = run("migrate", "route", "rollback")
    assert f"{ours} jobs lie aside for Python" in told.stderr
    assert "pyresque migrate move --back -q low" in told.stderr
    assert json.loads(run("migrate", "move", "--back", "-q", "*", "--json").stdout)["back"] == ours
    assert db.llen(QUEUE) == 50
    assert "aside" not in run("migrate", "route", "set", "P", "python").stderr
    run("migrate", "move", "--once", "-q", "low")
    result = run("migrate", "move", "--back", "--all", "-q", "low")
    assert result.stdout == f"moved {ours} jobs back to Ruby\n"


def test_a_rule_is_taken_out_and_a_dry_run_changes_nothing(run, resque):
    run("migrate", "route", "set", "Report", "python")
    run("migrate", "route", "set", "Mail", "ruby", "--dry-run")
    assert [rule.match for rule in resque.routes.show().rules] == ["Report"]
    told = run("migrate", "route", "unset", "Report", "--dry-run", "--json")
    assert json.loads(told.stdout) == {"version": 2, "rules": [], "dry_run": True}
    told = run("migrate", "route", "rollback", "--dry-run")
    assert told.stdout.startswith("The rules would be:\nno rules")
    assert [rule.match for rule in resque.routes.show().rules] == ["Report"]
    run("migrate", "route", "unset", "Report", "--by", "ann")
    assert resque.routes.show().rules == ()
    assert (resque.routes.changes(1)[0].by, resque.routes.changes(1)[0].what) == (
        "ann",
        "unset Report",
    )
    told = run("migrate", "route", "unset", "Report")
    assert (told.exit_code, "no rule of 'Report'" in told.stderr) == (1, True)


def test_what_goes_wrong_is_one_line(run, resque, db):
    assert run("migrate", "move", "--once").exit_code == 2
    assert run("migrate", "move", "--all", "-q", "low").exit_code == 2
    assert run("migrate", "move", "--json", "-q", "low").exit_code == 2
    db.set("resque:migrate:routes", "nonsense")
    result = run("migrate", "move", "--once", "-q", "low")
    assert result.exit_code == 2
    assert "no JSON" in result.stderr
    db.set("resque:migrate:queues", "x")
    assert run("migrate", "move", "--back", "--all", "-q", "low").exit_code == 0


def test_an_application_says_which_classes_it_performs(run, resque, db):
    resque.routes.set("*", "python")
    db.rpush(QUEUE, payload("Note", 1), payload("Reports::Boom", 2), payload("Unknown", 3))
    db.rpush(QUEUE, payload("OldBoom", 4))
    assert run("migrate", "move", "--once", "-q", "low", "-A", "myapp:resque").exit_code == 0
    assert (db.llen(ASIDE), db.lrange(QUEUE, 0, -1)) == (3, [payload("Unknown", 3)])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_mover_moves_until_a_signal_stops_it(start, resque, db, eventually, number):
    resque.routes.set("P", "python")
    process = start("migrate", "move", "-q", "low", "--poll", "0.01")
    db.rpush(QUEUE, *mixed(100))
    eventually(lambda: not any(map(is_python, db.lrange(QUEUE, 0, -1))))
    assert (
        db.get("resque:migrate:mover:low") or f"{hostname()}:{process.pid}".encode()
    ).startswith(f"{hostname()}:{process.pid}".encode())
    resque.routes.set("P", "ruby")
    eventually(lambda: not db.exists(ASIDE))
    process.send_signal(signal.SIGUSR2)
    resque.routes.set("P", "python")
    db.rpush(QUEUE, payload("P", 1000))
    process.send_signal(signal.SIGCONT)
    eventually(lambda: db.lrange(ASIDE, -1, -1) == [payload("P", 1000)])
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "aside for Python" in output
    assert "Exiting" in output


def test_a_mover_waits_for_redis_and_tells_its_health(start, resque, db, eventually, unused_port):
    import urllib.request

    resque.routes.set("P", "python")
    process = start("migrate", "move", "-q", "low", "--health-port", str(unused_port))

    def probe(path):
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{unused_port}{path}", timeout=60) as reply,
        ):
            return reply.status

    eventually(lambda: probe("/ready") == 200)
    for client in db.client_list():
        if client["addr"] != db.client_info()["addr"]:
            with suppress(Exception):
                db.client_kill(client["addr"])
    db.rpush(QUEUE, payload("P", 1))
    eventually(lambda: db.llen(ASIDE) == 1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


@pytest.fixture
def unused_port():
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.mark.parametrize("seed", range(3))
def test_movers_that_are_killed_lose_nothing(start, resque, db, eventually, seed):
    """Two movers are killed again and again while jobs are pushed and popped on both sides, and routes change."""
    chosen = random.Random(seed)
    pushed, left = mixed(6000, seed), 6000
    popped = []
    for turn in range(6):
        resque.routes.set("P", "python")
        pushed.append(payload("P", 10_000 + turn))
        db.rpush(QUEUE, pushed[-1])
        movers = [start("migrate", "move", "-q", "low", "--poll", "0.001") for _ in range(2)]
        eventually(lambda: pushed[-1] not in db.lrange(QUEUE, 0, -1))
        for _ in range(20):
            some = pushed[6000 - left : 6050 - left]
            left -= len(some)
            db.rpush(QUEUE, *some)
            popped += db.lpop(QUEUE, chosen.randrange(1, 40)) or []
            popped += db.lpop(ASIDE, chosen.randrange(1, 40)) or []
            if chosen.random() < 0.1:
                resque.routes.set("P", chosen.choice(["python", "ruby", "python=50%"]))
        for one in movers:
            one.send_signal(signal.SIGKILL)
            one.wait(60)
        db.delete("resque:migrate:mover:low")
    popped += db.lrange(QUEUE, 0, -1) + db.lrange(ASIDE, 0, -1)
    assert sorted(popped) == sorted(pushed)


def test_the_guard_is_printed_as_it_is_kept(run):
    result = run("migrate", "ruby-guard")
    assert result.exit_code == 0
    assert "module PyresqueGuard" in result.stdout
    assert len(result.stdout.splitlines()) < 190


def failed(name, number, exception="NameError"):
    error = f"uninitialized constant {name}"
    return (
        b'{"failed_at":"2026/03/01 12:00:00 UTC","payload":%b,"exception":"%b","error":"%b",'
        b'"backtrace":[],"worker":"h:1:low","queue":"low"}'
        % (payload(name, number), exception.encode(), error.encode())
    )


def test_rescue_puts_exactly_those_back_with_their_bytes(run, resque, db):
    db.rpush("resque:failed", failed("Py", 1), failed("Rb", 2), failed("Py", 3, "ArgumentError"))
    db.rpush("resque:failed", b"nonsense", failed("Py", 4), b"{}")
    resque.routes.set("Py", "python")
    dry = run("migrate", "rescue", "--dry-run", "--json")
    assert [one["index"] for one in json.loads(dry.stdout)["rescued"]] == [0, 4]
    assert (
        "left: classes that Ruby does not know, but that no rule leads to Python: Rb (1)"
        in dry.stderr
    )
    assert run("migrate", "rescue").exit_code == 2  # no terminal to ask at
    assert db.llen(QUEUE) == 0
    result = run("migrate", "rescue", "--yes")
    assert result.exit_code == 0, result.stderr
    assert db.lrange(QUEUE, 0, -1) == [payload("Py", 1), payload("Py", 4)]
    assert b"retried_at" in db.lindex("resque:failed", 0)
    assert run("migrate", "rescue", "--yes").stdout == "no failed job is meant\n"
    assert db.llen(QUEUE) == 2
    db.set("resque:migrate:routes", "nonsense")
    assert run("migrate", "rescue", "--yes").exit_code == 2


def test_rescue_by_what_an_application_registers(run, db):
    db.rpush("resque:failed", failed("Note", 1), failed("Reports::Boom", 2), failed("Gone", 3))
    result = run("migrate", "rescue", "--yes", "-A", "myapp:resque")
    assert result.exit_code == 0, result.stderr
    assert db.lrange(QUEUE, 0, -1) == [payload("Note", 1), payload("Reports::Boom", 2)]
    assert "Gone (1)" in result.stderr


def test_the_status_of_brakes(run, resque, db):
    assert run("migrate", "route", "status").stdout == "no class with a brake was performed\n"
    run("migrate", "route", "set", "Report", "python=10%", "--brake", "5%", "--least", "3")
    assert "5 points, from 3 jobs on" in run("migrate", "route", "show").stdout
    (rule,) = resque.routes.show().rules
    db.hset("resque:migrate:last", "python:Report", rule.since)
    assert (
        json.loads(run("migrate", "route", "status", "--json").stdout)["brakes"][0]["trips"]
        is False
    )
    board = resque.core.routes
    resque.run(
        board.change(
            lambda routes: routes.with_rule(Rule("Report", "ruby", tripped="why")), "x", "brake"
        )
    )
    result = run("migrate", "route", "status")
    assert result.exit_code == 1
    assert "tripped" in result.stdout
    assert "why" in run("migrate", "route", "show").stdout
    found = json.loads(run("migrate", "route", "status", "--json").stdout)
    assert found["tripped"][0]["match"] == "Report"
    run("migrate", "route", "rollback")
    assert run("migrate", "route", "status").exit_code == 0
    assert run("migrate", "route", "set", "A", "python", "--brake", "x").exit_code == 2


def test_without_the_guard_ruby_s_failures_are_those_of_the_failed_list(run, resque, db):
    resque.routes.set("Py", "python=10%", brake=5, least=100)
    table = json.loads(db.get("resque:migrate:routes"))
    table["rules"][0]["since"] = 0
    db.set("resque:migrate:routes", json.dumps(table))
    now = datetime.now(timezone.utc)
    db.hset("resque:migrate:last", "python:Py", 1)
    db.hset(f"resque:migrate:lately:{now:%Y-%m-%dT%H}:Py", f"{now:%M}:python:failed", 1)
    fresh = failed("Py", 1).replace(b"2026/03/01 12:00:00", f"{now:%Y/%m/%d %H:%M:%S}".encode())
    db.rpush("resque:failed", failed("Py", 0), b"nonsense", fresh, fresh, fresh)
    (found,) = json.loads(run("migrate", "route", "status", "--json").stdout)["brakes"]
    assert found["ruby_exact"] is False
    assert "Ruby failed about 2 (failed records less Python's)" in found["why"]
    table["rules"][0]["since"] = int(now.timestamp()) + 3600
    table["rules"].append({**table["rules"][0], "match": "Old", "since": 0})
    db.set("resque:migrate:routes", json.dumps(table))
    db.hset("resque:migrate:last", "python:Old", 1)
    found = json.loads(run("migrate", "route", "status", "--json").stdout)["brakes"]
    assert all("Ruby failed about 0 " in one["why"] for one in found), found


def test_a_rule_that_a_later_one_overrules_is_told(run, db):
    run("migrate", "route", "set", "Report", "python=10%")
    run("migrate", "route", "set", "Tax::*", "python")
    assert "no effect" not in run("migrate", "route", "show").stdout
    shown = run("migrate", "route", "set", "*", "ruby").stdout
    assert "A later rule decides for these, so they have no effect now: Report, Tax::*\n" in shown
    assert "now: Tax::*\n" in run("migrate", "route", "set", "Report", "python").stdout


def test_a_class_that_the_application_does_not_register_is_told(run, environment, db):
    (environment / "app_routes.py").write_text(
        "from pyresque import Resque\nresque = Resque()\n"
        "@resque.job('Known', queue='q')\ndef known(): ...\n"
        "@resque.active_job('Active', queue='q')\ndef active(): ...\n"
        "resque.declare('Declared', queue='q')\n"
    )

    def told(*words: str) -> str:
        return run("migrate", "route", "set", *words, "-A", "app_routes:resque").stderr

    for name in ("Knwon", "Declared", "Evil\x1b"):
        assert "is not registered in app_routes:resque" in told(name, "python=10%")
    assert "\x1b" not in told("Evil\x1b", "python")
    for words in (("Known", "python"), ("Active", "python"), ("Knwon", "ruby"), ("K*", "python")):
        assert "not registered" not in told(*words)
    assert "not registered" not in run("migrate", "route", "set", "Knwon", "python").stderr
