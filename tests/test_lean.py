"""What a worker's fork server and a worker without one have loaded: each child pays for it with time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

#: What only some need, and what costs a fork the most.
NOT_LOADED = {
    *("asyncio", "concurrent", "ctypes", "email", "hashlib", "http", "msgpack", "multiprocessing"),
    *(
        "ast",
        "dataclasses",
        "inspect",
        "random",
        "redis",
        "ssl",
        "statistics",
        "subprocess",
        "tempfile",
        "yaml",
    ),
    *("opentelemetry", "sentry_sdk", "pyresque.contrib"),
    *("click", "decimal", "fractions", "ipaddress", "pathlib", "pkgutil", "platform", "urllib"),
    *("uuid", "zoneinfo"),
    *("pyresque.activejob.arguments", "pyresque.activejob.wrapper", "pyresque.cli"),
    *("pyresque.ruby.objects", "pyresque.schedule.cron.next_run", "pyresque.schedule.entries"),
    *("pyresque.job.queue_overview", "pyresque.job.status_board", "pyresque.schedule.recurring"),
    *("pyresque.schedule.delayed", "pyresque.store.delayed"),
}

#: What a fork server does without, beside that.
A_WORKERS = {
    *("datetime", "enum", "hiredis", "json", "logging", "re"),
    *("socket", "threading", "traceback", "typing"),
    *("pyresque.core", "pyresque.driver", "pyresque.ops", "pyresque.process.worker.worker"),
    *("pyresque.store.keys", "pyresque.store.queues", "pyresque.store.reserve", "pyresque.verbs"),
}

APP = """
import sys
from pyresque import Resque
resque = Resque()

@resque.job("Loaded", queue="low")
def loaded(path):
    with open(path, "w") as file:
        file.write("\\n".join(sys.modules))
"""


@pytest.mark.parametrize("executor", ["fork", "inline"])
def test_a_worker_carries_nothing_along_that_it_does_not_need(db, redis_url, tmp_path, executor):
    (tmp_path / "lean_app.py").write_text(APP)
    list_of_modules = tmp_path / "modules"
    db.rpush("resque:queue:low", json.dumps({"class": "Loaded", "args": [str(list_of_modules)]}))
    subprocess.run(
        [
            *(sys.executable, "-m", "pyresque.cli", "worker", "-A", "lean_app", "-q", "low"),
            *("--executor", executor, "--burst"),
        ],
        env={
            **os.environ,
            "REDIS_URL": redis_url,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parents[1])]),
        },
        check=True,
    )
    loaded = set(list_of_modules.read_text().splitlines())
    assert loaded & NOT_LOADED == set()
    if executor == "fork":
        assert "pyresque.executor.fork.child_process" in loaded
        assert loaded & A_WORKERS == set()
    else:
        assert "pyresque.process.worker.worker" in loaded


COUNTING_APP = """
import sys
from pyresque import Resque
resque = Resque()

@resque.job("Count", queue="low")
def count(path):
    with open(path, "a") as file:
        file.write(" ".join(sys.modules) + "\\n")
    resque.redis.incr("count")
"""

#: What ``resque.redis`` needs of a worker's modules.
OF_REDIS = {"hiredis", "pyresque.driver", "pyresque.ops", "pyresque.store.keys"}


def test_children_that_use_redis_carry_little_more(db, redis_url, tmp_path):
    (tmp_path / "counting_app.py").write_text(COUNTING_APP)
    lists = tmp_path / "modules"
    db.rpush(
        "resque:queue:low", *[json.dumps({"class": "Count", "args": [str(lists)]}) for _ in "123"]
    )
    subprocess.run(
        [
            *(sys.executable, "-m", "pyresque.cli", "worker", "-A", "counting_app", "-q", "low"),
            "--burst",
        ],
        env={
            **os.environ,
            "REDIS_URL": redis_url,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parents[1])]),
        },
        check=True,
    )
    *_, last = (set(line.split()) for line in lists.read_text().splitlines())
    assert "pyresque.redis_face" in last
    assert last & ((NOT_LOADED | A_WORKERS) - OF_REDIS) == set()
    assert db.get("resque:count") == b"3"


#: What carries: connections, signals, threads, processes.
CARRIES = {"_socket", "socket", "select", "_select", "selectors", "signal", "asyncio", "subprocess", "redis", "hiredis"}  # fmt: skip

#: Prints what a fresh interpreter loads for a module, but for what it loads for the standard library's logging.
LOADED = """
import sys
sys.path[:0] = {path!r}
import logging
before = set(sys.modules)
import {module}
print("\\n".join(set(sys.modules) - before))
"""


@pytest.mark.parametrize(
    "module",
    [
        "pyresque.process.worker.worker",
        "pyresque.process.crew.crew",
        "pyresque.process.worker.fast_path",
        "pyresque.store.reserve",
    ],
)
def test_the_quiet_core_loads_nothing_that_carries(module):
    path = [str(Path(__file__).parents[1])]
    ran = subprocess.run(
        [sys.executable, "-S", "-c", LOADED.format(path=path, module=module)],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(ran.stdout.split())
    assert module in loaded
    assert loaded & (CARRIES | {"threading"}) == set()
    assert [name for name in loaded if name.startswith("pyresque.executor.fork")] == []


@pytest.mark.parametrize(
    "url",
    ["redis://127.0.0.1:1/0", "redis+sentinel://127.0.0.1:1/m/0", "redis+cluster://127.0.0.1:1/"],
)
def test_an_enqueue_by_a_url_loads_no_client(url):
    lines = (
        "import sys; from pyresque import Resque; from pyresque.errors import RedisUnavailable",
        f"resque = Resque({url!r}, namespace='{{resque}}')",
        "try: resque.enqueue_to('low', 'Note')",
        "except RedisUnavailable: pass",
        "assert 'pyresque.driver.sync' in sys.modules",
        "assert not {'redis', 'valkey', 'asyncio', 'pyresque.driver.client'} & sys.modules.keys()",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)
