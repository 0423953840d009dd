"""Jobs that do what real jobs do: one INCR, one GET by HTTP, one row of SQL; a fork for each job, or for a hundred."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders import OURS, PEERS, ROOT, RUBY
from benchmarks.measure import Bound, Measure
from benchmarks.stage import GivenUpError
from benchmarks.throughput import FIRST, MOST, SPAN, rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.contenders import Contender
    from benchmarks.measure import Bench, Figures

#: The sides beside ours and Ruby's.
COLD, OWN = "not warmed up", "warmed up, not lent"
AHEAD, BARE_FORK = "children ahead, connected", "bare fork, same work"

#: Who runs the jobs: contender, way, and where its work is warmed up.
SIDES = {
    OURS: (OURS, "real", "parent"),
    OWN: (OURS, "real", "parent"),
    COLD: (OURS, "real", ""),
    AHEAD: (OURS, "real-ahead", "child"),
    RUBY: (RUBY, "real", ""),
}

#: Those that some kinds of jobs have not.
LEFT_OUT = {
    "resque.redis": {COLD, OWN, AHEAD},
    "INCR": set(),
    "HTTP": {OWN, AHEAD},
    "SQLite": {OWN, AHEAD},
    "PostgreSQL": {OWN, AHEAD},
}

#: The kinds whose client our side lends to its children.
LENT = {"INCR"}

JOB = ("work", [])
ROW = (
    "CREATE TABLE people (id integer PRIMARY KEY, name text); INSERT INTO people VALUES (7, 'Ann');"
)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"


def real(kind: str, way: str = "real", *, workers: int = 1) -> Callable[[Bench], Figures]:
    """The measurement of jobs of that kind, by that many workers; ``way`` is ours, Ruby forks for each job."""
    hundred = {AHEAD, OWN} if way == "real100" else set()
    compared = [name for name in SIDES if name not in LEFT_OUT[kind] | hundred]

    def take(bench: Bench) -> Figures:
        with ExitStack() as servers:
            env = {"BENCH_REAL": kind, **servers.enter_context(SERVERS[kind](bench.url))}
            turn = bench.round % len(compared)
            figures = {}
            for name in compared[turn:] + compared[:turn]:
                side, its_way, warm = SIDES[name]
                if side not in bench.sides:
                    continue
                if name == OURS and kind in LENT:
                    warm = "lent"
                given = {**env, "BENCH_WARM": warm}
                if side == OURS and its_way == "real":
                    its_way = way
                try:
                    figures[name] = paced(bench, name, bench.sides[side], its_way, workers, given)
                except GivenUpError as fault:
                    print(f"{name} gave up: {fault}", file=sys.stderr)
            if kind != "resque.redis" and way == "real":
                figures[BARE_FORK] = bare(bench, kind, workers, env)
            return figures

    return take


def paced(
    bench: Bench, name: str, side: Contender, way: str, workers: int, env: dict[str, str]
) -> float:
    """Jobs a second of that side, with as many jobs as take it about SPAN seconds."""
    key = (f"{way}{workers}{env['BENCH_REAL']}", name)
    real_side = replace(side, pusher=side.real, env={**side.env, **env})
    measured = partial(rate, bench, real_side, way, JOB, workers)
    if key not in bench.paces:
        bench.paces[key] = measured(bench.some(FIRST, 40))
    many = min(MOST, max(40, int(bench.paces[key] * SPAN * bench.scale)))
    bench.paces[key] = measured(many)
    return bench.paces[key]


def bare(bench: Bench, kind: str, workers: int, env: dict[str, str]) -> float:
    """Forks a second of so many processes that fork, do the work and wait, and nothing else."""
    many = bench.some(1000, 20)
    command = (sys.executable, str(PEERS / "bare_real.py"), kind, str(many))
    environment = {**os.environ, **env, "BENCH_URL": bench.url, "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(workers)
    ]
    return sum(many / float(one.communicate()[0]) for one in running)


@contextmanager
def _redis(url: str) -> Iterator[dict[str, str]]:
    yield {"BENCH_URL": url}


@contextmanager
def _http(url: str) -> Iterator[dict[str, str]]:
    """A server that answers every request in the same way: a thread of this process."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        threading.Thread(target=_answer, args=(listening,), daemon=True).start()
        yield {"BENCH_HTTP": f"http://127.0.0.1:{listening.getsockname()[1]}/"}


