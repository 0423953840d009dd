"""Builds the ASGI application from the table of pages."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from pyresque.errors import (
    InvalidFailureQueue,
    NoJobStatus,
    NoQueueError,
    NoSuchFailure,
    NoSuchWorker,
    PyresqueError,
    RedisUnavailable,
    SettingsError,
)
from pyresque.printable import one_line
from pyresque.web import openapi
from pyresque.web.actions import act
from pyresque.web.auth import LogIn
from pyresque.web.charts import Timer
from pyresque.web.dashboard import Dashboard
from pyresque.web.forms import ask_of
from pyresque.web.guard import Guard
from pyresque.web.live import Live
from pyresque.web.looking import look
from pyresque.web.machines import Machines
from pyresque.web.pages import ACTIONS, ANSWERS, PAGES
from pyresque.web.render import Renderer, for_program
from pyresque.web.several import One, Several, check_names
from pyresque.web.static_files import static
from pyresque.web.view import Looking, NotThere, Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection
    from typing import TypeAlias

    from starlette.requests import Request

    from pyresque.application import Application
    from pyresque.web.auth import Authorize
    from pyresque.web.view import Page

    Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

log = logging.getLogger("pyresque")

#: Errors that say what a URL names is not there.
MISSING = (NotThere, NoSuchFailure, NoSuchWorker, NoJobStatus, InvalidFailureQueue)


def app(
    resque: Application | Mapping[str, Application],
    *,
    authorize: Authorize | None = None,
    read_only: bool | None = None,
    hosts: Collection[str] = (),
    prefix: str = "",
) -> Guard | Several:
    """Return the dashboard of a Resque or an AsyncResque as an ASGI application, to be mounted below any path.

    Of several, given by name (``{"live": resque, "batch": other}``), each has its pages below its name, and a switch leads from one to
    another. ``authorize`` is called with each request, and answers ``"admin"`` (may change things), ``"read"``, an Access, which also
    names the user for the log, or None; it may be a coroutine function; ``request.state.resque`` is the name among several. Without it
    the settings decide (``web_auth`` and so on). Raises SettingsError where these name nobody: ``authorize=anybody`` lets everybody do
    everything. ``hosts``: the only names by which browsers may call the dashboard. ``prefix``: the path below which a proxy shows it;
    a framework that mounts it needs none.
    """
    if not isinstance(resque, Mapping):
        dash = Dashboard(resque)
        above = prefix or dash.settings.web_prefix
        return _one(dash, resque, authorize, read_only, hosts, above).guard
    names = list(resque)
    check_names(names)
    several = {
        name: _one(Dashboard(one, name, names), one, authorize, read_only, hosts)
        for name, one in resque.items()
    }
    return Several(several, prefix or several[names[0]].guard.renderer.dash.settings.web_prefix)


def _one(
    dash: Dashboard,
    resque: Application,
    authorize: Authorize | None,
    read_only: bool | None,
    hosts: Collection[str],
    prefix: str = "",
) -> One:
    """Build the dashboard of one Resque."""
    settings = dash.settings
    renderer = Renderer(dash, PAGES)
    live, machines, timer = Live(dash), Machines(dash), Timer(dash)
    endpoints: dict[str, Endpoint] = {
        "/live": live.events,
        "/live.json": _safe(renderer, live.numbers),
        "/stats.txt": _safe(renderer, machines.stats),
        "/metrics": _safe(renderer, machines.metrics),
        "/healthz": machines.health,
        "/openapi.json": openapi.serve,
    }
    routes = [
        Route("/", _to_overview),
        Route("/static/{name}", static),
        *(Route(answer.path, endpoints[answer.path]) for answer in ANSWERS),
    ]
    for action in ACTIONS:
        endpoint = _safe(renderer, partial(act, dash, renderer, action))
        routes.append(Route(action.path, endpoint, methods=["POST"]))
    for page in PAGES:
        endpoint = _safe(renderer, partial(_show, dash, renderer, page))
        routes += [
            Route(page.path.replace("}", ":path}") + ending, endpoint, methods=["GET"])
            for ending in (".json", "")
        ]

    def wrong(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status == 404:  # noqa: PLR2004 - what HTTP calls it
            return renderer.problem(request, status, "There is no such page.")
        text = "Pages are read by GET, and changes are made by POST."
        return renderer.problem(request, status, text)

    @asynccontextmanager
    async def living() -> AsyncIterator[None]:
        yield
        await timer.stop()
        if dash.resque is not resque:
            await dash.resque.close()

    pages = Starlette(
        routes=routes,
        exception_handlers={HTTPException: wrong},
        lifespan=lambda _app: living(),
    )
    if authorize is None:
        authorize = login = LogIn(settings)
        if not login.any:
            raise SettingsError(
                "nobody says who may see the dashboard: give authorize=, set web_auth or web_token, "
                "or let everybody do everything by authorize=pyresque.web.anybody"
            )
    guard = Guard(
        pages,
        renderer,
        authorize,
        hosts=hosts,
        prefix=prefix,
        read_only=settings.web_read_only if read_only is None else read_only,
        rules=dash.rules,
        began=timer.start,
        end=live.end,
        name=dash.name,
    )
    return One(guard, living, machines.probe)


async def _to_overview(request: Request) -> Response:
    return RedirectResponse(request.scope.get("root_path", "") + "/overview", status_code=302)


async def _show(dash: Dashboard, renderer: Renderer, page: Page[Any], request: Request) -> Response:
    """Show a page, as HTML or as JSON."""
    ask = await ask_of(request)
    view = await page.show(dash, ask)
    if isinstance(view, Looking):
        return await look(renderer, request, view, ask.screen)
    view = replace(view, data=ask.screen.page(view.data))
    return renderer.json(view.data) if for_program(request) else renderer.html(request, view)


def _safe(renderer: Renderer, endpoint: Callable[[Request], Any]) -> Endpoint:
    """Wrap an endpoint: an error becomes a page that says what is wrong, and what to do."""

    async def answered(request: Request) -> Response:
        try:
            found: Response = await endpoint(request)
        except MISSING as error:
            return renderer.problem(request, 404, str(error))
        except (Refused, NoQueueError) as error:
            return renderer.problem(request, 400, str(error))
        except RedisUnavailable as error:
            return renderer.problem(request, 503, f"Redis does not answer: {one_line(str(error))}")
        except PyresqueError as error:
            log.warning("web: %s: %s", one_line(request.scope["path"]), one_line(str(error)))
            return renderer.problem(request, 500, one_line(str(error)))
        except Exception:
            log.exception("web: %s", one_line(request.scope["path"]))
            return renderer.problem(request, 500, "This page has a fault; the log has the details.")
        return found

    return answered
