"""Carries out a look through a whole list: a quick one is a page, a long one first shows how far it is."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.responses import StreamingResponse

from pyresque.printable import one_line
from pyresque.web.actions import MARK, PATIENCE, paragraph
from pyresque.web.render import for_program
from pyresque.web.view import View

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

    from pyresque.web.render import Renderer
    from pyresque.web.screen import Screen
    from pyresque.web.view import Looking


async def look(
    renderer: Renderer, request: Request, looking: Looking[Any], screen: Screen
) -> Response:
    """Answer with what the look has found at its end; other requests are answered between two slices."""
    steps, program = looking.look, for_program(request)
    start = time.monotonic()
    while await steps.step():
        if not program and time.monotonic() - start > PATIENCE:
            page = renderer.text(request, View("looking.html", "Looking …", {"mark": MARK}))
            lines = _progress(renderer, request, looking, screen, page)
            return StreamingResponse(lines, media_type="text/html; charset=utf-8")
    view = _shown(looking, screen)
    return renderer.json(view.data) if program else renderer.html(request, view)


async def _progress(
    renderer: Renderer, request: Request, looking: Looking[Any], screen: Screen, page: str
) -> AsyncIterator[bytes]:
    """Yield a page: its head, a line each second, and what was found. Ends with the connection."""
    head, _, tail = page.partition(MARK)
    try:
        yield head.encode("utf-8", "backslashreplace")
        told = time.monotonic()
        yield _looked(looking)
        while await looking.look.step():
            if time.monotonic() - told > PATIENCE:
                told = time.monotonic()
                yield _looked(looking)
        found = renderer.main(request, _shown(looking, screen))
        before, _, after = tail.partition("</div>")
        yield f"{before}</div>\n{found}{after}".encode("utf-8", "backslashreplace")
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - the page has begun: the error stands in it
        yield paragraph(f"It failed: {one_line(str(error))}")
        yield tail.encode("utf-8", "backslashreplace")


def _shown(looking: Looking[Any], screen: Screen) -> View[Any]:
    view = looking.look.view()
    return replace(view, data=screen.page(view.data))


def _looked(looking: Looking[Any]) -> bytes:
    total = "" if looking.total is None else f" of {max(looking.total, looking.look.seen):,}"
    return paragraph(f"Looked through {looking.look.seen:,}{total} …")
