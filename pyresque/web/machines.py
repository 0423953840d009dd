"""Answers for programs: Ruby's ``/stats.txt``, metrics for Prometheus, and whether the dashboard and Redis are well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from pyresque.errors import PyresqueError
from pyresque.ops import Command
from pyresque.store.queues import text, to_bytes
from pyresque.store.wrong_keys import WrongKeyLog
from pyresque.web.metrics import metrics
from pyresque.web.prometheus import TYPE

if TYPE_CHECKING:
    from starlette.requests import Request

    from pyresque.web.dashboard import Dashboard


class Machines:
    """What programs ask the dashboard for."""

    def __init__(self, dash: Dashboard) -> None:
        self.dash = dash

    async def stats(self, _request: Request) -> Response:
        """Answer with the lines that Ruby's dashboard answers with, which munin and collectd read; its queues are in Redis's order."""
        core = self.dash.core
        order = await self.dash.run(_unsorted_queues(core.keys.queues))
        found = await self.dash.run(core.overview())
        info = core.summary(found)
        lines = [
            f"resque.pending={info.pending}",
            f"resque.processed+={info.processed}",
            f"resque.failed+={info.failed}",
            f"resque.workers={info.workers}",
            f"resque.working={info.working}",
            *(f"queues.{name}={found.sizes.get(name) or 0}" for name in order),
        ]
        return Response(b"\n".join(map(to_bytes, lines)), media_type="text/plain; charset=utf-8")

    async def probe(self) -> object:
        """Ask Redis for an answer. Raises PyresqueError while there is none."""
        return await self.dash.run(_ping())

    async def health(self, _request: Request) -> Response:
        """Answer 200 while Redis answers, else 503."""
        try:
            await self.probe()
        except PyresqueError as error:
            return JSONResponse({"status": "error", "redis": type(error).__name__}, 503)
        return JSONResponse({"status": "ok"})

    async def metrics(self, _request: Request) -> Response:
        """Answer with metrics for Prometheus."""
        return Response(to_bytes(await metrics(self.dash)), media_type=TYPE)


async def _unsorted_queues(key: str) -> list[str]:
    """Return the names of the queues as SMEMBERS replies; none if the key is not a set."""
    found: list[bytes] = await WrongKeyLog().value_or(_members(key), [])
    return list(map(text, found))


async def _members(key: str) -> list[bytes]:
    found: list[bytes] = await Command[list[bytes]](("SMEMBERS", key), list)
    return found


async def _ping() -> object:
    return await Command[object](("PING",))