def _answer(listening: socket.socket) -> None:
    while True:
        try:
            connection = listening.accept()[0]
        except OSError:
            return  # it is closed
        with connection, suppress(OSError):
            heard = b""
            while b"\r\n\r\n" not in heard and (more := connection.recv(4096)):
                heard += more
            connection.sendall(ANSWER)


@contextmanager
def _sqlite(url: str) -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "people.db")
        with sqlite3.connect(path) as connection:
            connection.executescript(ROW)
        connection.close()
        yield {"BENCH_SQLITE": path}


@contextmanager
def _postgres(url: str) -> Iterator[dict[str, str]]:
    """A PostgreSQL of our own on a Unix socket. It refuses to be root's: then it is nobody's."""
    programs = {name: shutil.which(name) for name in ("initdb", "postgres", "psql")}
    if missing := [name for name, path in programs.items() if path is None]:
        raise GivenUpError(f"there is no {' and no '.join(missing)} here")
    user = "nobody" if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory() as folder:
        if user:
            shutil.chown(folder, user)
        data = f"{folder}/data"
        run = partial(subprocess.run, check=True, capture_output=True, user=user, cwd=folder)
        run([programs["initdb"], "-D", data, "-U", "bench", "-A", "trust", "-N"])
        options = ("-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200")
        server = subprocess.Popen(
            [programs["postgres"], "-D", data, "-k", folder, *options],
            stderr=subprocess.DEVNULL,
            user=user,
            cwd=folder,
        )
        try:
            address = f"host={folder} user=bench dbname=postgres"
            client = [programs["psql"], "-q", address, "-c", ROW]
            for _ in range(100):
                if not subprocess.run(client, capture_output=True, check=False).returncode:
                    break
                with suppress(subprocess.TimeoutExpired):
                    server.wait(0.1)
            yield {"BENCH_POSTGRES": address}
        finally:
            server.terminate()
            server.wait()


#: What runs while jobs of a kind are measured, and what tells them where it is.
SERVERS = {
    "resque.redis": _redis,
    "INCR": _redis,
    "HTTP": _http,
    "SQLite": _sqlite,
    "PostgreSQL": _postgres,
}


def _measure(
    key: str, kind: str, title: str, *bounds: Bound, way: str = "real", workers: int = 1
) -> Measure:
    return Measure(f"real-{key}", title, "jobs/s", real(kind, way, workers=workers), bounds)


#: Two of each: with one worker and with two.
REAL_JOBS = (
    *(
        _measure(f"{key}{many}", kind, f"{title}, {few}", *bounds, workers=many)
        for key, kind, title, bounds in (
            ("resque", "resque.redis", "one INCR by `resque.redis`", (Bound((RUBY,), 2),)),
            (
                "incr",
                "INCR",
                "one INCR by redis-py, lent",
                (Bound((RUBY,), 1), Bound((BARE_FORK,), 0.8)),
            ),
            ("http", "HTTP", "one GET by HTTP", ()),
            ("sqlite", "SQLite", "one row of SQLite", ()),
            ("postgres", "PostgreSQL", "one row of PostgreSQL", ()),
        )
        for many, few in ((1, "1 worker"), (2, "2 workers"))
    ),
    *(
        _measure(
            f"{key}-child100",
            kind,
            f"{title}, a fork for each 100 jobs",
            Bound((RUBY,), 12),
            way="real100",
        )
        for key, kind, title in (
            ("resque", "resque.redis", "one INCR by `resque.redis`"),
            ("incr", "INCR", "one INCR by redis-py"),
        )
    ),
)
