"""The dashboard as a view of Django's: who is no staff does not see it. It is served under ASGI and WSGI.

The dashboard is an ASGI application, all requests of which belong into one event loop. Under ASGI that is the server's. Under WSGI it is one
that runs in a thread of its own, begun at the first request.
"""

from __future__ import annotations

import asyncio
import threading
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import NoReverseMatch, reverse

from pyresque.contrib.django.project import resque
from pyresque.web import Access, app
from pyresque.web.targets import targets_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from typing import TypeAlias, TypeVar

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from starlette.requests import Request

    from pyresque.web.auth import Answer

    T = TypeVar("T")

    #: Says what a user may do who is staff: "admin" (change things), "read", an Access, or None for nothing.
    MayDo: TypeAlias = Callable[[Any], Answer]

#: Where the scope of a request has what its user may do.
SCOPE: Final = "pyresque.access"


def staff(user: Any) -> Access:
    """Whoever is staff may do everything."""
    return Access("admin", user.get_username())


class DashboardView:
    """The view of one dashboard. ``may_do`` is asked for each request, with its user, who is staff."""

    def __init__(self, may_do: MayDo = staff) -> None:
        self.may_do = may_do

    async def __call__(self, request: HttpRequest, path: str = "") -> HttpResponseBase:
        """Answer a request. Raises PermissionDenied for a user who is no staff, or may do nothing."""
        from django.contrib.auth.views import redirect_to_login  # noqa: PLC0415 - it needs the models of users

        user = await sync_to_async(_user)(request)
        if not user.is_authenticated and request.method in {"GET", "HEAD"}:
            return redirect_to_login(request.get_full_path(), login_url(), REDIRECT_FIELD_NAME)
        if not (user.is_active and user.is_staff):
            raise PermissionDenied
        access = await sync_to_async(self.may_do)(user)
        if access is None:
            raise PermissionDenied
        scope = scope_of(request, path, access)
        if isinstance(request, ASGIRequest):
            begun = await self._in_server.begin(scope, request.body)
            return response_of(begun, begun.parts())
        loop = self._in_thread
        dashboard = loop.dashboard
        answer = asyncio.run_coroutine_threadsafe(dashboard.begin(scope, request.body), loop.loop)
        begun = await asyncio.wrap_future(answer)
        return response_of(begun, loop.each(begun.parts()))

    @cached_property
    def _in_server(self) -> Dashboard:
        return Dashboard()

    @cached_property
    def _in_thread(self) -> LoopThread:
        return LoopThread()


class Dashboard:
    """The dashboard's ASGI application, asked in the event loop that runs."""

    def __init__(self) -> None:
        self.app = app(targets_of(resque), authorize=_access)

    async def begin(self, scope: dict[str, Any], body: bytes) -> Begun:
        """Start to answer a request; returns when the status and the headers are known."""
        begun = Begun()
        begun.task = asyncio.create_task(begun.run(self.app, scope, body))
        await begun.start
        return begun


class Begun:
    """An answer that has begun: status, headers, and the parts of its body as they come."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        #: The body of an answer that has but one part.
        self.whole: bytes | None = None
        self.start: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None
        self._parts: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=4)
        self._left = asyncio.Event()

    async def run(self, application: Any, scope: dict[str, Any], body: bytes) -> None:
        """Call the application. An error before its answer has begun is raised by ``start``."""
        asked = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> dict[str, Any]:
            for message in asked:
                return message
            await self._left.wait()
            return {"type": "http.disconnect"}

        try:
            await application(scope, receive, self._send)
            await self._parts.put(None)
        except BaseException as error:
            if self.start.done():
                if not self._left.is_set():
                    await self._parts.put(None)
                raise
            self.start.set_exception(error)

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], message.get("headers", [])
            return
        if not self.start.done():
            if not message.get("more_body", False):
                self.whole = message.get("body", b"")
            self.start.set_result(None)
        if self.whole is None and (part := message.get("body", b"")):
            await self._parts.put(part)

    async def parts(self) -> AsyncIterator[bytes]:
        """The parts of the body. If they are not read to the end, the application is told that the client has left."""
        try:
            while (part := await self._parts.get()) is not None:
                yield part
        finally:
            self._left.set()
            if self.task is not None and not self.task.done():
                self.task.cancel()


class LoopThread:
    """An event loop in a thread of its own, with the dashboard that it serves."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.dashboard = Dashboard()
        threading.Thread(target=self.loop.run_forever, name="dashboard", daemon=True).start()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def each(self, parts: AsyncIterator[bytes]) -> Iterator[bytes]:
        """The parts of a body, for a server that blocks."""
        try:
            while (part := self.wait(_next(parts))) is not None:
                yield part
        finally:
            self.wait(parts.aclose())  # type: ignore[attr-defined]  # of a generator


