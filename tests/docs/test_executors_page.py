"""The page on executors: the jobs it defines are performed, by each of those it names."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pyresque.executor.fork import cheap_fork, warm_up
from pyresque.executor.fork.warm_up import ROUNDS, WarmUps
from pyresque.process.run.worker import run_worker
from pyresque.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "executors.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("executor", ["thread", "async", "inline"])
def test_the_jobs_of_the_page_are_performed(redis_url, db, monkeypatch, capsys, executor):
    monkeypatch.setenv("REDIS_URL", redis_url)
    names: dict[str, object] = {}
    code = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[-1]
    exec(compile(code, "executors.md", "exec"), names)
    resque = names["resque"]
    resque.enqueue(names["fetch"], "http://a", 0)
    resque.enqueue(names["resize"], "a.png")
    resque.configure(queues=("default",), executor=executor, count=2)
    run_worker(resque, burst=True)
    assert sorted(capsys.readouterr().out.splitlines()) == ["fetched http://a", "resized a.png"]
    assert not db.exists("resque:failed")
    assert not db.keys("resque:worker*")


def test_the_page_names_every_executor():
    named = re.findall(r"^\| `(\w+)`", PAGE, re.MULTILINE)
    assert set(Settings.ROWS["executor"].read.choices) <= set(named)


def test_the_warm_up_of_the_page_warms_up_and_leaves_nothing_open(
    redis_url, db, monkeypatch, tmp_path, capsys
):
    books = tmp_path / "books.db"
    with closing(sqlite3.connect(books)) as connection, connection:
        connection.executescript(
            "CREATE TABLE books (id INTEGER, title TEXT); INSERT INTO books VALUES (7, 'Emma')"
        )
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("BOOKS", str(books))
    monkeypatch.setattr(warm_up, "ENOUGH", 60.0)  # here a connection each time may take a second
    monkeypatch.setattr(warm_up, "LIMIT", 60.0)
    opened = []
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path: opened.append(path) or connect(path))
    names: dict[str, object] = {}
    _, code, _ = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "executors.md", "exec"), names)
    warm_ups = WarmUps(names["resque"])
    assert warm_ups.run() == []
    assert opened == [str(books)] * ROUNDS
    warm_ups.in_child()
    assert cheap_fork.notes == []
    names["title"](7)
    assert capsys.readouterr().out == "Emma\n"
    assert f"Each one is called {ROUNDS} times, or for a second." in " ".join(PAGE.split())


@pytest.mark.process
def test_the_client_of_the_page_is_lent(redis_url, db, monkeypatch, caplog):
    caplog.set_level("WARNING", "pyresque")  # a line for each job is no fast path
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("CACHE_URL", redis_url)
    names: dict[str, object] = {}
    code, *_ = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "executors.md", "exec"), names)
    resque, cache = names["resque"], names["cache"]
    assert [each.pool for each in resque.hooks.lent_pools] == [cache.connection_pool]
    for _ in range(8):
        resque.enqueue(names["count"], "number")
    resque.configure(queues=("low",), executor="fork")
    run_worker(resque, burst=True)
    cache.close()
    assert db.get("number") == b"8"
    assert db.info("commandstats")["cmdstat_client|info"]["calls"] >= 3
