"""Stubs: what is written for which payloads, and that mypy, ruff and pytest find no fault with it, whatever Redis held."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pyresque.activejob import Keywords, Symbol, serialize
from pyresque.activejob.registry import WRAPPER
from pyresque.errors import StubsError
from pyresque.job.job import JsonCodec, read_job
from pyresque.migrate.redact import redacted
from pyresque.migrate.stub_files import sources, write
from pyresque.migrate.stub_names import paths
from pyresque.migrate.stub_sample import Samples
from pyresque.routing.share import routed_class

BIG = {f"key{n}": n for n in range(80)}


def plain(name: str, *args: Any) -> dict[str, Any]:
    return {"class": name, "args": list(args)}


def active(name: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
    found = {
        "job_class": name,
        "job_id": "1",
        "queue_name": "mail",
        "arguments": serialize(args, kwargs),
    }
    return {"class": WRAPPER, "args": [found]}


def raw_active(name: Any, arguments: Any) -> dict[str, Any]:
    return {
        "class": WRAPPER,
        "args": [{"job_class": name, "queue_name": "q", "arguments": arguments}],
    }


def sampled(*payloads: dict[str, Any], plugins: dict[str, dict[str, str]] | None = None) -> Samples:
    found = Samples()
    for payload in payloads:
        job = read_job(JsonCodec(), "low", json.dumps(payload).encode())
        found.add(job, routed_class(job.payload))
    for name, lines in (plugins or {}).items():
        found.classes[name].plugins = lines
    return found


def source_of(path: str, found: Samples) -> str:
    return dict(sources(found))[path]


def test_the_module_and_its_signature_follow_the_payloads():
    found = sampled(
        plain("Reports::Monthly", 7, "2026-11", {"draft": True, "to": "ann"}),
        plain("Reports::Monthly", 8, None, {"draft": False}),
        plain("Reports::Monthly", 8),
    )
    assert (
        source_of("reports/monthly.py", found)
        == '''"""The job Reports::Monthly, written from payloads that Redis held. The body is yours."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from ..base import resque

if TYPE_CHECKING:
    from typing_extensions import NotRequired


class Options(TypedDict):
    draft: bool
    to: NotRequired[str]


@resque.job("Reports::Monthly", queue="low")
def monthly(arg1: int, arg2: str | None = None, options: Options | None = None) -> None:
    """Perform Reports::Monthly.

    A call that was seen, its values redacted::

        Reports::Monthly(1, None, {'draft': False})

    """
    raise NotImplementedError
