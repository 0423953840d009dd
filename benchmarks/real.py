"""Work of real jobs: a client is made where the application is imported, and the job uses it once.

The kinds: "INCR", by a client of redis-py; "HTTP", a GET by urllib; "SQLite" and "PostgreSQL", one row by its key.
``BENCH_URL``, ``BENCH_HTTP``, ``BENCH_SQLITE`` and ``BENCH_POSTGRES`` say where their servers and files are.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # an application that imports nothing else is measured
if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

#: What is counted up, and the row that is read.
COUNTER, QUERY = "bench:count", "SELECT name FROM people WHERE id = 7"


def work(kind: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """What a job of that kind does, and the same without anything left open; imports what it needs."""
    return KINDS[kind]()


def client() -> redis.Redis:
    """The client of jobs that count up: it is made once."""
    if not _made:
        import redis

        _made.append(redis.Redis.from_url(os.environ["BENCH_URL"]))
    return _made[0]


_made: list[redis.Redis] = []


def _incr() -> tuple[Callable[[], None], Callable[[], None]]:
    import redis

    made = client()

    def incr() -> None:
        made.incr(COUNTER)

    def incr_and_close() -> None:
        with redis.Redis.from_url(os.environ["BENCH_URL"]) as own:
            own.incr(COUNTER)

    return incr, incr_and_close


def _http() -> tuple[Callable[[], None], Callable[[], None]]:
    from urllib.request import urlopen

    address = os.environ["BENCH_HTTP"]

    def get() -> None:
        with urlopen(address) as answer:
            answer.read()

    return get, get


def _sqlite() -> tuple[Callable[[], None], Callable[[], None]]:
    import sqlite3

    path = os.environ["BENCH_SQLITE"]

    def read() -> None:
        connection = sqlite3.connect(path)
        connection.execute(QUERY).fetchone()
        connection.close()

    return read, read


def _postgres() -> tuple[Callable[[], None], Callable[[], None]]:
    import psycopg

    address = os.environ["BENCH_POSTGRES"]

    def read() -> None:
        with psycopg.connect(address) as connection:
            connection.execute(QUERY).fetchone()

    return read, read


KINDS = {"INCR": _incr, "HTTP": _http, "SQLite": _sqlite, "PostgreSQL": _postgres}
