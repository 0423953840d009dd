"""Which payloads are a worker's own."""

from __future__ import annotations

import json

import pytest

from pyresque import Resque
from pyresque.activejob.registry import WRAPPER
from pyresque.errors import RoutingError
from pyresque.routing.ownership import Ownership
from pyresque.routing.rules import Routes, Rule
from pyresque.routing.share import place


def table(*rules):
    return Routes(tuple(Rule.parse(match, target) for match, target in rules), 1).encode()


def raw(name, *args, **more):
    return json.dumps({"class": name, "args": args, **more}, separators=(",", ":")).encode()


def active(name, job_id="id", *, spaced=False):
    job = {"job_class": name, "job_id": job_id, "arguments": []}
    separators = (", ", ": ") if spaced else (",", ":")
    return json.dumps({"class": WRAPPER, "args": [job]}, separators=separators).encode()


@pytest.fixture
def resque():
    made = Resque("redis://nowhere:1/0")
    made.job("Report", queue="low", aliases=["OldReport"])(lambda *args: args)
    made.active_job("Mailer")(lambda *args: args)
    return made


def ours(owned, payload):
    job = owned.owned("low", payload)
    assert job is None or (job.raw, job.queue) == (payload, "low")
    return job is not None


def ownership(resque, *own, raw_table=None):
    made = Ownership(resque.core.registry, resque.core.active_job_classes, resque.core.codec, own)
    made.read_table(raw_table)
    return made


@pytest.mark.parametrize(
    ("payload", "is_ours"),
    [
        (raw("Report", 1), True),
        (raw("::Report", 1), True),
        (raw("OldReport", 1), True),
        (b'{"args":[],"class":"Report"}', True),
        (b'{ "class" : "Report" , "args":[]}', True),
        (b'{"class":"R\\u0065port","args":[]}', True),
        (raw("Report", traceparent="x"), True),
        (active("Mailer"), True),
        (active("Mailer", spaced=True), True),
        (active("::Mailer"), True),
        (raw("Other", 1), False),
        (active("Other"), False),
        (raw("Mailer"), False),
        (active("Report"), False),
        (raw(WRAPPER), False),
        (raw(WRAPPER, {"job_class": 1}), False),
        (raw(None), False),
        (raw(["Report"]), False),
        (raw(""), False),
        (b'{"args":[]}', False),
        (b"no JSON", False),
        (b'["Report"]', False),
        (b'{"class":"Report"', False),
        (b"", False),
        (b"\xff", False),
        (b"[" * 100_000, False),
        (b'{"class":"Report","args":[' + b"[" * 200 + b"]" * 200 + b"]}", False),
    ],
)
def test_registered_classes_are_ours(resque, payload, is_ours):
    owned = ownership(resque)
    assert [ours(owned, payload) for _ in range(2)] == [is_ours, is_ours]


def test_a_class_named_twice_in_a_payload_is_never_taken_for_ruby_s(resque):
    owned = ownership(resque, raw_table=table(("Ruby", "ruby")))
    assert not ours(owned, raw("Ruby"))
    assert not ours(owned, b'{"class":"Report","args":[],"class":"Ruby"}')
    assert ours(owned, raw("Report"))


def test_what_is_remembered_of_one_payload_does_not_decide_on_another(resque):
    owned = ownership(resque)
    assert not ours(owned, b'{"class":"Other","args":[]}')
    assert not ours(owned, b'{"xxxxx":"Other","class":"Other"}')
    assert ours(owned, b'{"xxxxx":"Other","class":"Report"}')


@pytest.mark.parametrize(
    "more",
    [
        '{"job_class":"Mailer","job_class":"RubysMailer","arguments":[]}]',
        '{"job_class":"Mailer","arguments":[]}],"args":[{"job_class":"RubysMailer","arguments":[]}]',
        '{"job_class":"Mailer","arguments":[]},2]',
        '{"job_class":"Mailer","arguments":[]}],"args":7',
        '{"job_class":"Mailer","arguments":[]}],"class":"Ruby"',
    ],
)
def test_an_active_job_that_begins_like_one_of_ours_may_be_another(resque, more):
    owned = ownership(resque, raw_table=table(("RubysMailer", "ruby")))
    assert ours(owned, active("Mailer"))
    assert not ours(owned, f'{{"class":"{WRAPPER}","args":[{more}}}'.encode())
    assert ours(owned, active("Mailer"))


@pytest.mark.parametrize("args", ["", ',"args":[]', ',"args":[1]', ',"args":[{"job_class":7}]'])
@pytest.mark.parametrize("wrapper", [WRAPPER, f"::{WRAPPER}"])
def test_a_wrapper_without_a_job_hides_no_other(resque, args, wrapper):
    owned = ownership(resque)
    assert not ours(owned, f'{{"class":"{wrapper}"{args}}}'.encode())
    assert ours(owned, active("Mailer").replace(WRAPPER.encode(), wrapper.encode()))


