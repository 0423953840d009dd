"""Modules of Python and pyresque that a job was the first to import are imported for all later children."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyresque.executor.fork import cheap_fork

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
    cheap_fork.preload_modules("pyresque.no_such\nwinreg\n\nthis\nno_module_of_pythons")
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
        assert "each forked child imports heavy_thing anew for its job" in line
    assert db.get("resque:stat:processed") == b"8"


def test_modules_are_counted_up_to_a_bound():
    repeated = cheap_fork.RepeatedImports()
    names = "\n".join(
        f"{cheap_fork.FOREIGN}m{number}" for number in range(2 * cheap_fork.MOST_COUNTED)
    )
    assert [len(repeated.note(names)) for _ in range(cheap_fork.REPEATS + 1)] == [
        0,
        0,
        cheap_fork.MOST_COUNTED,
        0,
    ]
