"""The limit: the least a worker in Python can do for a job. One EVALSHA over a bare socket, hiredis, JSON, a call.

It pops a job, and sets what it is working on, as ours does; there is no failure, no heartbeat, no signal, no waiting.
``forks N`` is the limit of a fork for each job: N children of this small process that leave at once.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from urllib.parse import urlsplit

import hiredis

from benchmarks import jobs

SCRIPT = """
local raw = redis.call("LPOP", KEYS[1])
if raw then redis.call("SET", KEYS[2], raw) end
return raw
"""


class Line:
    """A connection."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self._socket = socket.create_connection((where.hostname, where.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = hiredis.Reader()

    def ask(self, *args: str | bytes) -> object:
        """One command, one reply."""
        self._socket.sendall(hiredis.pack_command(args))
        while (reply := self._reader.gets()) is False:
            self._reader.feed(self._socket.recv(65536))
        return reply


def work() -> None:
    """Perform jobs for ever."""
    line = Line(os.environ["BENCH_URL"])
    sha = line.ask("SCRIPT", "LOAD", SCRIPT)
    command = ("EVALSHA", sha, "2", "resque:queue:bench", f"resque:worker:bare:{os.getpid()}")
    known = {name: getattr(jobs, name) for name in ("noop", "nap", "stamp")}
    while True:
        raw = line.ask(*command)
        if raw is None:
            time.sleep(0.1)
            continue
        job = json.loads(raw)
        known[job["class"]](*job["args"])


def fork(many: int) -> None:
    """Fork and wait, so many times."""
    start = time.perf_counter()
    for _ in range(many):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    print(time.perf_counter() - start)


if __name__ == "__main__":
    if sys.argv[1] == "work":
        work()
    else:
        fork(int(sys.argv[2]))
