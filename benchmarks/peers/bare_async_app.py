"""The limit in an event loop: N slots on one connection. For a job each one sends an EVALSHA, and awaits the coroutine.

As in ``bare_app.py`` the script pops a job and sets what a slot is working on; there is no failure, no heartbeat, no signal.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import deque
from contextlib import suppress
from urllib.parse import urlsplit

import hiredis

from benchmarks import jobs
from benchmarks.peers.bare_app import SCRIPT


class Line(asyncio.Protocol):
    """A connection: replies come in the order of the commands."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._asked: deque[asyncio.Future[object]] = deque()
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            self._asked.popleft().set_result(reply)

    def ask(self, wire: bytes) -> asyncio.Future[object]:
        """Send one command; the future gives the reply."""
        answer = self._loop.create_future()
        self._asked.append(answer)
        self._transport.write(wire)
        return answer


async def nap(seconds, path):
    await asyncio.sleep(seconds)
    jobs.stamp(path)


async def stamp(path):
    jobs.stamp(path)


KNOWN = {"noop_awaited": jobs.noop_awaited, "rest": jobs.rest, "nap": nap, "stamp": stamp}


async def slot(line: Line, sha: object, number: int) -> None:
    """Perform jobs for ever."""
    worker = f"resque:worker:bare~{number}:{os.getpid()}"
    wire = hiredis.pack_command(("EVALSHA", sha, "2", "resque:queue:bench", worker))
    while True:
        raw = await line.ask(wire)
        if raw is None:
            await asyncio.sleep(0.1)
            continue
        job = json.loads(raw)
        await KNOWN[job["class"]](*job["args"])


async def work(slots: int) -> None:
    """Connect, and run the slots."""
    where = urlsplit(os.environ["BENCH_URL"])
    loop = asyncio.get_running_loop()
    _, line = await loop.create_connection(Line, where.hostname, where.port)
    sha = await line.ask(hiredis.pack_command(("SCRIPT", "LOAD", SCRIPT)))
    await asyncio.gather(*(slot(line, sha, number) for number in range(slots)))


if __name__ == "__main__":
    with suppress(ImportError):  # as ours: uvloop where it is installed
        import uvloop

        uvloop.install()
    asyncio.run(work(int(sys.argv[1])))