'''
    )


def test_an_active_job_has_its_keywords_and_addresses_of_records():
    found = sampled(
        raw_active(
            "SyncAccountJob",
            [
                {"_aj_globalid": "gid://shop/Account/7"},
                {"force": True, "class": 1, "_aj_ruby2_keywords": ["force", "class"]},
            ],
        ),
        raw_active("SyncAccountJob", [{"_aj_globalid": "gid://shop/Account/8"}]),
        active("SymbolJob", Symbol("weekly")),
    )
    source = source_of("sync_account_job.py", found)
    assert '@resque.active_job("SyncAccountJob", queue="low")' in source
    assert (
        "account: GlobalID,\n    *,\n    force: bool | None = None,\n    **options: Any,\n"
        in source
    )
    assert "(shop/Account)" in source
    assert (
        "SyncAccountJob({'_aj_globalid': 'gid://shop/Account/1'}, force: True, class: 1)" in source
    )
    assert "arg1: Symbol" in source_of("symbol_job.py", found)


def test_marks_of_plugins_become_lines_of_the_registration():
    found = sampled(
        *(plain(name, 1) for name in ("Once", "Limited", "Both")),
        plain("Tracked", "0" * 32, {"rows": 3, "to": "x"}),
        plain("Tracked", "1" * 32, {"rows": 3}),
        plain("Described", "2" * 40, 7),
        active("Unique", 1),
        plugins={
            "Once": {"resque-loner": "Loner()"},
            "Limited": {
                "resque-restriction": "Restriction(per_hour=...)",
                "resque-retry": "Retry(suppress=True)",
            },
            "Both": {"resque-loner": "Loner()", "resque_solo": "Solo()"},
            "Tracked": {"resque-status": "Status()"},
            "Described": {"resque-meta": "Meta()"},
            "Unique": {"activejob-uniqueness": "until_executed"},
        },
    )
    assert '"Once", queue="low", plugins=[Loner()])' in source_of("once.py", found)
    limited = source_of("limited.py", found)
    assert "plugins=[Retry(suppress=True)]" in limited
    assert "# resque-restriction: plugins=[Restriction(per_hour=...)]" in limited
    assert "# resque_solo: plugins=[Solo()]" in source_of("both.py", found)
    assert "def tracked(*, rows: int, to: str | None = None) -> None:" in source_of(
        "tracked.py", found
    )
    assert "def described(arg1: int) -> None:" in source_of("described.py", found)
    assert 'unique="until_executed")' in source_of("unique.py", found)


def test_the_order_of_jobs_does_not_matter():
    payloads = [plain("A", n, "x" * n) for n in range(20)] + [
        plain("A", {"b": None}),
        plain("B::C", [1, "x"]),
    ]
    assert dict(sources(sampled(*payloads))) == dict(sources(sampled(*reversed(payloads))))


def test_no_two_classes_share_a_path():
    found = paths(
        ["A::B", "A::b", "A", "a", "../x", "x", "A::B::C", "App", "Base", "Tests", "Class", "Größe", "", "::",
         "X" * 150, "X" * 151, "A::HTML", "A::Html", "CON", "1st", "A/B", "A.B", "A\\B", "A:B", "\x00"]
    )  # fmt: skip
    folded = {"/".join(path).casefold() for path in found.values()}
    assert len(folded) == len(found)
    packages = {path[:depth] for path in found.values() for depth in range(1, len(path))}
    assert packages.isdisjoint(found.values())
    for path in found.values():
        assert all(part.isidentifier() and part.isascii() for part in path)


def test_nothing_that_a_value_said_is_left():
    secret = {
        "name": "Ann",
        "age": 1234,
        "rate": 2.25,
        "on": True,
        "none": None,
        "deep": [["Ann", -12]],
    }
    assert redacted(secret) == {
        "name": "xxx", "age": 1111, "rate": 1.5, "on": True, "none": None, "deep": [["xxx", -11]],
    }  # fmt: skip
    assert redacted({"_aj_globalid": "gid://shop/Account/secret"}) == {
        "_aj_globalid": "gid://shop/Account/111111"
    }
    assert redacted({"_aj_serialized": "Mine", "value": "Ann"}) == {
        "_aj_serialized": "Mine",
        "value": "xxx",
    }
    assert redacted({"_aj_symbol_keys": ["a"], "a": 1}) == {"_aj_symbol_keys": ["a"], "a": 1}


WORDS = ["class", "def", "from", "self", "None", "match", "type", "print", "resque", "annotations", "__x", "a-b",
         "größe", "", "1", "\u202e", "a\nb", 'q"', "\\", "x" * 300]  # fmt: skip

HOSTILE = [
    *(plain(name, 1, dict.fromkeys(WORDS, 1)) for name in (
        "../x", "../../etc/passwd", "A::B", "A::b", "A", "a", "Class", "Import", "None", "print", "App", "Base", "Tests",
        "Größe", "CON", "Job\x1b[31m", 'Quo"te', "Back\\", 'Tri"""ple', "New\nline", "X" * 150, "%s{}", "__init__", "Str",
        "Resque", "Any", "TestRun", "SmokeTest", "Tests::Test", "TestingOne", "TypedDict", "annotations", "\u202eevil", "Emoji😀", "list", "dict::list", "int", "A::B::C::D::E::F::G::H::I::J",
    )),
    *(plain("Words", {word: {word: [word, 1.5, None, {word: 1}]}}) for word in WORDS),
    plain("Words", {}), plain("Words"), plain("Words", [], [[]], [[[1]]]),
    *(plain("Wide", *range(n)) for n in (0, 3, 30)),
    plain("Big", BIG), plain("Big", {"x": BIG}),
    plain("Unions", 1), plain("Unions", 1.5), plain("Unions", "x"), plain("Unions", None), plain("Unions", [1, "x", None, {"a": 1}]),
    plain("Unions", {"a": 1}), plain("Unions", True), plain("Unions", 10**50),
    plain("Dashed", {"a-b": 1}), plain("Dashed::Twice", {"a-b": {"class": 1}}),
    {"class": "Odd", "args": {"a": 1}}, {"class": "Odd", "args": "text"}, {"class": "Odd"}, {"class": None, "args": []},
    {"class": "Extra", "args": [], "queue": "x", "id": 7},
    active("Kinds", Symbol("x"), [1], {"a": Symbol("b")}, **{"from": 1, "self": 2}),
    active("Kinds"),
    raw_active("Kinds", [{"_aj_globalid": "gid://shop/Billing::Invoice/1"}, {"_aj_globalid": "nonsense"}]),
    raw_active("Records", [{"_aj_globalid": f"gid://shop/{model}/1"}]) if (model := "Class") else {},
    raw_active("Money", [{"_aj_serialized": "Money::Serializer", "cents": 1}, {"_aj_serialized": None}]),
    raw_active("Money2", [{"_aj_serialized": "Money::Serializer", "cents": 1}]),
    raw_active("Money2", [{"_aj_serialized": "Other", "x": {"_aj_serialized": "Inner"}}]),
    raw_active("Times", [{"_aj_serialized": "ActiveJob::Serializers::DateTimeSerializer", "value": "2026-01-01T10:00:00Z"}]),
    raw_active("Times", [{"_aj_serialized": "ActiveJob::Serializers::TimeWithZoneSerializer", "value": "2026-01-01T10:00:00Z", "time_zone": "Europe/Berlin"}]),
    raw_active("Times", [{"_aj_serialized": "ActiveJob::Serializers::DurationSerializer", "value": 60, "parts": [["minutes", 1]]}]),
    raw_active("Times", [{"_aj_serialized": "ActiveJob::Serializers::BigDecimalSerializer", "value": "1.5"}]),
    raw_active("Times", [{"_aj_serialized": "ActiveJob::Serializers::RangeSerializer", "begin": 1, "end": 2, "exclude_end": False}]),
    raw_active("Hash", [{"a": 1, "_aj_hash_with_indifferent_access": True}, {"a b": 1, "_aj_symbol_keys": ["a b"]}]),
    raw_active("Odd2", None), raw_active("Odd2", "text"), raw_active("Odd2", [{"_aj_ruby2_keywords": 7, "a": 1}]),
    raw_active("../y", [1]), raw_active("", [1]), raw_active(7, [1]),
    active("Keys", Keywords([(Symbol(word), 1) for word in ("a-b", "class", "args", "options", "arg1")])),
]  # fmt: skip


def checked(command: list[str], where: Path) -> None:
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.process
def test_mypy_ruff_and_pytest_find_no_fault_with_what_hostile_payloads_make(tmp_path):
    out = tmp_path / "jobs"
    marks = {
        "Words": {"resque-status": "Status()"},
        "Wide": {"resque-meta": "Meta()"},
        "Unions": {"resque-loner": "Loner()", "resque-lock": "Lock()", "resque-restriction": "Restriction(per_hour=...)"},
        "Kinds": {"activejob-uniqueness": "until_executed"},
    }  # fmt: skip
    found = sampled(*HOSTILE, plugins=marks)
    written = [*write(out, sources(found), force=False)]
    assert {one.outcome for one in written} == {"wrote"}
    assert all(one.path.resolve().is_relative_to(out) for one in written)
    assert {path.parts[len(tmp_path.parts)] for path in tmp_path.rglob("*.py")} == {"jobs"}
    (tmp_path / "ruff.toml").write_text("")
    python = sys.executable
    checked([str(Path(python).with_name("ruff")), "check", "--select", "E4,E7,E9,F,W,I,B,UP,PIE,RUF100", "--target-version", "py310", "jobs"], tmp_path)  # fmt: skip
    checked([python, "-m", "mypy", "--strict", "--python-version", "3.10", "jobs"], tmp_path)
    checked(
        [
            python,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-o",
            "asyncio_default_fixture_loop_scope=function",
            "jobs",
        ],
        tmp_path,
    )
    names = "from jobs.app import resque; print(len(resque.registered) + len(resque.active_job_classes.entries()))"
    done = subprocess.run(
        [python, "-c", names], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == len(found.classes)


def test_a_file_that_differs_is_kept(tmp_path):
    out, files = tmp_path / "jobs", [*sources(sampled(plain("A", 1)))]
    assert {one.outcome for one in write(out, files, force=False)} == {"wrote"}
    assert {one.outcome for one in write(out, files, force=False)} == {"same"}
    (out / "a.py").write_text("mine\n")
    outcomes = {one.path.name: one.outcome for one in write(out, files, force=False)}
    assert (outcomes["a.py"], (out / "a.py").read_text()) == ("kept", "mine\n")
    assert "wrote" in {one.outcome for one in write(out, files, force=True)}
    assert "mine" not in (out / "a.py").read_text()


def test_links_and_files_in_the_way_are_an_error(tmp_path):
    outside, out = tmp_path / "outside", tmp_path / "jobs"
    outside.mkdir()
    out.mkdir()
    (out / "reports").symlink_to(outside)
    files = [*sources(sampled(plain("Reports::Monthly", 1)))]
    with pytest.raises(StubsError, match="leads out of"):
        [*write(out, files, force=True)]
    assert list(outside.iterdir()) == []
    (out / "reports").unlink()
    (out / "reports").write_text("")
    with pytest.raises(StubsError, match="cannot be written"):
        [*write(out, files, force=True)]
