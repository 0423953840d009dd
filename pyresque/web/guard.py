"""What stands before every page: who may do what, where a change may come from, and the headers of every answer."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request

from pyresque.web.auth import LogIn, ask
from pyresque.web.view import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pyresque.web.auth import Access, Authorize
    from pyresque.web.render import Renderer
    from pyresque.web.screen import Rules

#: Nothing but what the dashboard itself serves is loaded or run, and no other page may hold it in a frame.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

#: Methods that change nothing.
SAFE = ("GET", "HEAD")

#: Paths that a probe may ask for without a name.
OPEN = ("/healthz",)


class Guard:
    """The first application of the dashboard: it lets a request through to the pages, or answers itself."""

    def __init__(
        self,
        pages: ASGIApp,
        renderer: Renderer,
        authorize: Authorize,
        *,
        hosts: Collection[str] = (),
        prefix: str = "",
        read_only: bool = False,
        rules: Rules,
        began: Callable[[], object] = bool,
        end: Callable[[], object] = bool,
        name: str = "",
    ) -> None:
        """``hosts``: the only names by which browsers may call the dashboard; none: any. ``began`` is called at each request.

        ``end`` is what ends the streams of open pages, for the server that stops.
        """
        self.pages = pages
        self.renderer = renderer
        self.authorize = authorize
        self.hosts = frozenset(hosts)
        self.prefix = prefix
        self.read_only = read_only
        self.rules = rules
        self.began = began
        self.end = end
        self.name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what is no request is the pages' own."""
        if scope["type"] != "http":
            await self.pages(scope, receive, send)
            return
        self.began()
        scope = self._placed(scope)
        request = Request(scope, receive)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in HEADERS.items():
                    headers[name] = value
                if "cache-control" not in headers:
                    headers["cache-control"] = "no-store"
            await send(message)

        refusal = await self._refusal(request)
        if refusal is None:
            await self.pages(scope, receive, with_headers)
            return
        status, text, more = refusal
        answer = self.renderer.problem(request, status, text)
        answer.headers.update(more)
        await answer(scope, receive, with_headers)

    async def _refusal(self, request: Request) -> tuple[int, str, Mapping[str, str]] | None:
        """Return status, reason and headers of a refusal; None for a request that may go on."""
        if self.hosts and (host := _host(request)) not in self.hosts:
            return 421, f"This dashboard is not to be called by the name {host!r}.", {}
        request.state.access = None
        request.state.resque = self.name
        if _path(request) in OPEN and request.method in SAFE:
            return None
        access = await ask(self.authorize, request)
        if access is None:
            login = self.authorize
            challenge = {"www-authenticate": login.challenge} if isinstance(login, LogIn) else {}
            return (
                401,
                "Who are you? This dashboard wants a name and password, or a token.",
                challenge,
            )
        request.state.access = access
        request.state.screen = self.rules.screen(access)
        request.state.may_change = access.may_change and not self.read_only
        if request.method in SAFE:
            return None
        if request.method != "POST":
            return (
                405,
                "Pages are read by GET, and changes are made by POST.",
                {"allow": "GET, HEAD, POST"},
            )
        return self._refused_change(request, access)

    def _refused_change(
        self, request: Request, access: Access
    ) -> tuple[int, str, Mapping[str, str]] | None:
        if self.read_only:
            return 403, "This dashboard is read-only.", {}
        if not access.may_change:
            return 403, "You may look, and not change anything.", {}
        try:
            check_origin(request)
        except Refused as error:
            return 403, str(error), {}
        return None

    def _placed(self, scope: Scope) -> Scope:
        """Return the scope with its paths as they were sent, quoted: a name in a path may have a slash, or bytes that are no UTF-8.

        A proxy may have cut the prefix off, or not; a framework the path of its mount.
        """
        root = quote(self.prefix or scope.get("root_path", ""))
        path = quoted_path(scope, self.prefix)
        if root and not (path == root or path.startswith(f"{root}/")):
            path = root + path
        return {**scope, "path": path, "root_path": root}


def quoted_path(scope: Scope, prefix: str = "") -> str:
    """Return a request's path as it was sent; where a framework has changed it since, as it is now.

    A framework may have cut off the path of its mount, and Litestar adds a slash. WSGI servers tell what was sent by names of their own.
    """
    path: str = scope["path"]
    environ = scope.get("wsgi_environ") or {}
    told = environ.get("REQUEST_URI") or environ.get("RAW_URI") or ""
    sent = (scope.get("raw_path") or told.encode("latin-1", "replace")).split(b"?")[0]
    found: str = sent.decode("latin-1")
    known = {(front + path).rstrip("/") for front in ("", prefix, scope.get("root_path", ""))}
    if found and unquote(found).rstrip("/") in known:
        return found
    return quote(path.encode("utf-8", "surrogateescape"), safe="/:@!$&'()*+,;=~")


def check_origin(request: Request) -> None:
    """Raise Refused for a change that a page of another site may have sent.

    Browsers say where a request comes from, by Sec-Fetch-Site or by Origin. A program without them shows a bearer token, which no
    browser adds by itself.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site != "same-origin":
            raise Refused(f"This change comes from another site ({site!r}).")
        return
    origin = request.headers.get("origin")
    if origin is not None:
        if urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
            raise Refused(f"This change comes from another site ({origin!r}).")
        return
    if not request.headers.get("authorization", "").lower().startswith("bearer "):
        raise Refused(
            "Nothing says where this change comes from: send the header Sec-Fetch-Site: same-origin, or a bearer token."
        )


def _host(request: Request) -> str:
    """Return the host that a request names, without its port."""
    host = request.headers.get("host", "").lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _path(request: Request) -> str:
    """Return the path below the dashboard."""
    path: str = request.scope["path"]
    return path.removeprefix(request.scope.get("root_path", ""))
