"""Carries out what a POST asks for: the question before it, the work, the line in the log, and the answer."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import StreamingResponse

from pyresque.printable import one_line
from pyresque.web.forms import ask_of
from pyresque.web.render import for_program
from pyresque.web.shown import count
from pyresque.web.view import Bulk, Done, View

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from pyresque.web.dashboard import Dashboard
    from pyresque.web.render import Renderer
    from pyresque.web.screen import Screen
    from pyresque.web.view import Action, Ask

audit = logging.getLogger("pyresque.web.audit")

#: Seconds in which a question may be answered. Then it is asked again, with what there is to count by then.
ANSWERED = 600

#: Fields of a form that a question has given: they tell of the time when it was asked.
OF_QUESTION = frozenset({"confirm", "asked", "until"})

#: Seconds after which an action on many things shows how far it is, and between two such lines.
PATIENCE = 1.0


async def act(dash: Dashboard, renderer: Renderer, action: Action, request: Request) -> Response:
    """Answer a POST."""
    ask = await ask_of(request)
    if action.asks is not None and ask.confirmed and _is_old(dash, ask):
        form = {name: value for name, value in ask.form.items() if name not in OF_QUESTION}
        ask = replace(ask, form=form)
    if action.asks is not None and not ask.confirmed:
        return renderer.question(request, await action.asks(dash, ask), ask.form)
    line = Line(request, ask, dash.rules.of_log())
    try:
        done = await action.does(dash, ask)
    except Exception as error:
        line.write(f"failed: {error}")
        raise
    if isinstance(done, Done):
        line.write(done.text)
        return renderer.done(request, done)
    return await _carry_out(renderer, request, done, line)


def _is_old(dash: Dashboard, ask: Ask) -> bool:
    """Return whether the question that is answered was asked long ago: it named a count that may be quite another one now."""
    return ask.asked is not None and ask.asked < dash.now() - ANSWERED


class Line:
    """The line of one change in the log: who asked for what, and what came of it."""

    def __init__(self, request: Request, ask: Ask, screen: Screen) -> None:
        access = getattr(request.state, "access", None)
        client = request.client.host if request.client is not None else "unknown"
        self.who = (getattr(access, "user", "") or "somebody") + f" at {client}"
        path: str = request.scope["path"]
        self.what = path.removeprefix(request.scope.get("root_path", ""))
        name = getattr(request.state, "resque", "")
        self.where = f" of {name}" if name else ""
        self.screen = screen
        self.fields = {
            name: screen.sent(name, value)
            for name, value in ask.form.items()
            if name not in {"confirm", "asked"}
        }

    def write(self, outcome: str) -> None:
        """Write the line, printable."""
        chosen = " ".join(f"{name}={value[:200]!r}" for name, value in self.fields.items() if value)
        text = f"{self.who}: POST {self.what}{self.where} {chosen}".rstrip()
        audit.info("web: %s: %s", one_line(text), one_line(self.screen.text(outcome)))


async def _carry_out(renderer: Renderer, request: Request, bulk: Bulk, line: Line) -> Response:
    """Carry out an action on many things. A quick one ends with the next page, a long one shows how far it is."""
    steps, program = bulk.steps, for_program(request)
    start = time.monotonic()
    ended = False
    try:
        while not (ended := not await steps.step()):
            if not program and time.monotonic() - start > PATIENCE:
                break
    except BaseException as error:
        line.write(f"{_summary(bulk)}, then {type(error).__name__}: {error}")
        raise
    if ended:
        line.write(_summary(bulk))
        done = Done(_summary(bulk), bulk.to, steps.count, steps.undo())
        return renderer.done(request, done)
    page = renderer.text(
        request,
        View("progress.html", f"{bulk.verb.capitalize()} …", {"next": bulk.to, "mark": MARK}),
    )
    lines = _progress(page, bulk, line, partial(renderer.undo, request))
    return StreamingResponse(lines, media_type="text/html; charset=utf-8")


#: Stands in the template where the lines of progress come.
MARK = "progress-comes-here"


async def _progress(
    page: str, bulk: Bulk, line: Line, undo: Callable[[str], str]
) -> AsyncIterator[bytes]:
    """Yield the page of an action that lasts: its head, a line each second, and what was done. Ends with the connection."""
    head, _, tail = page.partition(MARK)
    steps = bulk.steps
    outcome = "was cut off"
    try:
        yield head.encode("utf-8", "backslashreplace")
        told = time.monotonic()
        yield paragraph(_looked(bulk))
        while await steps.step():
            if time.monotonic() - told > PATIENCE:
                told = time.monotonic()
                yield paragraph(_looked(bulk))
        outcome = "done"
        yield paragraph(_summary(bulk) + ".")
        yield undo(steps.undo()).encode()
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001 - the page has begun: the error stands in it, and in the log
        outcome = f"{type(error).__name__}: {error}"
        yield paragraph(f"{_summary(bulk)}, then it failed: {one_line(str(error))}")
    finally:
        line.write(f"{_summary(bulk)} ({outcome})")
    yield tail.encode("utf-8", "backslashreplace")


def _looked(bulk: Bulk) -> str:
    steps = bulk.steps
    return f"Looked through {steps.seen:,} of {max(bulk.total, steps.seen):,}, {bulk.verb} {steps.count:,} …"


def _summary(bulk: Bulk) -> str:
    steps = bulk.steps
    text = f"{bulk.verb.capitalize()} {count(steps.count, bulk.noun)}"
    left = steps.left()
    return f"{text}; {left}" if left else text


def paragraph(text: str) -> bytes:
    """Return a line of a page that is sent piece by piece."""
    from markupsafe import escape  # noqa: PLC0415 - beside its one use

    return f"<p>{escape(text)}</p>\n".encode("utf-8", "backslashreplace")