@pytest.mark.parametrize(
    ("rules", "name", "is_ours"),
    [
        ([("Report", "ruby")], "Report", False),
        ([("Report", "ruby")], "::Report", False),
        ([("*", "ruby")], "Report", False),
        ([("*", "ruby"), ("Rep*", "python")], "Report", True),
        ([("Rep*", "python"), ("*", "ruby")], "Report", False),
        ([("Report", "python=0%")], "Report", False),
        ([("Other", "ruby")], "Report", True),
        ([("Other", "python")], "Other", False),
    ],
)
def test_the_last_rule_that_matches_decides(resque, rules, name, is_ours):
    assert ours(ownership(resque, raw_table=table(*rules)), raw(name)) is is_ours


def test_rules_of_the_setting_stand_below_those_in_redis(resque):
    assert not ours(ownership(resque, "Report=ruby"), raw("Report"))
    above = table(("Report", "python"))
    assert ours(ownership(resque, "Report=ruby", raw_table=above), raw("Report"))
    assert not ours(ownership(resque, "Rep*=python", raw_table=table(("*", "ruby"))), raw("Report"))


def test_an_active_job_is_routed_by_its_own_class(resque):
    owned = ownership(resque, raw_table=table(("Mailer", "ruby")))
    assert not ours(owned, active("Mailer"))
    assert not ours(ownership(resque, raw_table=table(("*Mailer*", "ruby"))), active("Mailer"))
    assert ours(ownership(resque, raw_table=table((WRAPPER, "ruby"))), active("Mailer"))


def test_of_a_share_the_jobs_below_it_are_ours(resque):
    owned = ownership(resque, raw_table=table(("Report", "python=25%")))
    codec = resque.core.codec
    payloads = [raw("Report", number) for number in range(400)]
    from pyresque.job.job import read_job

    wanted = {one for one in payloads if place(codec, read_job(codec, "", one).payload) < 25}
    assert {one for one in payloads if ours(owned, one)} == wanted
    assert 60 < len(wanted) < 140


def test_a_class_that_only_ruby_performs_is_not_ours(resque):
    resque.ruby_job("Declared", queue="low") if hasattr(resque, "ruby_job") else (
        resque.core.registry.declare("Declared", "low", ())
    )
    assert not ours(ownership(resque), raw("Declared"))


def test_a_class_routed_here_that_nobody_registered_is_told_once(resque, caplog):
    owned = ownership(resque, raw_table=table(("Missing", "python"), ("Gone*", "python=5%")))
    for _ in range(3):
        assert not ours(owned, raw("Missing"))
        assert not ours(owned, raw("GoneToo"))
        assert not ours(owned, raw("Elsewhere"))
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "Missing is routed to python, but is not registered here" in told[0]
    assert "GoneToo" in told[1]


def test_a_table_that_breaks_leaves_the_last_one_in_force(resque, caplog):
    owned = ownership(resque, raw_table=table(("Report", "ruby")))
    for broken in (b"no JSON", RoutingError("resque:migrate:routes is a list, no string")):
        before = owned.mark
        owned.read_table(broken)
        owned.read_table(broken)
        assert not ours(owned, raw("Report"))
        assert owned.mark != before
    assert [r.levelname for r in caplog.records] == ["WARNING"] * 2
    assert "the last one that could be read goes on" in caplog.text
    owned.read_table(None)
    assert ours(owned, raw("Report"))


@pytest.mark.parametrize("broken", [b"no JSON", b"[]", RoutingError("a list")])
def test_while_no_table_could_be_read_nothing_is_ours(resque, caplog, broken):
    owned = Ownership(resque.core.registry, resque.core.active_job_classes, resque.core.codec, ())
    owned.read_table(broken)
    assert not ours(owned, raw("Report"))
    assert "no job is taken" in caplog.text
    owned.read_table(table(("Other", "ruby")))
    assert ours(owned, raw("Report"))


def test_a_table_says_whether_it_changes_anything(resque):
    owned = ownership(resque)
    assert not owned.read_table(None)
    assert owned.read_table(table(("Report", "ruby")))
    assert not owned.read_table(table(("Report", "ruby")))
    assert owned.read_table(None)


def test_many_are_chosen_from_at_once(resque):
    owned = ownership(resque, raw_table=table(("Ruby*", "ruby")))
    others = [raw(f"Ruby{number}", number) for number in range(40)]
    payloads = [
        *others,
        raw("Report", 1),
        *others,
        raw("Reports", 1),
        active("Mailer"),
        b"",
        raw("Report", 2),
    ]
    for _ in range(3):
        chosen = owned.choose("low", payloads)
        assert [(at, one) for at, one, _ in chosen] == [
            (40, raw("Report", 1)),
            (82, active("Mailer")),
            (84, raw("Report", 2)),
        ]
        assert [job.raw for _, _, job in chosen] == [one for _, one, _ in chosen]
    owned.read_table(table(("Report", "ruby")))
    assert [at for at, _, _ in owned.choose("low", payloads)] == [82]


def test_a_class_whose_name_begins_with_another_s_is_not_taken_for_it(resque):
    resque.job("Rubyist", queue="low")(lambda *args: args)
    owned = ownership(resque, raw_table=table(("Ruby", "ruby")))
    assert [at for at, _, _ in owned.choose("low", [raw("Ruby"), raw("Ruby"), raw("Rubyist")])] == [
        2
    ]
