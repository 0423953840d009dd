"""Live numbers: one reader for all open pages asks Redis every two seconds, and only while a page is open."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response, StreamingResponse

from pyresque.errors import PyresqueError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from pyresque.web.dashboard import Dashboard

#: Seconds between two looks at Redis.
EVERY = 2.0

#: Queues whose sizes are sent.
MOST_QUEUES = 500

#: Open pages that are served at the same time; further ones poll.
MOST_PAGES = 200


class Live:
    """The numbers that open pages show, sent as events of the server."""

    def __init__(self, dash: Dashboard) -> None:
        self.dash = dash
        self._pages: set[asyncio.Queue[str]] = set()
        self._reader: asyncio.Task[None] | None = None

    async def read(self) -> dict[str, Any]:
        """Read the numbers, by their names on the pages."""
        core = self.dash.core
        found = await self.dash.run(core.overview(pauses=True))
        times = await self.dash.run(core.delayed.delayed_queue_schedule_size())
        info = core.summary(found)
        sizes = list(found.sizes.items())[:MOST_QUEUES]
        return {
            "pending": info.pending,
            "processed": info.processed,
            "failed": info.failed,
            "workers": info.workers,
            "working": info.working,
            "queues": info.queues,
            "delayed": times,
            **{f"queue:{name}": size for name, size in sizes},
        }

    async def numbers(self, _request: Request) -> Response:
        """Answer with the numbers once, for pages that poll."""
        return Response(json.dumps(await self.read()), media_type="application/json")

    async def events(self, _request: Request) -> Response:
        """Answer with a stream of events, until the page is closed."""
        if len(self._pages) >= MOST_PAGES:
            return JSONResponse({"error": "too many open pages"}, 503)
        return StreamingResponse(
            self._stream(),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    async def _stream(self) -> AsyncIterator[str]:
        mine: asyncio.Queue[str] = asyncio.Queue(maxsize=2)
        self._pages.add(mine)
        try:
            if self._reader is None or self._reader.done():
                self._reader = asyncio.create_task(self._read_on())
            yield "retry: 5000\n\n"
            while text := await mine.get():
                yield text
        finally:
            self._pages.discard(mine)

    def end(self) -> None:
        """End all streams, as the server that serves them stops: it would wait for them, and cut them off."""
        for page in self._pages:
            while not page.empty():
                page.get_nowait()
            page.put_nowait("")

    async def _read_on(self) -> None:
        """Read and send, while a page is open."""
        while self._pages:
            try:
                text = f"data: {json.dumps(await self.read())}\n\n"
            except PyresqueError:
                text = "event: away\ndata: {}\n\n"
            for page in self._pages:
                with suppress(asyncio.QueueFull):
                    page.put_nowait(text)
            await asyncio.sleep(EVERY)
