"""Turns what handlers give into answers: HTML by the templates, or JSON."""

from __future__ import annotations

import functools
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import RedirectResponse, Response

from pyresque import __version__
from pyresque.job_text import age
from pyresque.printable import without_password
from pyresque.web import shown
from pyresque.web.dashboard import link
from pyresque.web.screen import OPEN
from pyresque.web.view import View

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from pyresque.web.dashboard import Dashboard
    from pyresque.web.screen import Screen
    from pyresque.web.view import Done, Page, Question

#: The cookie that carries what an action did to the next page. No script reads it, and no other site makes it be sent.
SAID = "pyresque_said"

#: The cookie that carries what names that action, where it can be undone.
UNDO = "pyresque_undo"

#: Letters of that text.
MOST_SAID = 400

#: Headings of the pages that say why there is no other, by the status of HTTP.
PROBLEMS = {
    400: "Not done",
    401: "Log in",
    403: "Not allowed",
    404: "Not found",
    503: "Redis does not answer",
}


@functools.cache
def _environment() -> Environment:
    """The templates, each compiled once in a process."""
    environment = Environment(
        loader=PackageLoader("pyresque.web"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown.visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=shown.number,
        cut=shown.cut,
        call=shown.call_of,
        json=shown.as_json,
        age=age,
    )
    environment.globals.update(count=shown.count)
    return environment


class Renderer:
    """Renders the pages of one dashboard."""

    def __init__(self, dash: Dashboard, tabs: Sequence[Page[Any]]) -> None:
        self.dash = dash
        self.tabs = [(page.path, page.tab) for page in tabs if page.tab]
        self.environment = _environment()

    def html(
        self,
        request: Request,
        view: View[Any],
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Return a page. It tells, once, what the action before it has done."""
        said = unquote(request.cookies.get(SAID, ""))[:MOST_SAID]
        undo = request.cookies.get(UNDO, "") if said else ""
        text = self.text(request, view, said=said, undo=undo)
        answer = Response(
            text.encode("utf-8", "backslashreplace"),
            status,
            headers,
            media_type="text/html; charset=utf-8",
        )
        for name in (SAID, UNDO):
            if name in request.cookies:
                answer.delete_cookie(name, path=_cookie_path(request))
        return answer

    def text(self, request: Request, view: View[Any], *, said: str = "", undo: str = "") -> str:
        """Return a page's HTML."""
        template = self.environment.get_template(view.template)
        return template.render(self._values(request, view, said, undo))

    def main(self, request: Request, view: View[Any]) -> str:
        """Return the HTML of a page's main part alone."""
        template = self.environment.get_template(view.template)
        values = template.new_context(self._values(request, view))
        return "".join(template.blocks["main"](values))

    def undo(self, request: Request, token: str) -> str:
        """Return the button that undoes an action; nothing for one that cannot be undone."""
        if not token:
            return ""
        base: str = request.scope.get("root_path", "")
        macros: Any = self.environment.get_template("macros.html").module
        return str(macros.post(base + "/failed/undo", "Undo", {"token": token}))

    def _values(
        self, request: Request, view: View[Any], said: str = "", undo: str = ""
    ) -> dict[str, Any]:
        """Return what templates can name."""
        base: str = request.scope.get("root_path", "")
        now = self.dash.now()

        def to(*parts: str, **query: Any) -> str:
            return base + link(*parts, **query)

        def act(*parts: str) -> str:
            return base + link(*parts, "").rstrip("/")

        settings = self.dash.settings
        return dict(
            **view.data,
            to=to,
            act=act,
            when=partial(shown.when, now=now),
            title=view.title,
            here=view.tab,
            tabs=self.tabs,
            said=said,
            undo=undo,
            may_change=getattr(request.state, "may_change", False),
            hidden=screen_of(request).hidden,
            user=getattr(getattr(request.state, "access", None), "user", ""),
            version=__version__,
            server=without_password(settings.server_url),
            namespace=settings.namespace,
            resque_name=self.dash.name,
            resque_names=self.dash.names,
            root=base.removesuffix(f"/{self.dash.name}") if self.dash.name else base,
            base=base,
        )

    def json(self, data: object, *, status: int = 200) -> Response:
        """Return JSON; bytes that are no UTF-8 stand in it as escaped surrogates."""
        text = shown.as_json(data)
        return Response(
            text.encode("utf-8", "backslashreplace"), status, media_type="application/json"
        )

    def problem(self, request: Request, status: int, text: str) -> Response:
        """Return an answer that says why there is no other."""
        text = screen_of(request).text(text)
        if for_program(request):
            return self.json({"error": text}, status=status)
        return self.html(
            request,
            View("problem.html", f"{PROBLEMS.get(status, 'Error')} ({status})", {"text": text}),
            status=status,
        )

    def question(self, request: Request, question: Question, form: Mapping[str, str]) -> Response:
        """Return the page that asks before an action; its form is sent to where it came from, with the time of the question."""
        given = {**question.fields, "asked": str(int(self.dash.now())), "confirm": "yes"}
        if for_program(request):
            inputs = {one.name: "" for one in question.inputs}
            send = {**inputs, **given}
            asked = {"question": question.text, "count": question.count, "send": send}
            return self.json(asked, status=409)
        fields = {**form, **given}
        data = {"question": question, "fields": fields, "action": request.scope["path"]}
        return self.html(request, View("question.html", question.button, data))

    def done(self, request: Request, done: Done) -> Response:
        """Return the answer to an action: a program is told what was done, a reader sees the next page."""
        if for_program(request):
            return self.json({"done": done.text, "count": done.count, "undo": done.undo or None})
        base = request.scope.get("root_path", "")
        answer = RedirectResponse(base + done.to, status_code=303)
        said = quote(done.text[:MOST_SAID].encode("utf-8", "backslashreplace"), safe="")
        for name, value in ((SAID, said), (UNDO, done.undo)):
            if value:
                answer.set_cookie(
                    name,
                    value,
                    max_age=60,
                    path=_cookie_path(request),
                    httponly=True,
                    samesite="strict",
                )
            elif name in request.cookies:
                answer.delete_cookie(name, path=_cookie_path(request))
        return answer


def for_program(request: Request) -> bool:
    """Return whether a request asks for JSON: by its path, or by Accept."""
    path = request.scope["path"]
    if path.endswith(".json") and request.query_params.get("format") != "html":
        return True
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept


def screen_of(request: Request) -> Screen:
    """Return what the reader may see of the jobs' arguments; before it is known who asks, nothing is shown that is not the dashboard's."""
    found: Screen = getattr(request.state, "screen", OPEN)
    return found


def _cookie_path(request: Request) -> str:
    return request.scope.get("root_path", "") or "/"
