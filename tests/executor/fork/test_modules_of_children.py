"""Modules of Python and pyresque that a job was the first to import are imported for all later children."""

from __future__ import annotations

import builtins
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyresque.executor.fork import cheap_fork, child_reports
from pyresque.executor.fork.cheap_fork import FOREIGN, TIME
from pyresque.executor.fork.child_reports import REPEATS

if TYPE_CHECKING:
    import redis

ROOT = Path(__file__).parents[2]

APP = """
import os, sys
from pyresque import Resque
resque = Resque()
OURS = ("pyresque", *sys.stdlib_module_names)

def note():
    loaded = [name for name in sys.modules if name.partition(".")[0] in OURS]
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(" ".join(loaded) + "\\n")

@resque.job("Note", queue="low")
def plain():
    note()

@resque.job("Use", queue="low")
def use(what):
    if what == "active":
        resque.active_job("OfRails").set(queue="rails").enqueue(1)
    elif what == "odd":
        from decimal import Decimal
        resque.enqueue_to("others", "Odd", Decimal("1.5"))
    elif what == "recurring":
        resque.set_schedule("tea", {"cron": "0 9 * * *", "class": "Tea", "queue": "others"}, persist=True)
        resque.next_runs(1)
    elif what == "own":
        import csv, only_here
        try:
            import broken
        except ValueError:
            pass
    else:
        note()
        raise ValueError(what)
    note()
"""


