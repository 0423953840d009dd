"""Describes the dashboard's JSON by OpenAPI 3.1, from the table of pages and actions; serves it as ``/openapi.json``."""

from __future__ import annotations

import re
from functools import lru_cache
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from pyresque import __version__
from pyresque.web.json_schema import Components
from pyresque.web.pages import ACTIONS, ANSWERS, PAGES
from pyresque.web.parameters import PARAMETERS
from pyresque.web.shapes import answers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from pyresque.web.view import Action, Answer, Page

ABOUT = """\
Every page of the dashboard, and every change that it makes. Send `Accept: application/json`; a page is also read by its path with
`.json` at the end. A name in a path is quoted whole, a slash as `%2F`. A change is a form, and comes with a bearer token, or with
the header `Sec-Fetch-Site: same-origin`. One that destroys is answered by 409 with its question, until `confirm` is `yes`.
Bytes that are no UTF-8 stand in texts as lone surrogates: `\\udcff` for the byte ff.
"""

#: Refusals, by status. Every operation has these; a page below a name may be missing, too.
REFUSALS = {
    "400": "The request asks for what cannot be.",
    "401": "Nobody is logged in.",
    "421": "The dashboard is not to be called by this name.",
    "500": "The dashboard has a fault, or Redis refused a command.",
    "503": "Redis does not answer.",
}
NOT_THERE = "What the path or the form names is not there."
FORBIDDEN = "You may look alone; or nothing says that this change comes from the dashboard itself."


async def serve(request: Request) -> Response:
    """Answer with the description; its server is the path below which the dashboard stands."""
    root: str = request.scope.get("root_path", "")
    return JSONResponse({**description(), "servers": [{"url": root or "/"}]})


@lru_cache
def description() -> dict[str, Any]:
    """Return the description as an OpenAPI 3.1 document."""
    components = Components()
    errors = _json(components.of(answers.ErrorAnswer))
    responses = {f"Error{status}": _response(text, errors) for status, text in REFUSALS.items()}
    responses["Error403"] = _response(FORBIDDEN, errors)
    responses["Error404"] = _response(NOT_THERE, errors)
    paths = {page.path: {"get": _page(page, components)} for page in PAGES}
    paths |= {answer.path: {"get": _answer(answer)} for answer in ANSWERS}
    paths |= {action.path: {"post": _action(action, components)} for action in ACTIONS}
    return {
        "openapi": "3.1.0",
        "info": {"title": "pyresque web", "version": __version__, "description": ABOUT},
        "paths": paths,
        "security": [{}, {"basic": []}, {"bearer": []}],
        "components": {
            "schemas": dict(sorted(components.schemas.items())),
            "responses": responses,
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _page(page: Page[Any], components: Components) -> dict[str, Any]:
    wanted = page.shape if isinstance(page.shape, tuple) else (page.shape,)
    found = [components.of(shape) for shape in wanted]
    schema = found[0] if len(found) == 1 else {"anyOf": found}
    return {
        **_said(page.show),
        "tags": [page.path.split("/")[1]],
        "parameters": [*_in_path(page.path), *_in_query(page.query)],
        "responses": {
            "200": _response("The data of the page.", _json(schema)),
            **_refusals("404"),
        },
    }


def _answer(answer: Answer) -> dict[str, Any]:
    """Describe what is no page. A fault of Redis is told in the answer's own way, or as JSON."""
    body = {answer.media_type: {"schema": {} if answer.media_type.endswith("json") else TEXT}}
    ways = {**body, "application/json": {"schema": {}}}
    return {
        "summary": answer.text,
        "tags": ["programs"],
        "responses": {
            "200": _response(answer.text, body),
            **_refusals(),
            "503": _response(REFUSALS["503"], ways),
        },
    }


TEXT = {"type": "string"}


def _action(action: Action, components: Components) -> dict[str, Any]:
    done = _response("What was done.", _json(components.of(answers.DoneAnswer)))
    names = [*action.fields, *(["confirm", "asked"] if action.asks is not None else [])]
    operation = {
        **_said(action.does),
        "tags": [action.path.split("/")[1]],
        "parameters": _in_path(action.path),
        "responses": {"200": done, **_refusals("403", "404")},
    }
    if names:
        properties = {
            name: {**PARAMETERS[name].schema, "description": PARAMETERS[name].text}
            for name in names
        }
        form = {"schema": {"type": "object", "properties": properties}}
        operation["requestBody"] = {"content": {"application/x-www-form-urlencoded": form}}
    if action.asks is not None:
        question = _json(components.of(answers.QuestionAnswer))
        operation["responses"]["409"] = _response("The question before it.", question)
    return operation


def _said(handler: Callable[..., object]) -> dict[str, Any]:
    """Return what a handler's docstring says of it: its first line, and all of it if there is more."""
    text = cleandoc(handler.__doc__ or "")
    summary, _, more = text.partition("\n")
    return {"summary": summary, **({"description": text} if more else {})}


def _in_path(path: str) -> list[dict[str, Any]]:
    return [
        {**_parameter(name), "in": "path", "required": True}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _in_query(names: Sequence[str]) -> list[dict[str, Any]]:
    return [{**_parameter(name), "in": "query"} for name in names]


def _parameter(name: str) -> dict[str, Any]:
    known = PARAMETERS[name]
    return {"name": name, "description": known.text, "schema": known.schema}


def _refusals(*more: str) -> dict[str, Any]:
    return {
        status: {"$ref": f"#/components/responses/Error{status}"}
        for status in sorted((*REFUSALS, *more))
    }


def _response(text: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": text, "content": content}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