async def _next(parts: AsyncIterator[bytes]) -> bytes | None:
    return await anext(parts, None)


def response_of(begun: Begun, parts: Any) -> HttpResponseBase:
    """Return Django's response to an answer that has begun."""
    made: HttpResponseBase = (
        StreamingHttpResponse(parts, status=begun.status)
        if begun.whole is None
        else HttpResponse(begun.whole, status=begun.status)
    )
    del made.headers["content-type"]
    for name, value in begun.headers:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        if key.lower() == "set-cookie":
            made.cookies.load(text)
        else:
            made.headers[key] = text
    return made


def scope_of(request: HttpRequest, path: str, access: Answer) -> dict[str, Any]:
    """Return a request as ASGI describes it, below the path of the view."""
    meta = request.META
    headers = {name.lower(): value for name, value in request.headers.items()}
    return {
        "type": "http",
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path,
        "raw_path": getattr(request, "scope", {}).get("raw_path"),
        "root_path": request.path[: len(request.path) - len(path)].rstrip("/"),
        "query_string": meta.get("QUERY_STRING", "").encode(
            "utf-8" if isinstance(request, ASGIRequest) else "latin-1"  # as Django has decoded it
        ),
        "headers": [
            (name.encode("latin-1"), value.encode("utf-8", "surrogateescape"))
            for name, value in headers.items()
        ],
        "client": (meta.get("REMOTE_ADDR") or "", 0),
        "wsgi_environ": meta,
        "state": {},
        SCOPE: access,
    }


def login_url() -> str:
    """The page on which a user logs in: the admin's, else that of LOGIN_URL."""
    try:
        return reverse("admin:login")
    except NoReverseMatch:
        return str(settings.LOGIN_URL)


def _user(request: HttpRequest) -> Any:
    """Return the user of a request, read from the session. Raises ImproperlyConfigured without Django's authentication."""
    if not hasattr(request, "user"):
        raise ImproperlyConfigured(
            "the dashboard asks who is staff: add django.contrib.auth.middleware.AuthenticationMiddleware to MIDDLEWARE"
        )
    user: Any = request.user
    user.is_authenticated  # noqa: B018 - the session is read here, in a thread that may block
    return user


def _access(request: Request) -> Answer:
    """What the user of a request may do."""
    found: Answer = request.scope[SCOPE]
    return found


def view(may_do: MayDo) -> Callable[..., Any]:
    """Return the view as Django wants one: a function, without CSRF tokens, and in no transaction.

    The dashboard itself refuses changes that a browser does not say to come from its own pages.
    """
    answer = partial(DashboardView(may_do).__call__)

    async def dashboard(request: HttpRequest, path: str = "") -> HttpResponseBase:
        """The dashboard."""
        return await answer(request, path)

    dashboard.csrf_exempt = True  # type: ignore[attr-defined]  # what Django looks for
    dashboard.login_required = False  # type: ignore[attr-defined]  # as above: it asks itself
    dashboard._non_atomic_requests = set(settings.DATABASES)  # type: ignore[attr-defined]  # noqa: SLF001 - as above
    return dashboard
