"""Several dashboards in one: each Resque below a path of its own, ``/NAME/overview`` and so on, and a switch between them."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse

from pyresque.errors import PyresqueError, SettingsError
from pyresque.web.guard import HEADERS, SAFE, quoted_path
from pyresque.web.pages import PAGES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from pyresque.web.guard import Guard

#: Names that a Resque may have in its path.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}", re.ASCII)

#: First parts of the paths of pages, and of what is no page; no Resque may be named like one.
FIRST = frozenset(page.path.split("/")[1] for page in PAGES)
TAKEN = FIRST | {"static", "live.json", "stats.txt", "metrics", "healthz", "switch"}

#: Pages that the switch goes to: those that each Resque has.
TABS = frozenset(page.path for page in PAGES if page.tab)


def check_names(names: Sequence[object]) -> None:
    """Raise SettingsError if a Resque cannot have its name in a path."""
    if not names:
        raise SettingsError(
            "no Resque is given to show: give some by name, such as app({'live': resque})"
        )
    for name in names:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise SettingsError(
                f"{name!r} cannot stand in a path: name a Resque by up to 40 letters, digits, _, . and -"
            )
        if name in TAKEN:
            raise SettingsError(f"a Resque cannot be named {name!r}: a page has this name")


class One(NamedTuple):
    """The dashboard of one Resque: its application, what it needs while it lives, and a call that fails while Redis is away."""

    guard: Guard
    living: Callable[[], AbstractAsyncContextManager[None]]
    probe: Callable[[], Awaitable[object]]


class Several:
    """The application that hands each request to the dashboard whose name its path begins with."""

    def __init__(self, dashboards: Mapping[str, One], prefix: str = "") -> None:
        self.dashboards = dashboards
        self.prefix = prefix
        self.first = next(iter(dashboards))
        self._lifespan = Starlette(lifespan=self._living)

    def end(self) -> None:
        """End the streams of all open pages."""
        for one in self.dashboards.values():
            one.guard.end()

    @asynccontextmanager
    async def _living(self, _app: Starlette) -> AsyncIterator[None]:
        """Start and end with all dashboards."""
        async with AsyncExitStack() as stack:
            for one in self.dashboards.values():
                await stack.enter_async_context(one.living())
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._lifespan(scope, receive, send)
            return
        root = quote(self.prefix or scope.get("root_path", ""))
        path = quoted_path(scope, self.prefix)
        if root and (path == root or path.startswith(f"{root}/")):
            path = path[len(root) :]
        name, _, rest = path.lstrip("/").partition("/")
        one = self.dashboards.get(name)
        if one is not None and path.startswith("/"):
            below = f"{root}/{name}"
            whole = f"{below}/{rest}"
            inner = {
                **scope,
                "root_path": below,
                "path": unquote(whole),
                "raw_path": whole.encode(),
            }
            await one.guard(inner, receive, send)
            return
        answer = await self._answer(Request(scope, receive), root, path)
        answer.headers.update({**HEADERS, "cache-control": "no-store"})
        await answer(scope, receive, send)

    async def _answer(self, request: Request, root: str, path: str) -> Response:
        """Answer what belongs to no dashboard: the root, the switch, the probe, and paths of a single Resque's pages."""
        query = request.scope.get("query_string", b"").decode("latin-1")
        if request.method in SAFE and path == "/healthz":
            return await self._health()
        to, page = request.query_params.get("to", ""), request.query_params.get("page", "")
        if path == "/switch" and to in self.dashboards:
            return RedirectResponse(f"{root}/{to}{page if page in TABS else '/overview'}", 303)
        if path in ("", "/"):
            return RedirectResponse(f"{root}/{self.first}/overview", 302)
        if request.method in SAFE and path.split("/")[1].removesuffix(".json") in FIRST:
            more = f"?{query}" if query else ""
            return RedirectResponse(f"{root}/{self.first}{path}{more}", 302)
        return PlainTextResponse("There is no such page.", 404)

    async def _health(self) -> Response:
        """Answer 200 while all servers answer, else 503 with those that do not."""
        away = []
        for name, one in self.dashboards.items():
            try:
                await one.probe()
            except PyresqueError:
                away.append(name)
        if away:
            return JSONResponse({"status": "error", "away": away}, 503)
        return JSONResponse({"status": "ok"})