@pytest.mark.parametrize("options", [{}, {"JOBS_PER_FORK": "50"}], ids=["a child each", "fifty"])
@pytest.mark.parametrize("ahead", ["always", "never"])
@pytest.mark.parametrize("what", ["active", "odd", "recurring", "own", "failing"])
def test_children_find_loaded_what_a_job_before_them_used(
    db: redis.Redis, redis_url: str, tmp_path: Path, what: str, ahead: str, options: dict[str, str]
) -> None:
    (tmp_path / "late_app.py").write_text(APP)
    (tmp_path / "only_here.py").write_text("")
    (tmp_path / "broken.py").write_text("import decimal\nraise ValueError")
    notes = tmp_path / "notes"
    jobs = [{"class": "Note"}, {"class": "Use", "args": [what]}, *[{"class": "Note"}] * 3]
    db.rpush("resque:queue:low", *[json.dumps(job) for job in jobs])
    done = subprocess.run(
        [sys.executable, "-m", "pyresque.cli", "worker", "-A", "late_app", "-q", "low", "--burst"],
        env={
            **os.environ,
            "REDIS_URL": redis_url,
            "NOTES": str(notes),
            "RESQUE_FORK_AHEAD": ahead,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
            **options,
        },
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert db.llen("resque:failed") == (what == "failing")
    first, used, *after = (set(line.split()) for line in notes.read_text().splitlines())
    brought = {"failing": {"json", "pyresque.failure.report"}, "own": {"csv", "decimal"}}.get(
        what, used - first
    )
    assert brought - first
    assert [brought <= loaded for loaded in after] == [True] * 3
    if what == "failing":
        assert not used & brought


def test_only_pythons_own_modules_and_ours_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    count = len(sys.modules)
    for name in ("pyresque.no_such", "only_here", "this", "wave", "antigravity"):
        monkeypatch.setitem(sys.modules, name, sys)
    monkeypatch.setitem(sys.modules, 7, sys)
    assert cheap_fork.modules_since(count).split("\n") == ["pyresque.no_such", " only_here", "wave"]


def test_what_cannot_be_loaded_is_left_to_those_who_need_it() -> None:
    cheap_fork.prepare("pyresque.no_such\nwinreg\n\nthis\nno_module_of_pythons")
    assert "this" not in sys.modules


HEAVY = """
from pyresque import Resque
resque = Resque()

@resque.job("Heavy", queue="low")
def heavy():
    import heavy_thing.part
    import xml.dom
"""


@pytest.mark.parametrize(
    ("flags", "lines"),
    [
        ([], 1),
        (["--fork-ahead", "always"], 1),
        (["--jobs-per-child", "100"], 0),
        (["--executor", "inline"], 0),
    ],
)
def test_what_children_import_again_and_again_is_reported_once(
    db: redis.Redis, redis_url: str, tmp_path: Path, flags: list[str], lines: int
):
    (tmp_path / "heavy_app.py").write_text(HEAVY)
    (tmp_path / "heavy_thing").mkdir()
    for name in ("__init__", "part"):
        (tmp_path / "heavy_thing" / f"{name}.py").write_text("")
    for _ in range(8):
        db.rpush("resque:queue:low", json.dumps({"class": "Heavy", "args": []}))
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pyresque.cli", "worker", "-A", "heavy_app", "-q", "low"),
            *("--burst", *flags),
        ],
        env={**os.environ, "REDIS_URL": redis_url, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    logged = [line for line in done.stdout.splitlines() if "imports" in line]
    assert len(logged) == lines, done.stdout
    for line in logged:
        assert re.search(
            r"each forked child imports heavy_thing anew for its job, which takes [0-9.]+ ms:", line
        )
    assert db.get("resque:stat:processed") == b"8"


def child_that_imported(*modules: str, milliseconds: str = "") -> str:
    """What a child tells."""
    times = [f"{TIME}{milliseconds}"] if milliseconds else []
    return "\n".join([*(f"{FOREIGN}{module}" for module in modules), *times])


def test_modules_are_counted_up_to_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    reports = child_reports.ChildReports()
    most = child_reports.MOST_COUNTED
    told = child_that_imported(*(f"m{number}" for number in range(2 * most)), milliseconds="1.5")
    answers = [reports.read(told) for _ in range(REPEATS + 1)]
    assert [len(answer.split()) for answer in answers] == [0, 1, most, 0]
    assert len(caplog.records) == 1


def test_the_log_waits_for_a_child_that_has_measured_and_not_for_ever(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reports = child_reports.ChildReports()
    assert [reports.read(child_that_imported("slow")) for _ in range(2)] == ["", TIME]
    for _ in range(2):
        reports.read(child_that_imported("other"))
    assert caplog.text == ""
    assert reports.read(child_that_imported("slow", milliseconds="12.5")) == f"{FOREIGN}slow"
    assert "imports slow anew for its job, which takes 12.5 ms: import it where" in caplog.text
    caplog.clear()
    for _ in range(2 * REPEATS - 2):
        assert caplog.text == ""
        reports.read(child_that_imported("other"))
    assert "imports other anew for its job: import it where" in caplog.text


def test_of_several_modules_those_are_named_that_the_job_imports_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reports = child_reports.ChildReports()
    modules = ("parts", "shop", "shop_of_others", "mail")
    for _ in range(REPEATS):
        answer = reports.read(child_that_imported(*modules, milliseconds="12.5 shop.db mail"))
    assert answer.split() == [*modules]
    (record,) = caplog.records
    assert (
        "imports shop, mail anew for its job, which takes 12.5 ms: import them where"
        in record.message
    )
    assert record.message.endswith("all children share them")


LATE = """
import importlib, sys
from pyresque import Resque
resque = Resque()

@resque.job("Late", queue="low")
def late():
    sys.modules["made_by_c"] = type(sys)("made_by_c")
    import outer
    from package import inner
"""


def test_modules_that_another_one_imports_or_that_cannot_be_imported_are_not_named(
    db: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    (tmp_path / "late_app.py").write_text(LATE)
    (tmp_path / "outer.py").write_text("import within\nimport csv")
    (tmp_path / "within.py").write_text("")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "inner.py").write_text("from . import other")
    (tmp_path / "package" / "other.py").write_text("")
    for _ in range(16):
        db.rpush("resque:queue:low", json.dumps({"class": "Late", "args": []}))
    done = subprocess.run(
        [sys.executable, "-m", "pyresque.cli", "worker", "-A", "late_app", "-q", "low", "--burst"],
        env={
            **os.environ,
            "REDIS_URL": redis_url,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = [line for line in done.stdout.splitlines() if "imports" in line]
    assert "imports outer, package anew for its job" in line
    assert db.get("resque:stat:processed") == b"16"


def test_what_was_learnt_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    reports = child_reports.ChildReports()
    assert reports.read("csv\ndecimal") == "csv\ndecimal"
    assert reports.read("decimal\njson") == "json"
    note = f"{cheap_fork.NOTE}app.opens raised OSError: refused by 1"
    assert reports.read(note) == f"{cheap_fork.NOTE}app.opens"
    assert reports.read(note.replace("by 1", "by 2")) == ""
    assert [record.getMessage() for record in caplog.records] == [
        "@resque.warm_up(in_child=True): app.opens raised OSError: refused by 1"
    ]


def test_children_keep_to_themselves_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    count = len(sys.modules)
    for name in ("only_here", "and_here"):
        monkeypatch.setitem(sys.modules, name, sys)
    cheap_fork.prepare(f"{FOREIGN}only_here")
    assert cheap_fork.modules_since(count) == f"{FOREIGN}and_here"
    cheap_fork.prepare(f"{FOREIGN}and_here")
    assert cheap_fork.modules_since(count) == ""


def test_what_imports_take_is_measured_between_two_orders(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "takes_time.py").write_text("import time, takes_none\ntime.sleep(0.02)")
    (tmp_path / "takes_none.py").write_text("")
    before, count, begun = builtins.__import__, len(sys.modules), time.perf_counter()
    cheap_fork.prepare(TIME)
    try:
        exec("import takes_time, sys")
        told, took = (
            cheap_fork.modules_since(count).split("\n"),
            1000 * (time.perf_counter() - begun),
        )
    finally:
        cheap_fork.prepare(f"{FOREIGN}takes_time")
        sys.modules.pop("takes_time"), sys.modules.pop("takes_none")
    assert builtins.__import__ is before
    assert sorted(told[:2]) == [f"{FOREIGN}takes_none", f"{FOREIGN}takes_time"]
    milliseconds, *asked_for = told[2].removeprefix(TIME).split()
    assert 20 <= float(milliseconds) <= took + 0.1  # it is rounded
    assert asked_for == ["takes_time"]
